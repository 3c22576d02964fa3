"""How findings about one subject add up to a verdict."""

from __future__ import annotations

import pytest

from davy.correlate.verdict import by_aspect, confidence, total_bits, verdict_of
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Verdict


def of(aspect: Aspect, *bits: float) -> list[Finding]:
    return [Finding(rule=f"{aspect}.x", aspect=aspect, bits=each, subject="process:1:1", summary="") for each in bits]


IDENTITY, ORIGIN, BEHAVIOUR = Aspect.IDENTITY, Aspect.ORIGIN, Aspect.BEHAVIOUR
NETWORK, PERSISTENCE, TRUST = Aspect.NETWORK, Aspect.PERSISTENCE, Aspect.TRUST


def test_nothing_found_is_clean() -> None:
    assert (verdict_of([]), total_bits([])) == (Verdict.CLEAN, 0.0)


def test_aspects_add_up() -> None:
    assert total_bits(of(ORIGIN, 3.0) + of(BEHAVIOUR, 2.0) + of(NETWORK, 1.0)) == 6.0


def test_within_an_aspect_only_the_strongest_counts_in_full() -> None:
    assert by_aspect(of(IDENTITY, 1.0, 5.0, 3.0)) == {IDENTITY: 5.0 + (1.0 + 3.0) / 4}


def test_the_order_of_findings_makes_no_difference() -> None:
    findings = of(IDENTITY, 5.0, 2.0) + of(TRUST, -3.0, -1.0) + of(BEHAVIOUR, 3.0)
    assert by_aspect(findings) == by_aspect(findings[::-1])


def test_trust_subtracts() -> None:
    against = of(ORIGIN, 4.0) + of(BEHAVIOUR, 3.0)
    assert verdict_of(against) is Verdict.SUSPECT
    assert verdict_of(against + of(TRUST, -6.0)) is Verdict.CLEAN
    assert total_bits(against + of(TRUST, -6.0)) == 1.0


@pytest.mark.parametrize("aspect", [aspect for aspect in Aspect if aspect is not Aspect.CONCEALMENT])
def test_one_aspect_is_never_enough(aspect: Aspect) -> None:
    assert verdict_of(of(aspect, 20.0, 20.0)) is Verdict.CLEAN


def test_nobody_hides_by_chance() -> None:
    assert verdict_of(of(Aspect.CONCEALMENT, 6.0)) is Verdict.SUSPECT
    assert verdict_of(of(Aspect.CONCEALMENT, 5.0)) is Verdict.CLEAN


def test_an_aspect_that_says_next_to_nothing_is_no_second_one() -> None:
    assert verdict_of(of(BEHAVIOUR, 9.0) + of(PERSISTENCE, 0.5)) is Verdict.CLEAN
    assert verdict_of(of(BEHAVIOUR, 9.0) + of(PERSISTENCE, 2.0)) is Verdict.CONFIRMED


def test_suspect_begins_at_six_bits_and_confirmed_at_nine() -> None:
    assert verdict_of(of(ORIGIN, 3.0) + of(BEHAVIOUR, 2.9)) is Verdict.CLEAN
    assert verdict_of(of(ORIGIN, 3.0) + of(BEHAVIOUR, 3.0)) is Verdict.SUSPECT
    assert verdict_of(of(ORIGIN, 5.9) + of(BEHAVIOUR, 3.0)) is Verdict.SUSPECT
    assert verdict_of(of(ORIGIN, 6.0) + of(BEHAVIOUR, 3.0)) is Verdict.CONFIRMED


def test_names_and_places_alone_never_confirm() -> None:
    dead = of(IDENTITY, 5.0, 5.0, 5.0) + of(ORIGIN, 5.0, 4.0, 3.0)
    assert total_bits(dead) > 12
    assert verdict_of(dead) is Verdict.SUSPECT
    assert verdict_of(dead + of(PERSISTENCE, 0.5)) is Verdict.SUSPECT


def test_names_and_ports_alone_never_confirm() -> None:
    proxy = of(IDENTITY, 5.0, 5.0) + of(NETWORK, 3.0)
    assert total_bits(proxy) > 9
    assert verdict_of(proxy) is Verdict.SUSPECT
    assert verdict_of(proxy + of(ORIGIN, 3.0)) is Verdict.SUSPECT
    assert verdict_of(of(IDENTITY, 5.0, 5.0) + of(NETWORK, 6.0)) is Verdict.CONFIRMED, "a known pool is more"


def test_what_may_confirm_is_a_deed() -> None:
    for aspect in Aspect:
        deed = aspect not in (IDENTITY, ORIGIN, TRUST)
        both = of(aspect, 6.0) + of(IDENTITY if aspect is not IDENTITY else ORIGIN, 6.0)
        assert (verdict_of(both) is Verdict.CONFIRMED) is deed


def test_confidence_grows_with_bits_and_is_even_where_suspicion_begins() -> None:
    assert confidence(6.0) == 0.5
    shown = [confidence(bits) for bits in (-50.0, 0.0, 5.0, 6.0, 9.0, 50.0, 5000.0)]
    assert shown == sorted(shown)
    assert 0.0 <= shown[0] <= shown[-1] <= 1.0
