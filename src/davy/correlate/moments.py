"""When it began: every time that an incident has is a candidate, with how far it can be relied on.

All of them are bounds from above: whoever came in did so at the first of them, or before.  A file's modification time
can be set to anything; its birth and change cannot be by who is not root, but of a copied root they are the copy's;
what a start of the machine started again tells of that start alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from davy.correlate.cast import Cast, cast_of
from davy.correlate.containers import happenings
from davy.correlate.log_lines import believed, meaning, service_name, tells_only
from davy.model.autostarts import Autostart
from davy.model.facts import Executable, Process
from davy.model.incidents import Incident
from davy.model.logs import Span
from davy.model.snapshot import Snapshot

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR

STRONG: Final = 0.6
"""A time with so much weight may stand for the beginning by itself."""
MOST_SPANS: Final = 4
"""Logs are read in so many spans of time at most."""

_START: Final = 0.9
_RESTARTED: Final = 0.3
_BIRTH: Final = 0.9
_CHANGE: Final = 0.6
_WRITTEN: Final = 0.4
_COPIED: Final = 0.2
_CREATED: Final = 0.8
_FIRST_SEEN: Final = 0.5
_LOGGED: Final = 0.7
_TELLING_LENGTH: Final = 8
"""A shorter path stands in many lines."""
_BOOTING: Final = 600.0
"""What starts within so many seconds of the machine's own start was started again by it."""
_BEFORE: Final = 6 * _HOUR
_AFTER: Final = _HOUR
_WEAK_MARGIN: Final = _DAY
_LIKELY: Final = (946_684_800.0, 7_258_118_400.0)
"""The years 2000 to 2200: other times are nobody's memory of anything."""


class Moment(NamedTuple):
    """One time of an incident."""

    time: float
    weight: float
    """How far it can be relied on, 0 to 1."""
    what: str
    source: str


def moments(snapshot: Snapshot, cast: Cast) -> tuple[Moment, ...]:
    """All times of an incident that may tell when it began, in order."""
    found = [
        *(moment for process in cast.processes for moment in _of_process(snapshot, process)),
        *(moment for file in cast.files for moment in _of_file(snapshot, file)),
        *(moment for autostart in cast.autostarts for moment in _of_autostart(snapshot, autostart)),
        *(
            Moment(one.time, _CREATED, one.what, one.source)
            for container in cast.containers
            if container.created is not None
            for one in itertools.islice(happenings([container]), 1)
        ),
    ]
    found += _of_logs(snapshot, cast)
    first, last = _LIKELY
    return tuple(sorted({one for one in found if first <= one.time <= min(last, snapshot.taken + _DAY)}))


def beginning(found: Sequence[Moment]) -> Moment | None:
    """The first time that can be relied on; where none can be, the first of those that can most."""
    strong = [one for one in found if one.weight >= STRONG]
    if strong:
        return strong[0]
    most = max((one.weight for one in found), default=0.0)
    return next((one for one in found if one.weight == most), None)


def spans_of(found: Sequence[Moment]) -> tuple[Span, ...]:
    """The spans in which logs may tell how it began, the likeliest first: hours before the first time that can be
    relied on, and around the first of each other kind; days where there are only weak ones.
    """
    first = beginning(found)
    if first is None:
        return ()
    firsts: dict[str, Moment] = {}
    for one in found:
        firsts.setdefault(one.source, one)
    rest = sorted((one for one in firsts.values() if one is not first), key=lambda one: -one.weight)
    wanted = [_span(first), *(_span(one, narrow=first.weight >= STRONG) for one in rest)]
    return tuple(merged(wanted)[:MOST_SPANS])


def spans(snapshot: Snapshot, incidents: Iterable[Incident]) -> tuple[Span, ...]:
    """The spans of all incidents in which logs are worth reading, those that overlap as one; `MOST_SPANS` at most."""
    each = [spans_of(moments(snapshot, cast_of(snapshot, one))) for one in incidents]
    in_turn = [own[turn] for turn in range(MOST_SPANS) for own in each if turn < len(own)]
    return tuple(merged(in_turn)[:MOST_SPANS])


def merged(wanted: Iterable[Span]) -> list[Span]:
    """Spans, those that overlap made one, which has the place of the first of them."""
    found: list[Span] = []
    for span in wanted:
        meeting = [one for one in found if one.begin <= span.end and span.begin <= one.end]
        if not meeting:
            found.append(span)
            continue
        whole = Span(min(span.begin, *(one.begin for one in meeting)), max(span.end, *(one.end for one in meeting)))
        place = found.index(meeting[0])
        found[place] = whole
        found = [one for one in found if one is whole or one not in meeting]
    return found


def _span(moment: Moment, *, narrow: bool = False) -> Span:
    if moment.weight >= STRONG:
        return Span(moment.time - _BEFORE, moment.time + _AFTER)
    margin = _AFTER if narrow else _WEAK_MARGIN
    return Span(moment.time - margin, moment.time + margin)


def _of_process(snapshot: Snapshot, process: Process) -> Iterator[Moment]:
    boot = snapshot.host.boot_time
    restarted = boot is not None and process.start_time - boot < _BOOTING
    what = f"{process.name} ({process.pid}) started"
    yield Moment(process.start_time, _RESTARTED if restarted else _START, what, "process start")


def _of_file(snapshot: Snapshot, file: Executable) -> Iterator[Moment]:
    if file.birth is not None:
        weight = _BIRTH if snapshot.live else _COPIED
        yield Moment(file.birth, weight, f"{file.path} was created", "birth time")
    weight = _CHANGE if snapshot.live else _COPIED
    yield Moment(file.ctime, weight, f"{file.path} was last changed, or its owner or mode", "change time")
    yield Moment(file.mtime, _WRITTEN, f"{file.path} was last written", "modification time")


def _of_logs(snapshot: Snapshot, cast: Cast) -> Iterator[Moment]:
    """What others wrote down as it happened: that cron ran it, that a crontab was changed, that a module was loaded.

    A line counts that names a file of the incident, or a whole command of one of its autostarts.
    """
    names = {file.path for file in cast.files if len(file.path) >= _TELLING_LENGTH}
    names |= {one.command.strip() for one in cast.autostarts if len(one.command.strip()) >= 2 * _TELLING_LENGTH}
    for hit in snapshot.log_hits:
        if hit.time is None or not tells_only(hit.kind) or not believed(hit):
            continue
        if any(name in (hit.detail or hit.text) for name in names):
            yield Moment(hit.time, _LOGGED, f"{service_name(hit.kind)}: {meaning(hit)}", hit.path)


def _of_autostart(snapshot: Snapshot, autostart: Autostart) -> Iterator[Moment]:
    if autostart.birth is not None and autostart.line is None and snapshot.live:
        yield Moment(autostart.birth, _CHANGE, f"{autostart.path} was created", "birth time")
    if autostart.mtime is not None:
        yield Moment(autostart.mtime, _WRITTEN, f"{autostart.path} was last changed", "modification time")
    if autostart.first_seen is not None:
        what = f"{autostart.path} was first seen with it"
        yield Moment(autostart.first_seen, _FIRST_SEEN, what, "Davy's own memory")
