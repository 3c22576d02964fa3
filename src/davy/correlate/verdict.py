"""Bits and verdict: how findings about one subject add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from davy.model.findings import Aspect, Finding
from davy.model.incidents import Verdict

SUSPECT_BITS: Final = 6.0
"""From so many bits, out of two aspects or of concealment alone, a subject is suspect."""
CONFIRMED_BITS: Final = 9.0
"""From so many bits a suspect is confirmed, if one aspect that counts is neither identity nor origin."""
_FURTHER_SHARE: Final = 0.25
"""What a second finding of the same aspect counts: it is hardly independent of the first."""
_LEAST_BITS: Final = 2.0
"""An aspect with less than this does not count as one of the two, nor as the one that confirms."""
_DEEDS: Final = {
    Aspect.BEHAVIOUR: _LEAST_BITS,
    Aspect.CONTENT: _LEAST_BITS,
    Aspect.NETWORK: 4.0,
    Aspect.PERSISTENCE: _LEAST_BITS,
    Aspect.CONCEALMENT: _LEAST_BITS,
}
"""What may confirm, from so many bits on.  A port alone has less: names and ports alone confirm nothing."""


def by_aspect(findings: Iterable[Finding]) -> dict[Aspect, float]:
    """Bits per aspect: the strongest finding in full, the others for a quarter."""
    grouped: dict[Aspect, list[float]] = defaultdict(list)
    for finding in findings:
        grouped[finding.aspect].append(finding.bits)
    return {
        aspect: max(bits, key=abs) + _FURTHER_SHARE * (sum(bits) - max(bits, key=abs))
        for aspect, bits in grouped.items()
    }


def total_bits(findings: Iterable[Finding]) -> float:
    """The sum over aspects."""
    return sum(by_aspect(findings).values())


def of_two_kinds(aspects: Mapping[Aspect, float]) -> bool:
    """Whether there is evidence of two kinds, or of hiding, which nobody does by chance."""
    counting = [aspect for aspect, bits in aspects.items() if bits >= _LEAST_BITS]
    return len(counting) >= 2 or aspects.get(Aspect.CONCEALMENT, 0.0) >= SUSPECT_BITS


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """What the findings about one subject come to."""
    aspects = by_aspect(findings)
    total = sum(aspects.values())
    if total < SUSPECT_BITS or not of_two_kinds(aspects):
        return Verdict.CLEAN
    if total >= CONFIRMED_BITS and any(aspects.get(deed, 0.0) >= least for deed, least in _DEEDS.items()):
        return Verdict.CONFIRMED
    return Verdict.SUSPECT


def confidence(bits: float) -> float:
    """How sure the bits make one, 0..1, from even odds at `SUSPECT_BITS`: a miner is a rare thing to meet."""
    return float(round(1.0 / (1.0 + 2.0 ** (SUSPECT_BITS - bits)), 3))
