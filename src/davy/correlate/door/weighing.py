"""How the reasons for the doors add up, and how sure one may be of the likeliest.

- Of one ground the strongest reason counts in full and every other for a quarter; grounds add up.  All reasons speak
  for a door: more of them never make it less likely.
- How likely a door is, is its share of all: every candidate weighs two to the power of its bits, and the unknown door,
  of which nothing is known, as much as one with `UNKNOWN_BITS`.  One that merely stands open weighs as much as one
  with `OPEN_BITS` at most, and none is ever more than `SUREST` likely: logs can be forged, and times, too.
- A door is named from `DOOR_BITS` on, if something *shows* that somebody came in there: descent, a log line that tells
  of success, what is left behind.  That it stands open, or that somebody tried, is not enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from davy.correlate.door.story import Ground, Speaks

UNKNOWN_BITS: Final = 4.5
"""What the door that nobody thought of weighs."""
OPEN_BITS: Final = 3.5
SUREST: Final = 0.99
DOOR_BITS: Final = 5.5
"""With less, a door is one that comes into question."""
LEAST_SHARE: Final = 0.3
"""A door that is less likely than that is not named, though it may be the likeliest."""
_FURTHER_SHARE: Final = 0.25


def total(reasons: Iterable[Speaks]) -> float:
    """The bits of one candidate."""
    grounds: dict[Ground, list[float]] = defaultdict(list)
    for reason in reasons:
        grounds[reason.ground].append(reason.bits)
    return sum(max(bits) + _FURTHER_SHARE * (sum(bits) - max(bits)) for bits in grounds.values())


def shares(candidates: Iterable[Sequence[Speaks]]) -> list[float]:
    """How likely each candidate is by its reasons, of all and of the unknown one: they sum to less than one."""
    bits = [total(reasons) if _shows(reasons) else min(total(reasons), OPEN_BITS) for reasons in candidates]
    weights = [2.0 ** min(each, 60.0) for each in bits]
    whole = sum(weights) + 2.0**UNKNOWN_BITS
    return [min(weight / whole, SUREST) for weight in weights]


def _shows(reasons: Iterable[Speaks]) -> bool:
    return any(reason.shows for reason in reasons)


def named(bits: float, share: float, reasons: Sequence[Speaks]) -> bool:
    """Whether a door is told as the one, and not as one that comes into question."""
    return bits >= DOOR_BITS and share >= LEAST_SHARE and _shows(reasons)
