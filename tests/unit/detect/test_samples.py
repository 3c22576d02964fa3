"""Every detector sees what it is there for, names it, and leaves its honest look-alikes alone."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.unit.detect.samples import MATCHING, SPARED, Sample

from davy.detect import DETECTORS, detect
from davy.detect.rule import Detector
from davy.model.findings import Aspect

BY_RULE = {each.rule: each for each in DETECTORS}


def _named(sample: Sample) -> str:
    return f"{sample.rule}: {sample.what}"


def _rule(detector: Detector) -> str:
    return detector.rule


@pytest.mark.parametrize("sample", MATCHING, ids=_named)
def test_a_detector_names_what_it_is_there_for(sample: Sample) -> None:
    found = list(BY_RULE[sample.rule](sample.snapshot))
    assert {finding.subject for finding in found} == {sample.subject}
    for finding in found:
        assert (finding.bits < 0) is (finding.aspect is Aspect.TRUST)
        assert finding.bits
        assert finding.summary
        assert finding.evidence or finding.aspect is Aspect.TRUST


@pytest.mark.parametrize("sample", SPARED, ids=_named)
def test_a_detector_leaves_look_alikes_alone(sample: Sample) -> None:
    assert list(BY_RULE[sample.rule](sample.snapshot)) == []


@pytest.mark.parametrize("detector", DETECTORS, ids=_rule)
def test_every_detector_has_a_sample_of_either_kind(detector: Detector) -> None:
    assert [each for each in MATCHING if each.rule == detector.rule], "a sample that it must match"
    assert [each for each in SPARED if each.rule == detector.rule], "a sample that it must leave alone"


def test_every_sample_is_of_a_detector_and_says_whom_it_means() -> None:
    assert {sample.rule for sample in (*MATCHING, *SPARED)} <= BY_RULE.keys()
    assert all(sample.subject for sample in MATCHING)
    assert not any(sample.subject for sample in SPARED)


def test_no_sample_stands_twice() -> None:
    assert [name for name, times in Counter(map(_named, (*MATCHING, *SPARED))).items() if times > 1] == []


def test_no_two_detectors_share_a_rule() -> None:
    assert [rule for rule, times in Counter(each.rule for each in DETECTORS).items() if times > 1] == []


@pytest.mark.parametrize("detector", DETECTORS, ids=_rule)
def test_every_detector_tells_a_person_what_it_means(detector: Detector) -> None:
    assert len(detector.meaning) > 40
    assert detector.meaning.partition("\n")[0].endswith((".", ":")), "the first line is a sentence"
    assert detector.rule.partition(".")[0] in {aspect.value for aspect in Aspect}
    assert detector.technique or detector.aspect is Aspect.TRUST


def test_detect_puts_every_question() -> None:
    for sample in MATCHING:
        assert sample.rule in {finding.rule for finding in detect(sample.snapshot) if finding.subject == sample.subject}
