"""Every weight is written down with its reason, and every one that is written down is used."""

from __future__ import annotations

import inspect
import sys

import pytest
from tests.unit.detect.samples import MATCHING
from tests.unit.detect.samples_verdict import CLIENT, FURTHER, WORK

from davy.correlate.guardians import RULE as GUARDIAN
from davy.correlate.guardians import Guardian
from davy.correlate.payees import RULE as PAYEE
from davy.correlate.payees import paying
from davy.detect import DETECTORS
from davy.knowledge.commands import AUTOSTART_RULES, shapes
from davy.knowledge.data import listed, read
from davy.knowledge.weights import Weight, Weights, weight_of, weights
from davy.model.findings import Aspect

ALL = tuple(weights().values())


def _named(weight: Weight) -> str:
    return f"{weight.rule} {weight.degree}"


@pytest.mark.parametrize("weight", ALL, ids=_named)
def test_a_weight_has_a_reason_in_a_sentence(weight: Weight) -> None:
    assert weight.reason.endswith(".")
    assert len(weight.reason) > 25
    assert "\n" not in weight.reason


@pytest.mark.parametrize("weight", ALL, ids=_named)
def test_trust_is_negative_and_everything_else_is_not(weight: Weight) -> None:
    assert (weight.bits < 0) is weight.rule.startswith("trust.")
    assert 0 < abs(weight.bits) <= 10


def test_what_is_conclusive_says_why() -> None:
    for weight in ALL:
        if weight.conclusive:
            assert not weight.rule.startswith(("identity.family", "origin.", "trust.")), "no proof"
            assert "proof" in weight.reason or "proves" in weight.reason


@pytest.mark.parametrize("name", listed("weights"))
def test_a_file_holds_one_aspects_weights_by_rule_and_none_twice(name: str) -> None:
    aspect = name.removeprefix("weights/").removesuffix(".toml")
    assert aspect in {each.value for each in Aspect}
    found = read(name, Weights).weight
    assert {weight.rule.partition(".")[0] for weight in found} == {aspect}
    rules = list(dict.fromkeys(weight.rule for weight in found))
    assert [weight.rule for weight in found] == [w.rule for rule in rules for w in found if w.rule == rule]
    assert len({(weight.rule, weight.degree) for weight in found}) == len(found)


def test_every_weight_is_of_a_rule_that_there_is() -> None:
    assert {weight.rule for weight in ALL} == {each.rule for each in DETECTORS} | {GUARDIAN, PAYEE}


def test_every_shape_of_command_has_its_weight_under_the_rule_of_its_aspect() -> None:
    for shape in shapes():
        assert shape.rule.partition(".")[0] == shape.aspect
        assert (shape.rule, shape.id) in weights()
    assert {shape.rule for shape in shapes()} <= set(AUTOSTART_RULES.values())


def test_what_is_not_written_down_is_no_weight() -> None:
    with pytest.raises(KeyError):
        weight_of("behaviour.cpu-load", "on Sundays")


def test_every_weight_is_used_by_a_sample() -> None:
    by_rule = {each.rule: each for each in DETECTORS}
    samples = [*((sample.rule, sample.snapshot) for sample in MATCHING), *FURTHER]
    used = {(rule, seen.degree) for rule, of in samples for seen in by_rule[rule].observe(of)}
    used |= {(shape.rule, shape.id) for shape in shapes()}  # each has samples of its own
    used |= {(paying((CLIENT,), WORK, "an address").rule, "")}
    told = inspect.getsource(sys.modules[Guardian.__module__])
    used |= {(GUARDIAN, weight.degree) for weight in ALL if weight.rule == GUARDIAN and f'"{weight.degree}"' in told}
    assert sorted(weights().keys() - used) == []
    assert sorted(used - weights().keys()) == []
