"""A binary log: its own reader tells the records, which are searched by the hundred."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from davy.collect.logs.clocks import SOURCES, Clock
from davy.collect.logs.formats import COVERS
from davy.collect.logs.formats.journal import records_of
from davy.collect.logs.gap import gap, when
from davy.collect.logs.places import Watched
from davy.collect.logs.record import Record, Records
from davy.collect.logs.task import Task
from davy.collect.logs.telling import said
from davy.collect.logs.text import RECORD_LIMIT
from davy.host.root import OpenFile
from davy.knowledge.services import LogFormat, known_services
from davy.model.facts import Gap
from davy.model.logs import ClockStep, LogHit, LogRead, Span

_BATCH: Final = 512
_IDENTIFIER: Final = re.compile(r"([^\s\[:]{1,128})(?:\[\d{1,10}\])?:")


def read_binary(file: OpenFile, task: Task, records: Records) -> Iterator[LogRead | ClockStep | Gap]:
    """What one binary log says, into the gathering.  Raises `HostError`."""
    covers = COVERS.get(task.watched.form)
    covered = covers(file, file.size) if covers is not None else None
    first, last = (covered.begin, covered.end) if covered is not None else (None, None)
    read, whole, clock = 0, True, Clock(task.path)
    for span in task.spans if task.spans is not None else (None,):
        batch: list[Record] = []
        for record in records(file, file.size, task.clock, span):
            if isinstance(record, Gap):
                yield gap(task.path, record.why)
                whole = False
                continue
            step = clock.step(record)
            if step is not None and (span is None or _touches(step, span)):
                yield step
            if isinstance(record, ClockStep):
                continue
            if record.time is not None:
                first = record.time if first is None else min(first, record.time)
                last = record.time if last is None else max(last, record.time)
            batch.append(record)
            read += len(record.text)
            if len(batch) >= _BATCH:
                task.gathering.add(_said(task, batch))
                batch = []
                if task.purse.over:
                    yield gap(task.path, f"not all was searched: the time was over at the record of {_moment(record)}")
                    whole = False
                    break
        task.gathering.add(_said(task, batch))
    task.purse.spend(read)
    yield from task.reads(file, first, last, read, whole)


def _moment(record: Record) -> str:
    return "no time" if record.time is None else when(record.time)


def _touches(step: ClockStep, span: Span) -> bool:
    return min(step.before, step.after) <= span.end and max(step.before, step.after) >= span.begin


def _said(task: Task, batch: list[Record]) -> Iterator[LogHit]:
    batch.sort(key=lambda record: record.offset)
    texts = [record.text.encode("utf-8", "surrogateescape")[:RECORD_LIMIT] for record in batch]
    begins, at = [], 0
    for text in texts:
        begins.append(at)
        at += len(text) + 1
    told: set[tuple[int, int]] = set()
    for end, number in task.signs.places(b"\n".join(texts)):
        index = bisect_right(begins, end - 1) - 1
        if (index, number) in told:
            continue
        told.add((index, number))
        record = batch[index]
        for kind, sign in task.signs.of(number, _uses(task.watched, record)):
            hit = said(kind, sign, task.path, record.time, record.text[:RECORD_LIMIT], record.offset)
            if hit is not None:
                yield hit


def of_services(watched: Watched) -> Records:
    """The records of a journal that are of the services or of the clock, which it has an index of."""
    names = frozenset(name for use in watched.uses for name in _names(use)) | SOURCES
    return lambda file, size, _clock, span: records_of(file, size, span, names)


def _uses(watched: Watched, record: Record) -> frozenset[tuple[str, str]]:
    """Whose signs a record may show: in a journal that is told by who wrote it, or by its unit, which may be any."""
    if watched.form is not LogFormat.JOURNAL:
        return watched.uses
    found = _IDENTIFIER.match(record.text)
    said = found[1] if found else None
    return frozenset(use for use in watched.uses if any(name == said or "." in name for name in _names(use)))


@functools.cache
def _names(use: tuple[str, str]) -> tuple[str, ...]:
    """The identifiers and units of a service's log in the journal."""
    kind, identity = use
    return next((log.journal for log in known_services()[kind].log if log.id == identity), ())
