"""All advice keeps to its samples: it is meant for whom it says, and for nobody else."""

from __future__ import annotations

import pytest

from davy.knowledge.advice import Circumstances, KnownAdvice, known_advice
from davy.model.autostarts import AutostartKind
from davy.model.incidents import Kind, Role

ADVICE = known_advice()


@pytest.mark.parametrize("one", ADVICE, ids=lambda one: one.id)
def test_advice_keeps_to_its_samples(one: KnownAdvice) -> None:
    assert one.must_match
    assert one.must_not_match or not one.when
    for sample in one.must_match:
        assert one.meant_for(sample), sample
    for sample in one.must_not_match:
        assert not one.meant_for(sample), sample


def test_conditions_use_the_words_that_incidents_use() -> None:
    kinds, roles = {kind.value for kind in AutostartKind}, {role.value for role in Role}
    hiders = {kind.value for kind in Kind} | {"tool"}
    for one in ADVICE:
        for when in one.when:
            assert set(when.autostarts or ()) <= kinds, one.id
            assert set(when.roles or ()) <= roles, one.id
            assert set(when.hiders or ()) <= hiders, one.id
            assert set(when.ways or ()) <= {"service", "login", "container", "package", "unknown"}, one.id


def test_every_condition_is_needed_by_a_sample() -> None:
    for one in ADVICE:
        for when in one.when:
            assert any(when.holds(sample) for sample in one.must_match), (one.id, when)


def test_ids_are_told_once_and_texts_are_plain_sentences_without_an_end() -> None:
    assert len({one.id for one in ADVICE}) == len(ADVICE)
    for one in ADVICE:
        for text in (one.what, one.why):
            assert text
            assert text == " ".join(text.split()), one.id
            assert not text.endswith("."), one.id


def test_what_victims_tried_in_vain_is_said_where_they_would_try_it() -> None:
    here = Circumstances(
        way="service", door="php-fpm", family="kinsing", roles=("guardian", "miner", "autostart"), container=True,
        composed=True, published=True, exposed=True, pool=True, mining=True, dummies=True,
    )  # fmt: skip
    vain = {one.id for one in ADVICE if not one.works and one.meant_for(here)}
    assert vain >= {
        "kill-loop", "dummies", "pool-port", "same-compose-file", "ufw-before-docker", "same-configuration", "restart",
        "overlay-files", "snapshot",
    }  # fmt: skip


def test_little_is_said_where_little_is_known() -> None:
    assert {one.id for one in ADVICE if one.meant_for(Circumstances())} == {"rotate-secrets"}
