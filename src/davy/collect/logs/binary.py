"""A binary log: its own reader tells the records, which are searched by the hundred."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.logs.budget import Purse
from davy.collect.logs.gap import gap
from davy.collect.logs.places import Watched
from davy.collect.logs.record import Clock, Record, Records
from davy.collect.logs.sequences import Gathering
from davy.collect.logs.signs import Signs
from davy.collect.logs.telling import said
from davy.collect.logs.text import RECORD_LIMIT
from davy.host.root import OpenFile
from davy.knowledge.services import LogFormat, known_services
from davy.model.facts import Gap
from davy.model.logs import LogHit, LogRead, Span

_BATCH: Final = 512
_IDENTIFIER: Final = re.compile(r"([^\s\[:]{1,128})(?:\[\d{1,10}\])?:")


def read_binary(
    file: OpenFile,
    path: str,
    watched: Watched,
    spans: Sequence[Span] | None,
    *,
    records: Records,
    clock: Clock,
    signs: Signs,
    purse: Purse,
    gathering: Gathering,
) -> Iterator[LogRead | Gap]:
    """What one binary log says, into the gathering.  Raises `HostError`."""
    first: float | None = None
    last: float | None = None
    read, whole = 0, True
    for span in spans if spans is not None else (None,):
        batch: list[Record] = []
        for record in records(file, file.size, clock, span):
            if isinstance(record, Gap):
                yield record
                whole = False
                continue
            if record.time is not None:
                first = record.time if first is None else min(first, record.time)
                last = record.time if last is None else max(last, record.time)
            batch.append(record)
            read += len(record.text)
            if len(batch) >= _BATCH:
                gathering.add(_said(watched, path, signs, batch))
                batch = []
                if purse.over:
                    yield gap(path, "not all of its records were searched: the time for it was over")
                    whole = False
                    break
        gathering.add(_said(watched, path, signs, batch))
    purse.spend(read)
    yield LogRead(
        kind=watched.kind, path=path, format=watched.form.value, size=file.size, first=first, last=last, read_bytes=read,
        whole=whole,
    )  # fmt: skip


def _said(watched: Watched, path: str, signs: Signs, batch: Sequence[Record]) -> Iterator[LogHit]:
    texts = [record.text.encode("utf-8", "surrogateescape")[:RECORD_LIMIT] for record in batch]
    begins, at = [], 0
    for text in texts:
        begins.append(at)
        at += len(text) + 1
    told: set[tuple[int, int]] = set()
    for end, number in signs.places(b"\n".join(texts)):
        index = bisect_right(begins, end - 1) - 1
        if (index, number) in told:
            continue
        told.add((index, number))
        record = batch[index]
        for kind, sign in signs.of(number, _uses(watched, record)):
            hit = said(kind, sign, path, record.time, record.text[:RECORD_LIMIT], record.offset)
            if hit is not None:
                yield hit


def _uses(watched: Watched, record: Record) -> frozenset[tuple[str, str]]:
    """Whose signs a record may show: in a journal that is told by who wrote it."""
    if watched.form is not LogFormat.JOURNAL:
        return watched.uses
    found = _IDENTIFIER.match(record.text)
    return watched.uses | _by_identifier().get(found[1], frozenset()) if found else watched.uses


@functools.cache
def _by_identifier() -> dict[str, frozenset[tuple[str, str]]]:
    uses: dict[str, set[tuple[str, str]]] = {}
    for service in known_services().values():
        for log in service.log:
            for name in log.journal:
                uses.setdefault(name.removesuffix(".service"), set()).add((service.id, log.id))
    return {name: frozenset(each) for name, each in uses.items()}
