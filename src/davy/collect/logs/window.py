"""Which bytes of a log are of a span of time: found by bisection, however large it is.

Nobody promises that the times of a log ascend: clocks are set back, and an enemy writes what he likes.  So some places
all over the log are looked at first, which cuts it into runs whose times do not go back; in each of them the span is
found by itself, and around it is looked whether it really ends there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Final, NamedTuple

from davy.collect.logs.text import RECORD_LIMIT, Mark, TimedText
from davy.model.logs import Span

_PLACES: Final = 64
"""Places that are looked at first: on a disk that turns each takes a hundredth of a second."""
_CLOSER: Final = 16
"""Places between two of these that are looked at where a span begins or ends."""
SLACK: Final = 5.0
"""Seconds by which records of several threads may be out of order."""
STEP: Final = 60.0
"""Seconds by which times must go back to be told as a step of the clock."""
_NEAR: Final = 7200.0
"""Seconds around a span in which a step of the clock is looked for more closely."""
_EDGE: Final = 3
"""Stretches between two places at each end of a span in which it is."""
_RUNS_LIMIT: Final = 16
"""With more runs than that the times are worth nothing."""
_WIDEN: Final = 256 << 10
_WIDEN_LIMIT: Final = 64


class Step(NamedTuple):
    """Two records that follow one another, of which the later says the earlier time."""

    before: Mark
    after: Mark


class Run(NamedTuple):
    """A part of a log in which times do not go back."""

    first: Mark
    last: Mark
    end: int
    """Bytes up to which it goes."""


class Order(NamedTuple):
    """How the times of a log go on."""

    runs: tuple[Run, ...]
    """None where there are no times."""
    steps: tuple[Step, ...]
    scattered: bool
    """Whether they go back so often that no search by time is worth anything."""


def order(text: TimedText, spans: Sequence[Span] | None = None) -> Order:
    """The runs of a log, as far as a look at some places tells, most of them around the spans.  Raises `HostError`."""
    zone, marks = text.clock.zone, sorted({*_looked_at(text)})
    if not marks:
        return Order((), (), False)
    marks = sorted({*marks, *_looked_at_again(text, marks, spans or ())})
    marks[0] = Mark(0, marks[0].time)
    breaks = [index for index in range(1, len(marks)) if marks[index].time < marks[index - 1].time - SLACK]
    scattered = len(breaks) >= _RUNS_LIMIT
    steps = [_step(text, marks[index - 1], marks[index]) for index in breaks[:_RUNS_LIMIT]]
    told = tuple(
        step for step in steps
        if step.before.time - step.after.time >= STEP and not _summer_ends(step, zone)
    )  # fmt: skip
    if scattered:
        return Order((), told, True)
    begins = [marks[0], *(step.after for step in steps)]
    lasts = [*(step.before for step in steps), marks[-1]]
    ends = [*(step.after.offset for step in steps), text.size]
    return Order(tuple(Run(*each) for each in zip(begins, lasts, ends, strict=True)), told, False)


def _looked_at(text: TimedText) -> Iterator[Mark]:
    first = text.first()
    if first is not None:
        yield first
    yield from _places(text, 0, text.size, _PLACES)
    last = text.last()
    if last is not None:
        yield last
    elif first is not None:
        yield Mark(text.size, text.clock.latest)


def _looked_at_again(text: TimedText, marks: Sequence[Mark], spans: Sequence[Span]) -> Iterator[Mark]:
    """Places where a span begins and ends: the clock may have been set back between two that were looked at."""
    for span in spans:
        near = [
            (one.offset, other.offset)
            for one, other in pairwise(marks)
            if min(one.time, other.time) - _NEAR <= span.end and max(one.time, other.time) + _NEAR >= span.begin
        ]
        for begin, end in {*near[:_EDGE], *near[-_EDGE:]}:
            yield from _places(text, begin, end, _CLOSER)


def _places(text: TimedText, begin: int, end: int, count: int) -> Iterator[Mark]:
    apart = max((end - begin) // count, RECORD_LIMIT)
    for at in range(begin + apart, end, apart):
        found = text.next(at, min(at + apart, end))
        if found is not None:
            yield found


def _step(text: TimedText, before: Mark, after: Mark) -> Step:
    """Where between two records the times go back."""
    highest = before.time
    while after.offset - before.offset > RECORD_LIMIT:
        middle = (before.offset + after.offset) // 2
        found = text.next(middle, after.offset)
        if found is None:
            break
        if found.time >= highest - SLACK:
            before = found
        else:
            after = found
    for mark in text.marks(before.offset, min(after.offset, before.offset + RECORD_LIMIT) + 1, whole_line=True):
        if mark.time < before.time - SLACK:
            return Step(before, mark)
        before = mark
    return Step(before, after)


def _summer_ends(step: Step, zone: tzinfo) -> bool:
    """Whether an hour stands in the log twice because summer time ended."""
    try:
        local = datetime.fromtimestamp(step.after.time, UTC).astimezone(zone)
    except (ValueError, OverflowError):
        return False
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def stretches(text: TimedText, runs: Sequence[Run], spans: Sequence[Span]) -> list[tuple[int, int]]:
    """The bytes from and up to which records of the spans stand, in order.  Raises `HostError`."""
    found = []
    for run in runs:
        for span in spans:
            if run.first.time - SLACK <= span.end and run.last.time + SLACK >= span.begin:
                begin = _first_from(text, run, span.begin - SLACK)
                end = _first_behind(text, run, span.end + SLACK)
                found.append((_widened_back(text, run, begin, span), _widened_on(text, run, end, span)))
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif begin < end:
            joined.append((begin, end))
    return joined


def _first_from(text: TimedText, run: Run, time: float) -> int:
    """A record of the run behind which all are of this time or later, and hardly an earlier one."""
    low, high = run.first.offset, run.end
    while high - low > RECORD_LIMIT:
        middle = (low + high) // 2
        found = text.next(middle, high)
        if found is not None and found.time < time:
            low = found.offset
        else:
            high = middle
    return low


def _first_behind(text: TimedText, run: Run, time: float) -> int:
    """A record of the run from which on all are later than this time; the run's end where none is."""
    low, high, behind = run.first.offset, run.end, run.end
    while high - low > RECORD_LIMIT:
        middle = (low + high) // 2
        found = text.next(middle, high)
        if found is None:
            high = middle
        elif found.time <= time:
            low = found.offset
        else:
            high, behind = middle, found.offset
    return behind


def _widened_back(text: TimedText, run: Run, begin: int, span: Span) -> int:
    for _ in range(_WIDEN_LIMIT):
        earlier = max(begin - _WIDEN, run.first.offset)
        if earlier == begin or not any(span.holds(mark.time) for mark in text.marks(earlier, begin)):
            break
        begin = earlier
    return begin


def _widened_on(text: TimedText, run: Run, end: int, span: Span) -> int:
    for _ in range(_WIDEN_LIMIT):
        later = min(end + _WIDEN, run.end)
        if later == end or not any(span.holds(mark.time) for mark in text.marks(end, later, whole_line=True)):
            break
        end = later
    return end
