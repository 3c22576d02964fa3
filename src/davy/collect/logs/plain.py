"""A text log as it lies there: its spans are found by bisection, or all of it is read, the end of it first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.logs.crowding import Crowd
from davy.collect.logs.gap import gap, passed_over, spoken
from davy.collect.logs.record import TimeOf
from davy.collect.logs.searching import BLOCK, Searching, Stretch
from davy.collect.logs.task import Task
from davy.collect.logs.telling import told
from davy.collect.logs.text import TimedText
from davy.collect.logs.window import Order, Step, order, stretches
from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import ClockStep, LogHit, LogRead, Span

_STEPS_LIMIT: Final = 16
_LINE_LIMIT: Final = 2048


def read_plain(file: OpenFile, task: Task, time_of: TimeOf) -> Iterator[LogRead | ClockStep | Gap]:
    """What one log says, into the gathering.  Raises `HostError`."""
    text = TimedText(file, time_of, task.clock)
    found = order(text, task.spans)
    yield from (_clock_step(text, task.path, step) for step in found.steps[:_STEPS_LIMIT])
    wanted, why = _wanted(text, found, task.spans)
    if why is not None:
        yield gap(task.path, why)
    searching, read, whole = Searching(task.signs), 0, why is None
    crowd = Crowd(task.signs, task.watched.uses)
    for begin, end in reversed(wanted):
        at, crossed = end, set[tuple[int, str]]()
        for stretch in searching.stretches(file, max(begin, end - task.purse.share), end, task.purse.deadline):
            at = stretch.begin
            hits = (hit for hit in told(task, text, stretch.found, crowd) if _new(hit, at, crossed))
            task.gathering.add(hits)
            read += stretch.end - at
            task.purse.spend(stretch.end - at)
            for why in _left_out(stretch, crowd.late):
                yield gap(task.path, why)
                whole = False
        if at > begin:
            yield gap(task.path, f"bytes {begin:,} to {at:,}, the oldest, were not searched: too much time or size")
            whole = False
    if crowd.passed:
        yield gap(task.path, passed_over(crowd.passed))
    first, last = text.first(), text.last()
    yield from task.reads(file, first and first.time, last and last.time, read, whole)


def _left_out(stretch: Stretch, late: bool) -> Iterator[str]:
    """What of a part was not searched, or not told."""
    if stretch.why is not None:
        yield f"bytes {stretch.begin:,} to {stretch.end:,}: {stretch.why}"
    if late:
        yield f"not all that was found in bytes {stretch.begin:,} to {stretch.end:,} was looked at in time"


def _wanted(text: TimedText, found: Order, spans: Sequence[Span] | None) -> tuple[list[tuple[int, int]], str | None]:
    """The stretches to be searched, and what is odd about them."""
    whole = _joined(text.file.data(0, text.size)) if text.size else []
    if spans is None or not whole:
        return whole, None
    if found.scattered:
        return whole, "its times go back again and again: it is read as a whole"
    if not found.runs:
        return whole, "no line of it begins with a time: it is read as a whole"
    wanted = stretches(text, found.runs, spans)
    return [part for begin, end in wanted for part in _joined(text.file.data(begin, end))], None


def _joined(parts: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Parts with so little between them that it is faster read than passed over are one."""
    joined: list[tuple[int, int]] = []
    for begin, end in parts:
        if joined and begin - joined[-1][1] < BLOCK:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _new(hit: LogHit, part: int, crossed: set[tuple[int, str]]) -> bool:
    """Whether a hit is not of a record that goes on into the part behind, where it was told already."""
    offset = hit.offset or 0
    if (offset, hit.sign) in crossed:
        return False
    if offset < part:
        crossed.add((offset, hit.sign))
    return True


def _clock_step(text: TimedText, path: str, step: Step) -> ClockStep:
    line = text.file.pread(_LINE_LIMIT, step.after.offset).partition(b"\n")[0]
    return ClockStep(path=path, before=step.before.time, after=step.after.time, text=spoken(line))
