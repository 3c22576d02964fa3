"""What a verdict rests on, and what would have changed it: every answer is the verdict function's own.

The findings about one subject come in; the sum, the smallest sets without which the verdict is another, and what more
would confirm a suspect go out.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from msgspec import Struct

from davy.correlate.verdict import DEEDS, LOADS, by_aspect, proven, total_bits, verdict_of
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Verdict

_STEP: Final = 0.5
_MOST: Final = 60
"""So many steps of bits are tried: more than any verdict wants."""
_FINDINGS: Final = 64
"""Findings beyond so many are not left out in turn; the strongest come first."""


class Part(Struct, frozen=True, kw_only=True):
    """What one aspect adds to the sum."""

    aspect: Aspect
    bits: float
    strongest: float
    """Counts in full."""
    further: tuple[float, ...] = ()
    """Count for a quarter each."""


class Change(Struct, frozen=True, kw_only=True):
    """Without these findings the verdict would be another."""

    without: tuple[str, ...]
    """Rules, or aspects where no single finding makes the difference."""
    verdict: Verdict


class Account(Struct, frozen=True, kw_only=True):
    """How one subject's verdict comes about."""

    subject: str
    verdict: Verdict
    bits: float
    proven: bool
    """By a conclusive finding while it burns: then the verdict does not rest on the sum."""
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]
    wanting: tuple[str, ...]
    """What more would confirm it, each by itself; nothing where it is confirmed."""


def account(subject: str, findings: Iterable[Finding]) -> Account:
    """The account of what is found about ``subject``; findings about others are passed over."""
    own = [finding for finding in findings if finding.subject == subject]
    return Account(
        subject=subject,
        verdict=verdict_of(own),
        bits=total_bits(own),
        proven=proven(own),
        parts=tuple(_parts(own)),
        changes=_changes(own),
        wanting=tuple(_wanting(own)),
    )


def decisive(findings: Sequence[Finding], subjects: Iterable[str]) -> Account | None:
    """The account of that one of ``subjects`` which speaks loudest; None when nothing is found of any."""
    accounts = [account(subject, findings) for subject in dict.fromkeys(subjects)]
    told = [one for one in accounts if one.parts]
    return max(told, key=lambda one: (one.verdict.rank, one.bits)) if told else None


def _parts(findings: Sequence[Finding]) -> Iterator[Part]:
    sums = by_aspect(findings)
    for aspect in sorted(sums, key=lambda one: -sums[one]):
        bits = sorted((finding.bits for finding in findings if finding.aspect is aspect), key=abs, reverse=True)
        yield Part(aspect=aspect, bits=sums[aspect], strongest=bits[0], further=tuple(bits[1:]))


def _changes(findings: Sequence[Finding]) -> tuple[Change, ...]:
    """Single findings that make the difference; else single aspects; else pairs of aspects."""
    now = verdict_of(findings)

    def changed(without: tuple[str, ...], rest: Sequence[Finding]) -> Iterator[Change]:
        verdict = verdict_of(rest)
        if verdict is not now:
            yield Change(without=without, verdict=verdict)

    strongest = sorted(range(len(findings)), key=lambda at: -abs(findings[at].bits))[:_FINDINGS]
    single = [
        change
        for at in strongest
        for change in changed((findings[at].rule,), [*findings[:at], *findings[at + 1 :]])
    ]  # fmt: skip
    if single:
        return tuple(dict.fromkeys(single))
    aspects = list(dict.fromkeys(finding.aspect for finding in findings))
    for size in (1, 2):
        found = [
            change
            for left_out in combinations(aspects, size)
            for change in changed(
                tuple(one.value for one in left_out), [one for one in findings if one.aspect not in left_out]
            )
        ]
        if found:
            return tuple(found)
    return ()


def _wanting(findings: Sequence[Finding]) -> Iterator[str]:
    """What more would confirm, each by itself."""
    if verdict_of(findings) is Verdict.CONFIRMED:
        return
    if any(finding.conclusive for finding in findings):
        yield "half a core of CPU load, beside what is conclusive already"
    elif any(finding.rule in LOADS for finding in findings):
        yield "proof: a pool conversation, a RandomX rounding proof, a known sample's hash"
    else:
        yield "proof (a pool conversation, a RandomX rounding proof, a known sample's hash) and half a core of CPU load"
    least = min((bits for deed in DEEDS if (bits := _least(findings, deed)) is not None), default=None)
    if least is not None:
        yield f"{least:.1f} bits more from an aspect other than identity and origin"


def _least(findings: Sequence[Finding], aspect: Aspect) -> float | None:
    """The least bits that one more finding of an aspect of which nothing is found yet would need to confirm."""
    if any(finding.aspect is aspect for finding in findings):
        return None
    for step in range(1, _MOST + 1):
        more = Finding(rule=f"{aspect.value}.more", aspect=aspect, bits=step * _STEP, subject="", summary="")
        if verdict_of([*findings, more]) is Verdict.CONFIRMED:
            return step * _STEP
    return None
