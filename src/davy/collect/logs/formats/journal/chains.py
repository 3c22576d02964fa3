"""A chain of arrays as one sequence of entries, in which a time is found by halving."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from typing import Final

from davy.collect.logs.formats.journal.compressed import DamagedError
from davy.collect.logs.formats.journal.objects import FAULTS, Entry, JournalFile, Part

_BEYOND: Final = 64
"""Entries in a row before the span after which nothing of it is expected any more: the clock may have been set."""
_ASTRAY_LIMIT: Final = 250_000
"""Entries in all that turn out to be from behind the span."""
_AHEAD_LIMIT: Final = 16
"""How often the clock may have run ahead near the end of a span."""
_BROKEN_LIMIT: Final = 4096
"""Entries that cannot be read, or are not written yet, before a chain is given up."""


class Chain:
    """All entries of a file, or those that have one value."""

    def __init__(self, journal: JournalFile, array: int, count: int, first: int | None = None) -> None:
        """``first`` is the entry that stands before the arrays."""
        self._journal, self._first = journal, first
        self._before = 0 if first is None else 1
        self._parts: list[Part] = []
        self.fault: str | None = None
        """What kept it from being read on, or what is missing."""
        try:
            self._parts.extend(journal.parts(array, count - self._before))
        except FAULTS as error:
            self.fault = str(error)
        last = self._parts[-1] if self._parts else Part(0, 0, 0)
        self._length = self._before + last.first + last.length
        self._broken = 0

    def entry(self, number: int) -> Entry | None:
        """None for one that is damaged, or not written yet."""
        try:
            offset = self._offset(number)
            if offset:
                return self._journal.entry(offset)
            self._broken += 1
            return None
        except DamagedError as error:
            self._broken += 1
            self.fault = str(error)
            return None

    def _offset(self, number: int) -> int:
        if number < self._before:
            return self._first or 0
        number -= self._before
        part = self._parts[bisect.bisect_right(self._parts, number, key=lambda each: each.first) - 1]
        return self._journal.item(part, number - part.first)

    def between(self, begin: float, end: float) -> Iterator[Entry]:
        """Those of a span of time, in microseconds, the last first: who runs out of time has the latest."""
        beyond, astray = 0, 0
        for number in range(self._behind(end) - 1, -1, -1):
            entry = self.entry(number)
            if entry is None:
                if self._broken > _BROKEN_LIMIT:
                    return
            elif entry.realtime < begin:
                beyond += 1
                if beyond >= _BEYOND:
                    return
            elif entry.realtime <= end:
                beyond = 0
                yield entry
            else:
                astray += 1
                if astray >= _ASTRAY_LIMIT:
                    self.fault = "its entries are in no order; what stands before was not read"
                    return

    def _behind(self, end: float) -> int:
        """The number of the first entry behind ``end``, also where the clock ran ahead for some entries before it."""
        number = self._lower(math.nextafter(end, math.inf), 0)
        for _ in range(_AHEAD_LIMIT):
            following = range(number, min(number + _BEYOND, self._length))
            entries = ((each, self.entry(each)) for each in following)
            within = [each for each, entry in entries if entry is not None and entry.realtime <= end]
            if not within:
                break
            number = self._lower(math.nextafter(end, math.inf), within[-1] + 1)
        return number

    def _lower(self, begin: float, low: int) -> int:
        """The number of the first entry from ``low`` on that is not before ``begin``."""
        high = self._length
        while low < high:
            middle = (low + high) // 2
            at, entry = middle, self.entry(middle)
            while entry is None and at + 1 < high and self._broken <= _BROKEN_LIMIT:
                at += 1
                entry = self.entry(at)
            if entry is not None and entry.realtime < begin:
                low = at + 1
            else:
                high = middle
        return low
