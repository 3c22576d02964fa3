"""Which times no log of a service covers: rotations that are missing, logs that were emptied or begin too late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from davy.correlate.log_lines import only_overheard
from davy.model.logs import LogRead, Span
from davy.model.snapshot import Snapshot

_QUIET: Final = 24 * 3600.0
"""Between two files of one log so much time may pass without a record: rotation is by the day at most places."""


class Uncovered(NamedTuple):
    kind: str
    """The service's id."""
    span: Span
    paths: tuple[str, ...]
    """The logs that were looked into."""


def uncovered(snapshot: Snapshot, spans: Iterable[Span]) -> Iterator[Uncovered]:
    """The parts of the ``spans`` of which no log tells, of each service of which logs were read.

    Before the system was installed there was nothing to tell.
    """
    oldest = snapshot.host.installed or 0.0
    wanted = [span for span in spans if span.end > oldest]
    overheard = {one.kind for one in snapshot.services if only_overheard(one)}
    for kind, own in reads_by_service(snapshot).items():
        if kind in overheard:
            continue
        paths = tuple(dict.fromkeys(read.path for read in own))
        for span in wanted:
            until = min(span.end, snapshot.taken)
            for missing in _missing(Span(max(span.begin, oldest), until), covered(own)):
                yield Uncovered(kind, missing, paths)


def reads_by_service(snapshot: Snapshot) -> dict[str, list[LogRead]]:
    """The logs that were looked into, by the ids of the services; several write into one log, as into auth.log."""
    reads: dict[str, dict[str, LogRead]] = defaultdict(dict)
    for read in snapshot.logs_read:
        reads[read.kind][read.path] = read
        for service in snapshot.services:
            if any(read.path == log or read.path.startswith(f"{log}.") for log in service.logs):
                reads[service.kind][read.path] = read
    return {kind: list(own.values()) for kind, own in reads.items()}


def covered(reads: Sequence[LogRead]) -> list[Span]:
    """What logs of one service cover together, in order; short silences between two of them are none."""
    each = sorted(
        (Span(read.first, read.last) for read in reads if read.first is not None and read.last is not None),
        key=lambda span: span.begin,
    )
    found: list[Span] = []
    for span in each:
        if found and span.begin - found[-1].end <= _QUIET:
            found[-1] = Span(found[-1].begin, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def _missing(span: Span, told: Sequence[Span]) -> Iterator[Span]:
    """What of a span is before, between or after what is told; the time since the last record is a silence."""
    begin = span.begin
    for one in told:
        if one.begin > begin:
            yield Span(begin, min(one.begin, span.end))
        begin = max(begin, one.end)
        if begin >= span.end:
            return
    if not told or span.end - begin > _QUIET:
        yield Span(begin, span.end)
