"""Which of the services that were seen stand open, by their settings and by where they are reached from."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Final

from davy.knowledge.services import Condition, Opening, version_of
from davy.model.exposures import Severity
from davy.model.services import ReachedFrom

_DEGREES: Final = tuple(Severity)
_compiled = functools.lru_cache(maxsize=2048)(re.compile)

Values = Mapping[str, Sequence[str]]
"""The values of each setting, by its name."""


def holds(condition: Condition, values: Values) -> bool:
    """Whether a condition is met by the settings in force."""
    found = [value.strip() for value in values.get(condition.setting, ())]
    if condition.absent is not None and any(found) is condition.absent:
        return False
    if condition.any_of is not None and not {value.casefold() for value in found} & set(_folded(condition.any_of)):
        return False
    if condition.none_of is not None and not {value.casefold() for value in found} - set(_folded(condition.none_of)):
        return False
    if condition.matches is not None and not any(_compiled(condition.matches).search(value) for value in found):
        return False
    return condition.below is None or any(older(value, condition.below, condition.from_) for value in found)


@functools.cache
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.casefold() for word in words)


def older(version: str, mended: Sequence[str], since: str | None = None) -> bool:
    """Whether a version is older than what mended its branch, and not older than ``since``, which brought the hole.

    Of mended versions 5.15.16 and 5.17.7 a branch is all but the last number: 5.15.3 and 5.17.6 are older; so are 4.2
    and 5.16.9, whose branches nobody mended; 5.18.0 is not.
    """
    own = version_of(version)
    fixes = sorted(fix for fix in map(version_of, mended) if fix is not None)
    first = version_of(since) if since else None
    if own is None or not fixes or (first is not None and own < first):
        return False
    for fix in fixes:
        if own[: len(fix) - 1] == fix[:-1]:
            return own < fix
    return own < fixes[-1]


def is_open(opening: Opening, values: Values, reached_from: ReachedFrom | None) -> bool:
    """Whether an opening stands open for a service with these settings; None: where from is not known."""
    if reached_from is None or reached_from.rank < opening.from_.rank:
        return False
    return all(holds(one, values) for one in opening.when) and not any(holds(one, values) for one in opening.unless)


def severity_of(opening: Opening, reached_from: ReachedFrom) -> Severity:
    """How bad it is: one degree less where only private networks reach it, low where only this host does."""
    if reached_from is ReachedFrom.LOOPBACK:
        return Severity.LOW
    lesser = 1 if reached_from is ReachedFrom.PRIVATE and opening.from_ is not ReachedFrom.LOOPBACK else 0
    return _DEGREES[max(0, opening.severity.rank - lesser)]
