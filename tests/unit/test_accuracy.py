"""The corpus, replayed: every miner is confirmed, no honest work is accused, and what is written of it is so."""

from __future__ import annotations

import pytest
from bench.accuracy import counts as counting
from bench.accuracy.__main__ import LEFT_OUT_SHARE, left_out
from bench.accuracy.forgetting import forgotten
from bench.accuracy.measure import Outcome, Played, outcome, played
from bench.accuracy.page import PAGE, Figures, figures, page
from bench.corpus.case import CORPUS, capsule_of, cases

from davy.knowledge import families, family_by_name
from davy.model.incidents import Verdict


@pytest.fixture(scope="module")
def everything() -> list[Played]:
    return list(played())


@pytest.fixture(scope="module")
def outcomes(everything: list[Played]) -> list[Outcome]:
    return [outcome(one) for one in everything]


@pytest.fixture(scope="module")
def without(everything: list[Played]) -> dict[str, Verdict]:
    return left_out(everything)


@pytest.fixture(scope="module")
def found(outcomes: list[Outcome], without: dict[str, Verdict]) -> Figures:
    return figures(outcomes, without)


def test_every_case_was_recorded_and_every_capsule_has_its_case() -> None:
    listed = {capsule_of(path) for path, _ in cases()}
    assert listed == set(CORPUS.glob("*/*.davy"))


def test_the_corpus_has_honest_work_of_forty_kinds_and_only_known_families(everything: list[Played]) -> None:
    assert sum(one.kind == "honest" for one in everything) >= 40
    known = {family.id for family in families()}
    assert {one.case.family for one in everything if one.case.family} <= known
    assert all(one.case.truth.verdict is Verdict.CLEAN for one in everything if one.kind == "honest")


def test_capsules_are_small_and_of_one_clean_machine(everything: list[Played]) -> None:
    sizes = [capsule.stat().st_size for capsule in CORPUS.glob("*/*.davy")]
    assert max(sizes) < 60_000
    assert sum(sizes) < 6_000_000
    assert {(one.snapshot.host.name, one.snapshot.host.kernel) for one in everything} == {("lab", "6.1.0-lab-amd64")}


def test_every_miner_is_confirmed(outcomes: list[Outcome], found: Figures) -> None:
    wanted = [one for one in outcomes if one.case.truth.verdict is Verdict.CONFIRMED]
    assert {one.name: one.got for one in wanted if one.got is not Verdict.CONFIRMED} == {}
    assert found.recall == 1.0


def test_no_honest_work_is_accused(outcomes: list[Outcome], found: Figures) -> None:
    clean = [one for one in outcomes if one.case.truth.verdict is Verdict.CLEAN]
    assert {one.name: (one.got, one.wrong) for one in clean if one.got is not Verdict.CLEAN} == {}
    assert found.precision == 1.0


def test_nobody_but_the_gang_is_named_and_hardly_any_of_it_is_missed(outcomes: list[Outcome], found: Figures) -> None:
    assert {one.name: one.wrong for one in outcomes if one.wrong} == {}
    assert found.subject_recall >= 0.98, {one.name: one.missed for one in outcomes if one.missed}


def test_a_family_that_nobody_knows_is_confirmed_by_what_it_does(without: dict[str, Verdict], found: Figures) -> None:
    lost = {name: got for name, got in without.items() if got is not Verdict.CONFIRMED}
    assert found.left_out >= LEFT_OUT_SHARE, lost


def test_a_forgotten_family_is_known_again_afterwards() -> None:
    assert family_by_name("kdevtmpfsi") is not None
    with forgotten("kinsing"):
        assert family_by_name("kdevtmpfsi") is None
    match = family_by_name("kdevtmpfsi")
    assert match is not None
    assert match.family == "kinsing"


def test_the_page_and_the_counts_of_the_weights_are_up_to_date(
    outcomes: list[Outcome], without: dict[str, Verdict]
) -> None:
    counts = counting.counted(outcomes)
    assert counting.differing(counts) == [], "run: python -m bench.accuracy --write --update-counts"
    assert PAGE.read_text() == page(outcomes, without, counts), "run: python -m bench.accuracy --write --update-counts"
