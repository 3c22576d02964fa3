"""systemd's journal, read from its own files: ``/var/log/journal/*/*.journal`` and ``/run/log/journal/*/*.journal``.

    sshd[8421]: Accepted password for ada from 192.0.2.7 port 50312 ssh2
    kernel: audit: type=1400 audit(1602904664.446:123): apparmor="DENIED" operation="exec" ...
    logger as sshd[8421]: Accepted password for root from 192.0.2.7 port 50312 ssh2

A record's text is what calls itself so, its process, and the message with control characters as they are; its offset is
that of the entry in the file, its time when journald got it.  The last line above was not written by sshd.

Entries are found by their time in the file's own index of them, and those of one program or unit in the index of that
value: of a file of gigabytes some hundred kilobytes are read.  Files of all versions are understood: compact or not, in
use or archived, compressed by XZ, LZ4 or ZSTD, sealed or not (seals are not checked).

Each entry has the time since the boot, too: where that goes on and the time of day goes back, the clock was set.

Source: systemd, "Journal File Format"; systemd.journal-fields(7).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.logs.formats.journal.chains import Chain
from davy.collect.logs.formats.journal.compressed import DamagedError
from davy.collect.logs.formats.journal.entries import Fields, sources_of, text_of
from davy.collect.logs.formats.journal.objects import FAULTS, Entry, JournalFile
from davy.collect.logs.record import Clock, Record
from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import ClockStep, Span

PLACES: Final = (
    "/var/log/journal/*/*.journal",
    "/var/log/journal/*/*.journal~",
    "/run/log/journal/*/*.journal",
    "/run/log/journal/*/*.journal~",
)
"""The system's, users' (``user-1000.journal``), archived ones, and those that were not closed properly."""
_VALUES_LIMIT: Final = 10_000
"""Values of one field that are looked through; if it has more, every entry of the span is looked at."""
_SILENT_LIMIT: Final = 100_000
"""Entries in a row that come to no record."""
_STEP: Final = 60_000_000
"""Microseconds by which the clock must be set back to be told."""
_INDEXED: Final = (b"SYSLOG_IDENTIFIER", b"_COMM", b"_SYSTEMD_UNIT", b"UNIT")


class _Later(NamedTuple):
    """What is remembered of the entry that follows."""

    boot: bytes
    began: int
    """When its host was booted, by the time of day that it has."""
    time: float
    text: str


def records(file: OpenFile, size: int, clock: Clock, span: Span | None) -> Iterator[Record | ClockStep | Gap]:  # noqa: ARG001
    """All records of a journal file, or those of a span, the last first."""
    yield from records_of(file, size, span, frozenset())


def covers(file: OpenFile, size: int) -> Span | None:
    """From when to when a journal file tells; None for one that is empty or damaged."""
    try:
        return JournalFile(file, size).span
    except FAULTS:
        return None


def records_of(
    file: OpenFile, size: int, span: Span | None, sources: frozenset[str]
) -> Iterator[Record | ClockStep | Gap]:
    """Those of these programs or units, named as `KnownLog.journal` has them, or of all; the last first."""
    begin, end = (span.begin * 1e6, span.end * 1e6) if span else (-math.inf, math.inf)
    wanted = {each.encode("utf-8", "surrogateescape") for each in sources}
    try:
        journal = JournalFile(file, size)
        covered = journal.span
        if span and covered and (covered.begin > span.end or covered.end < span.begin):
            return
        chains = _chains(journal, wanted)
        fields = Fields(journal)
        yield from _told(chains, fields, wanted, begin, end)
    except FAULTS as error:
        yield _gap(str(error))
        return
    for fault in dict.fromkeys((*(chain.fault for chain in chains), fields.fault)):
        if fault:
            yield _gap(fault)


def _chains(journal: JournalFile, wanted: set[bytes]) -> list[Chain]:
    """Where the wanted entries are found."""
    everything = [Chain(journal, journal.array, journal.n_entries)]
    if not wanted:
        return everything
    found = []
    try:
        for name in _INDEXED:
            values = {b"%b=%b" % (name, value) for value in wanted}
            longest = max(map(len, values)) + 1
            for number, (offset, data) in enumerate(journal.values(name)):
                if number >= _VALUES_LIMIT:
                    return everything
                if data.entries and journal.value(offset, data, longest) in values:
                    found.append(Chain(journal, data.array, data.entries, data.entry))
    except DamagedError:
        return everything
    return found


def _told(
    chains: list[Chain], fields: Fields, wanted: set[bytes], begin: float, end: float
) -> Iterator[Record | ClockStep | Gap]:
    last, silent, later = -1, 0, _Later(b"", 0, 0.0, "")
    every = heapq.merge(*(chain.between(begin, end) for chain in chains), key=lambda each: each.offset, reverse=True)
    for entry in every:
        if entry.offset == last:
            continue
        last = entry.offset
        record = _record(entry, fields, wanted)
        if record is None:
            silent += 1
            if silent >= _SILENT_LIMIT:
                yield _gap(f"{silent} entries in a row say nothing; what stands before was not read")
                return
            continue
        silent = 0
        began = entry.realtime - entry.monotonic
        set_back = began - later.began if later.boot == entry.boot else 0
        if set_back >= _STEP:
            yield ClockStep(path="journal", before=later.time + set_back / 1e6, after=later.time, text=later.text)
        later = _Later(entry.boot, began, entry.realtime / 1e6, record.text)
        yield record


def _record(entry: Entry, fields: Fields, wanted: set[bytes]) -> Record | None:
    try:
        said = fields.of(entry)
    except DamagedError as error:
        fields.fault = str(error)
        return None
    if wanted and not wanted & sources_of(said):
        return None
    text = text_of(said)
    return None if text is None else Record(entry.realtime / 1e6, entry.offset, text)


def _gap(why: str) -> Gap:
    return Gap("logs", "journal", why)
