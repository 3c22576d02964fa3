"""A compressed text log: unpacked from its begin, part by part, as far as spans, bounds and the file itself allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from davy.collect.logs.crowding import Crowd
from davy.collect.logs.gap import gap, passed_over
from davy.collect.logs.record import TimeOf
from davy.collect.logs.searching import Searching
from davy.collect.logs.task import Task
from davy.collect.logs.telling import told
from davy.collect.logs.text import RECORD_LIMIT, Mark, TimedText
from davy.collect.logs.unpacking import BrokenError, unpacked
from davy.collect.logs.window import SLACK
from davy.host.root import InMemory, OpenFile
from davy.model.facts import Gap
from davy.model.logs import LogRead, Span

_PART: Final = 8 << 20
_BEHIND: Final = 3600.0
"""Seconds behind the last span at which nothing more is expected."""


def read_packed(file: OpenFile, task: Task, time_of: TimeOf, ending: str) -> Iterator[LogRead | Gap]:
    """What one compressed log says, into the gathering.  Raises `HostError`."""
    searching, crowd = Searching(task.signs), Crowd(task.signs, task.watched.uses)
    first: Mark | None = None
    last: Mark | None = None
    base, why, until = 0, None, max((span.end for span in task.spans), default=0.0) if task.spans is not None else None
    pieces = _Parts(file, ending, lambda data: _last_record(TimedText(InMemory(data), time_of, task.clock)))
    for part in pieces:
        text = TimedText(InMemory(part), time_of, task.clock)
        begins, ends = text.first(), text.last()
        first, last = first or begins, ends or last
        if until is not None and begins is not None and begins.time > until + _BEHIND:
            break
        if _overlaps(begins, ends, task.spans):
            for stretch in searching.stretches(text.file, 0, text.size, task.purse.deadline):
                task.gathering.add(told(task, text, stretch.found, crowd, base))
                why = why or stretch.why
                if crowd.late:
                    why = why or "not all that was found was looked at in time"
        base += len(part)
        task.purse.spend(len(part))
        if base >= task.purse.unpacked:
            why = f"only its first {base:,} bytes were unpacked"
        elif task.purse.over:
            why = f"only its first {base:,} bytes were unpacked: the time for it was over"
        if why is not None:
            break
    why = why or pieces.broken
    if why is not None:
        yield gap(task.path, why)
    if crowd.passed:
        yield gap(task.path, passed_over(crowd.passed))
    yield from task.reads(file, first and first.time, last and last.time, base, why is None)


def _overlaps(first: Mark | None, last: Mark | None, spans: Sequence[Span] | None) -> bool:
    """Whether a part may have records of the spans; one whose times go back or are not there always may."""
    if spans is None or first is None or last is None or last.time < first.time:
        return True
    return any(first.time - SLACK <= span.end and last.time + SLACK >= span.begin for span in spans)


def _last_record(text: TimedText) -> int:
    """Where a part may be cut: in front of its last record; one whose records are too long, anywhere."""
    last = text.last()
    return last.offset if last is not None and last.offset > text.size - RECORD_LIMIT else text.size


class _Parts:
    """What a compressed file holds, in parts that end where ``cut`` says."""

    def __init__(self, file: OpenFile, ending: str, cut: Callable[[bytes], int]) -> None:
        self._pieces, self._cut = unpacked(file, ending), cut
        self.broken: str | None = None
        """Why it could not be unpacked to its end."""

    def __iter__(self) -> Iterator[bytes]:
        pieces, size = [], 0
        try:
            for piece in self._pieces:
                pieces.append(piece)
                size += len(piece)
                if size >= _PART:
                    data = b"".join(pieces)
                    cut = self._cut(data)
                    yield data[:cut]
                    pieces, size = [data[cut:]], len(data) - cut
        except BrokenError as error:
            self.broken = str(error)
        if size:
            yield b"".join(pieces)
