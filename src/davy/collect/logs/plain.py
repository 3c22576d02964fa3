"""A text log as it lies there: its spans are found by bisection, or all of it is read, the end of it first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.logs.budget import Purse
from davy.collect.logs.gap import gap, spoken
from davy.collect.logs.places import Watched
from davy.collect.logs.record import Clock, TimeOf
from davy.collect.logs.searching import Searching
from davy.collect.logs.sequences import Gathering
from davy.collect.logs.signs import Signs
from davy.collect.logs.telling import told
from davy.collect.logs.text import TimedText
from davy.collect.logs.window import Order, Step, order, stretches
from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import ClockStep, LogHit, LogRead, Span

_PART: Final = 64 << 20
"""Bytes whose hits are told before the next are searched."""
_STEPS_LIMIT: Final = 16
_LINE_LIMIT: Final = 2048


def read_plain(
    file: OpenFile,
    path: str,
    watched: Watched,
    spans: Sequence[Span] | None,
    *,
    time_of: TimeOf,
    clock: Clock,
    signs: Signs,
    purse: Purse,
    gathering: Gathering,
) -> Iterator[LogRead | ClockStep | Gap]:
    """What one log says, into the gathering.  Raises `HostError`."""
    text = TimedText(file, time_of, clock)
    found = order(text, clock.zone)
    yield from (_clock_step(text, path, step) for step in found.steps[:_STEPS_LIMIT])
    wanted, why = _wanted(text, found, spans)
    if why is not None:
        yield gap(path, why)
    searching, read, cut = Searching(signs), 0, False
    for begin, end in reversed(wanted):
        least = max(begin, end - purse.share)
        crossed: set[tuple[int, str]] = set()
        at = end
        while at > least and not purse.over:
            part = max(at - _PART, least)
            stretch = searching.run(file, part, at, purse.deadline)
            hits = (hit for hit in told(watched, path, signs, text, stretch.found) if _new(hit, part, crossed))
            gathering.add(_in_time(hits, purse))
            read += stretch.reached - part
            purse.spend(stretch.reached - part)
            if stretch.why is not None:
                yield gap(path, f"bytes {stretch.reached:,} to {at:,} were not searched: {stretch.why}")
                cut = True
            at = part
        if at > begin:
            yield gap(path, f"bytes {begin:,} to {at:,}, the oldest, were not searched: too much time or size")
            cut = True
    first, last = text.first(), text.last()
    yield LogRead(
        kind=watched.kind, path=path, format=watched.form.value, size=file.size, first=first and first.time,
        last=last and last.time, read_bytes=read, whole=not cut and why is None,
    )  # fmt: skip


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


def _in_time(hits: Iterator[LogHit], purse: Purse) -> Iterator[LogHit]:
    for hit in hits:
        yield hit
        if time.monotonic() > purse.deadline:
            return


def _clock_step(text: TimedText, path: str, step: Step) -> ClockStep:
    line = text.file.pread(_LINE_LIMIT, step.after.offset).partition(b"\n")[0]
    return ClockStep(path=path, before=step.before.time, after=step.after.time, text=spoken(line))
