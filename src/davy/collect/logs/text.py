"""A text log by its records: where they begin, and when they were written.

A record begins with a line that has a time, and goes on to the next such line.  Both are looked for within bounds: a
line may be two gigabytes long, or the whole log one hole.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from davy.collect.logs.formats import REACH
from davy.collect.logs.record import Clock, TimeOf
from davy.host.root import OpenFile

RECORD_LIMIT: Final = 64 << 10
"""Bytes of one record that are looked at."""
_LINES_LIMIT: Final = 500
"""Lines of one record that are looked at."""
_HEAD: Final = 512
"""Bytes at a line's begin in which its time stands, unless its format asks for more."""
_NEAR: Final = 4 << 10
_END: Final = 1 << 20
"""Bytes at the end in which the last record is looked for."""


class Mark(NamedTuple):
    """Where a record begins, and its time."""

    offset: int
    time: float


class Cut(NamedTuple):
    """A record within a buffer."""

    begin: int
    end: int
    time: float | None


class TimedText:
    """An open log of one format."""

    def __init__(self, file: OpenFile, time_of: TimeOf, clock: Clock) -> None:
        self.file, self.size = file, file.size
        self.clock, self._time_of = clock, time_of
        self.reach = REACH.get(time_of, _HEAD)
        self._ahead: tuple[bytes, int, float | None] = (b"", -1, None)
        """Where in which buffer the record begins that follows the last one, and its time: it is often the next."""

    def time(self, data: bytes, begin: int, end: int) -> float | None:
        """When the record that this line begins was written; zeros in front of it are a hole and no part of it."""
        line = data[begin : min(end, begin + self.reach)]
        if line[:1] == b"\0":
            line = data[begin:end].lstrip(b"\0")[: self.reach]
        return self._time_of(line, self.clock)

    def first(self) -> Mark | None:
        return self._among(0, self.size, whole_line=True)

    def last(self) -> Mark | None:
        """The last record of all; None where the end of the log has none."""
        for size in (RECORD_LIMIT, _END):
            begin = max(self.size - size, 0)
            data = self.file.pread(self.size - begin, begin)
            end = len(data)
            for _ in range(_LINES_LIMIT * 16):
                at = data.rfind(b"\n", 0, max(end - 1, 0)) + 1
                time = None if at == 0 and begin else self.time(data, at, end)
                if time is not None:
                    return Mark(begin + at, time)
                if at == 0:
                    break
                end = at
            if not begin:
                return None
        return None

    def next(self, at: int, end: int) -> Mark | None:
        """A record that begins behind ``at`` and before ``end``: the first, unless a line is very long."""
        found, step = self._among(at, end), RECORD_LIMIT
        while found is None and at + step < end:
            found = self._among(at + step, end)
            step *= 2
        return found

    def _among(self, at: int, end: int, whole_line: bool = False) -> Mark | None:
        for size in (_NEAR, RECORD_LIMIT):
            found = next(self.marks(at, min(at + size, end), whole_line), None)
            if found is not None or at + size >= end:
                return found
        return None

    def marks(self, at: int, end: int, whole_line: bool = False) -> Marks:
        """The records that begin in a stretch that is read at once; ``whole_line``: ``at`` is where a line begins."""
        return Marks(self, at, end, whole_line)

    def cut(self, data: bytes, at: int) -> Cut:
        """The record to which the byte at ``at`` belongs; where no time is near, its line."""
        begin = own = data.rfind(b"\n", 0, at) + 1
        line_end = _line_end(data, at)
        least, stop, time = max(at - RECORD_LIMIT, 0), line_end, None
        for _ in range(_LINES_LIMIT):
            seen, place, known = self._ahead
            time = known if seen is data and place == begin else self.time(data, begin, stop)
            if time is not None or begin <= least:
                break
            stop, begin = begin, data.rfind(b"\n", 0, begin - 1) + 1
        if time is None:
            return Cut(max(own, least), min(line_end, own + RECORD_LIMIT), None)
        end, most = line_end, min(begin + RECORD_LIMIT, len(data))
        for _ in range(_LINES_LIMIT):
            if end >= most:
                break
            following = _line_end(data, end)
            ahead = self.time(data, end, following)
            if ahead is not None:
                self._ahead = data, end, ahead
                break
            end = following
        return Cut(begin, max(min(end, most), at + 1), time)


class Marks:
    """The records of one stretch, in order."""

    def __init__(self, text: TimedText, at: int, end: int, whole_line: bool) -> None:
        self._text, self._base = text, at
        self._data = text.file.pread(min(end + text.reach, text.size) - at, at) if at < end else b""
        self._end = end - at
        self._at = 0 if whole_line or not self._data else self._data.find(b"\n") + 1 or len(self._data)

    def __iter__(self) -> Marks:
        return self

    def __next__(self) -> Mark:
        while self._at < min(self._end, len(self._data)):
            begin = self._at
            self._at = _line_end(self._data, begin)
            time = self._text.time(self._data, begin, self._at)
            if time is not None:
                return Mark(self._base + begin, time)
        raise StopIteration


def _line_end(data: bytes, at: int) -> int:
    """Behind the line feed of the line to which ``at`` belongs."""
    return data.find(b"\n", at) + 1 or len(data)
