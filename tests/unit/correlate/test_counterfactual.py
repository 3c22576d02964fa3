"""What a verdict rests on, and what would have changed it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from davy.correlate.counterfactual import account, decisive
from davy.correlate.verdict import DEEDS, LOADS, total_bits, verdict_of
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Verdict

SUBJECT = "process:1:1"


def finding(aspect: Aspect, bits: float, rule: str = "", *, conclusive: bool = False) -> Finding:
    return Finding(
        rule=rule or f"{aspect}.x", aspect=aspect, bits=bits, subject=SUBJECT, summary="", conclusive=conclusive
    )


LOAD = finding(Aspect.BEHAVIOUR, 3.0, "behaviour.cpu-load")
ORIGIN = finding(Aspect.ORIGIN, 3.0)

FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(Aspect),
        st.floats(-9, 9).map(lambda bits: round(bits, 1)),
        st.sampled_from(["", *sorted(LOADS)]),
        conclusive=st.booleans(),
    ),
    max_size=6,
)


def test_the_sum_is_told_by_aspect_with_the_strongest_in_full_and_the_others_for_a_quarter() -> None:
    told = account(SUBJECT, [LOAD, ORIGIN, finding(Aspect.ORIGIN, 1.0)])
    assert [(part.aspect, part.bits, part.strongest, part.further) for part in told.parts] == [
        (Aspect.ORIGIN, 3.25, 3.0, (1.0,)),
        (Aspect.BEHAVIOUR, 3.0, 3.0, ()),
    ]
    assert told.bits == 6.25
    assert told.verdict is Verdict.SUSPECT


def test_without_the_one_finding_that_carries_it_the_verdict_is_another() -> None:
    told = account(SUBJECT, [LOAD, ORIGIN])
    assert [(change.without, change.verdict) for change in told.changes] == [
        (("behaviour.cpu-load",), Verdict.CLEAN),
        (("origin.x",), Verdict.CLEAN),
    ]


def test_where_no_single_finding_makes_the_difference_aspects_are_left_out() -> None:
    two = [finding(Aspect.CONTENT, 7.0, "content.a"), finding(Aspect.CONTENT, 7.0, "content.b")]
    told = account(SUBJECT, [*two, finding(Aspect.ORIGIN, 3.0), LOAD])
    assert (("content",), Verdict.SUSPECT) in [(change.without, change.verdict) for change in told.changes]


def test_what_trust_let_go_would_have_been_another_verdict_without_it() -> None:
    told = account(SUBJECT, [LOAD, ORIGIN, finding(Aspect.TRUST, -6.0)])
    assert [(change.without, change.verdict) for change in told.changes] == [(("trust.x",), Verdict.SUSPECT)]


def test_a_suspect_is_told_what_more_would_confirm_it() -> None:
    told = account(SUBJECT, [LOAD, ORIGIN])
    assert told.wanting == (
        "proof: a pool conversation, a RandomX rounding proof, a known sample's hash",
        "3.0 bits more from an aspect other than identity and origin",
    )


def test_what_is_conclusive_wants_load_only() -> None:
    told = account(SUBJECT, [finding(Aspect.CONTENT, 6.0, conclusive=True)])
    assert told.wanting[0].startswith("half a core")


def test_nothing_more_is_wanted_of_what_is_confirmed() -> None:
    told = account(SUBJECT, [LOAD, finding(Aspect.CONTENT, 7.0)])
    assert told.verdict is Verdict.CONFIRMED
    assert told.wanting == ()


def test_the_loudest_subject_decides() -> None:
    quiet = Finding(rule="origin.x", aspect=Aspect.ORIGIN, bits=1.0, subject="process:2:2", summary="")
    told = decisive([quiet, LOAD, ORIGIN], ["process:2:2", SUBJECT])
    assert told is not None
    assert told.subject == SUBJECT
    assert decisive([], [SUBJECT]) is None


@settings(deadline=None)
@given(FINDINGS)
def test_every_change_is_what_the_verdict_function_says(findings: list[Finding]) -> None:
    told = account(SUBJECT, findings)
    assert told.verdict is verdict_of(findings)
    assert told.bits == total_bits(findings)
    outcomes = set()
    for left_out in range(len(findings)):
        outcomes.add(verdict_of([*findings[:left_out], *findings[left_out + 1 :]]))
    for change in told.changes:
        assert change.verdict is not told.verdict
        if len(change.without) == 1 and "." in change.without[0]:
            assert change.verdict in outcomes


@settings(deadline=None)
@given(FINDINGS)
def test_what_is_wanting_does_confirm(findings: list[Finding]) -> None:
    for words in account(SUBJECT, findings).wanting:
        if words.endswith("identity and origin"):
            bits = float(words.split()[0])
            assert any(verdict_of([*findings, finding(deed, bits)]) is Verdict.CONFIRMED for deed in DEEDS)
