"""Bits and verdict: how findings about one subject add up.

The arithmetic, all of it:

- Within an aspect the strongest finding counts in full and every other for a quarter, since two looks at one thing are
  hardly independent.  Aspects are independent, so their sums add up.  Trust is an aspect with negative bits.
- *Suspect* from `SUSPECT_BITS`, out of two aspects; or out of concealment alone, which nobody does by chance.
- *Confirmed* from `CONFIRMED_BITS`, if one aspect that counts is neither identity nor origin: a dead file with a bad
  name is a remain, not a miner.
- *Confirmed*, too, by proof: a conclusive finding (a pool conversation, a RandomX rounding proof, a known sample's
  hash: what is conclusive says so in ``knowledge/weights``) while the same subject burns.  No trust outweighs that: a
  packaged, unmodified miner that mines is mining.  Whose it is, is another question (`davy.correlate.ownership`).
- Confidence is the odds that the bits make: even at `SUSPECT_BITS`, doubled by every bit; proof counts as
  `PROVEN_BITS` at least.
"""

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
PROVEN_BITS: Final = 13.0
"""What proof counts for confidence, whatever the bits come to: one in a hundred is wrong."""
LOADS: Final = frozenset(
    {"behaviour.cpu-load", "behaviour.gpu-load", "behaviour.renews-itself", "concealment.unowned-cpu"}
)
"""The rules that say of a subject that it burns: half a core or more wanted, or a GPU.  Proof asks for one of them."""
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
DEEDS: Final = tuple(_DEEDS)


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


def proven(findings: Iterable[Finding]) -> bool:
    """Whether something conclusive is found of a subject, and that it burns."""
    told = tuple(findings)
    return any(finding.conclusive for finding in told) and any(finding.rule in LOADS for finding in told)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """What the findings about one subject come to."""
    told = tuple(findings)
    if proven(told):
        return Verdict.CONFIRMED
    aspects = by_aspect(told)
    total = sum(aspects.values())
    if total < SUSPECT_BITS or not of_two_kinds(aspects):
        return Verdict.CLEAN
    if total >= CONFIRMED_BITS and any(aspects.get(deed, 0.0) >= least for deed, least in _DEEDS.items()):
        return Verdict.CONFIRMED
    return Verdict.SUSPECT


def confidence(bits: float, *, proof: bool = False) -> float:
    """How sure the bits make one, 0..1, from even odds at `SUSPECT_BITS`: a miner is a rare thing to meet."""
    bits = max(bits, PROVEN_BITS) if proof else bits
    return float(round(1.0 / (1.0 + 2.0 ** (SUSPECT_BITS - bits)), 3))
