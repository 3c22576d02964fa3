"""A text log as it lies there: its spans are found by bisection, or all of it is read, the end of it first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from davy.collect.logs.gap import gap, spoken
from davy.collect.logs.record import TimeOf
from davy.collect.logs.searching import Searching, Stretch
from davy.collect.logs.task import Task
from davy.collect.logs.telling import told
from davy.collect.logs.text import TimedText
from davy.collect.logs.window import Order, Step, order, stretches
from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import ClockStep, LogHit, LogRead, Span

_PART: Final = 16 << 20
"""Bytes whose hits are told before the next are searched."""
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
    searching, read, cut = Searching(task.signs), 0, False
    for begin, end in reversed(wanted):
        least = max(begin, end - task.purse.share)
        crossed: set[tuple[int, str]] = set()
        at = end
        while at > least and not task.purse.over:
            part = max(at - _PART, least)
            stretch = searching.run(file, part, at, task.purse.deadline)
            hits = (hit for hit in told(task, text, stretch.found) if _new(hit, part, crossed))
            task.gathering.add(takewhile(lambda _: time.monotonic() < task.purse.deadline, hits))
            read += stretch.reached - part
            task.purse.spend(stretch.reached - part)
            for why in _left_out(stretch, at, hits):
                yield gap(task.path, why)
                cut = True
            at = part
        if at > begin:
            yield gap(task.path, f"bytes {begin:,} to {at:,}, the oldest, were not searched: too much time or size")
            cut = True
    first, last = text.first(), text.last()
    yield task.read(file, first and first.time, last and last.time, read, not cut and why is None)


def _wanted(text: TimedText, found: Order, spans: Sequence[Span] | None) -> tuple[list[tuple[int, int]], str | None]:
    """The stretches to be searched, and what is odd about them."""
    whole = [(0, text.size)] if text.size else []
    if spans is None or not whole:
        return whole, None
    if found.scattered:
        return whole, "its times go back again and again: it is read as a whole"
    if not found.runs:
        return whole, "no line of it begins with a time: it is read as a whole"
    return stretches(text, found.runs, spans), None


def _new(hit: LogHit, part: int, crossed: set[tuple[int, str]]) -> bool:
    """Whether a hit is not of a record that goes on into the part behind, where it was told already."""
    offset = hit.offset or 0
    if (offset, hit.sign) in crossed:
        return False
    if offset < part:
        crossed.add((offset, hit.sign))
    return True


def _left_out(stretch: Stretch, end: int, hits: Iterator[LogHit]) -> Iterator[str]:
    """What of a part was not searched, or not told."""
    if stretch.why is not None:
        yield f"bytes {stretch.reached:,} to {end:,} were not searched: {stretch.why}"
    if stretch.crowded:
        yield f"so much was found before byte {end:,} that not all of it was looked at"
    untold = next(hits, None)
    if untold is not None:
        yield f"what was found in bytes {untold.offset:,} to {end:,} was not looked at: the time for it was over"


def _clock_step(text: TimedText, path: str, step: Step) -> ClockStep:
    line = text.file.pread(_LINE_LIMIT, step.after.offset).partition(b"\n")[0]
    return ClockStep(path=path, before=step.before.time, after=step.after.time, text=spoken(line))
