"""What the logs of services say of an entry: searched by time, through rotation and compression, within bounds.

In go the services and the spans of time that matter; out come the records that a sign means, what each log covers, and
what could not be read.  A log is read newest first; with spans only those of their bytes that are of that time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from davy.collect.logs.binary import of_services, read_binary
from davy.collect.logs.budget import USUAL, Budget, Purse
from davy.collect.logs.elsewhere import journals, outputs
from davy.collect.logs.formats import BINARY, COVERS, TEXT
from davy.collect.logs.gap import gap, when
from davy.collect.logs.packed import read_packed
from davy.collect.logs.places import Watched, watched
from davy.collect.logs.plain import read_plain
from davy.collect.logs.reaching import Reaching
from davy.collect.logs.record import Clock
from davy.collect.logs.rotation import Older, missing, older
from davy.collect.logs.sequences import Gathering
from davy.collect.logs.signs import signs
from davy.collect.logs.task import Task
from davy.collect.logs.unpacking import packed
from davy.collect.logs.zone import container_zone, root_zone
from davy.host import Gone, Host, HostError, Root
from davy.host.root import FileStat
from davy.knowledge.matching import NoEngineError
from davy.knowledge.services import LogFormat, Sign, known_services
from davy.model.facts import Gap
from davy.model.logs import ClockStep, LogHit, LogRead, Span
from davy.model.services import Service

__all__ = ["USUAL", "Budget", "log_facts"]

_BEFORE: Final = 600.0
"""Seconds in front of a span that are read too: what hits in it follow on."""
_QUIET: Final = 26 * 3600.0
"""Seconds between two files of one log in which it may just have had nothing to say."""
_EMPTIED: Final = 60.0
"""Seconds within which rotation makes the new file and leaves the old one."""

Fact = LogHit | LogRead | ClockStep | Gap


def log_facts(
    host: Host,
    services: Sequence[Service],
    spans: Sequence[Span] | None,
    cache: str | None = None,
    budget: Budget = USUAL,
) -> Iterator[Fact]:
    """What the logs of the services say by their signs, within the spans or, if they are None, at all.

    ``cache`` is a folder of ours that keeps the compiled patterns.  The hits come last, by their times.
    """
    look = _Look(Reaching(host), spans, cache, budget)
    files = [*watched(services), *outputs(host.root, services), *journals(host.root, services)]
    named = {one.path for one in files}
    series = [look.series(one, named) for one in files]
    while series:
        for one in tuple(series):
            found = next(one, None)
            if found is None:
                series.remove(one)
            else:
                yield from found
    yield from (hit for hit in look.gathering.resolved() if _within(hit, spans))


def _within(hit: LogHit, spans: Sequence[Span] | None) -> bool:
    if spans is None or hit.time is None:
        return True
    last = hit.time if hit.last_time is None else hit.last_time
    return any(hit.time <= span.end and last >= span.begin for span in spans)


@functools.cache
def _signs_by_id() -> dict[tuple[str, str], Sign]:
    return {(service.id, sign.id): sign for service in known_services().values() for sign in service.sign}


def _sign_of(hit: LogHit) -> Sign:
    return _signs_by_id()[hit.kind, hit.sign]


class _Look:
    """One look into the logs of a host."""

    def __init__(self, root: Root, spans: Sequence[Span] | None, cache: str | None, budget: Budget) -> None:
        self._root, self._cache = root, cache
        self._zone = root_zone(root)
        self._asked = spans
        self._spans = None if spans is None else [Span(span.begin - _BEFORE, span.end) for span in spans]
        self._begin = min((span.begin for span in self._spans), default=0.0) if self._spans is not None else None
        self._purse = Purse(budget)
        self._seen: set[tuple[int, int, LogFormat]] = set()
        self.gathering = Gathering(_sign_of, self._spans)

    def series(self, one: Watched, named: set[str]) -> Iterator[list[Fact]]:
        """One log and its older files, newest first: the facts of each file in turn, and at last what is missing."""
        facts, newest = self._file(one, one.path)
        yield facts
        files = self._older(one, named)
        reads = [newest] if newest is not None else []
        for each in files:
            written = self._stat(each.path)
            before = self._begin is not None and written is not None and written.mtime < self._begin
            if before and (one.form in BINARY or self._covered(reads)):
                break
            facts, read = self._file(one, each.path)
            if read is not None:
                reads.append(read)
            yield facts
        gaps = [gap(one.path, why) for why in missing(one.path, files)]
        gaps += self._emptied(one.path, [each.path for each in files])
        yield [*gaps, *(self._uncovered(one.path, reads) if one.form in TEXT or one.form in COVERS else ())]

    def _covered(self, reads: Sequence[LogRead]) -> bool:
        """Whether what was read goes back to the begin of all spans, so that an older file has nothing of them."""
        first = reads[-1].first if reads else None
        return first is not None and self._begin is not None and first <= self._begin

    def _older(self, one: Watched, named: set[str]) -> list[Older]:
        if one.form in BINARY and one.others:
            return [Older(path) for path in one.others]
        try:
            return [each for each in older(self._root, one.path) if each.path not in named]
        except HostError:
            return []

    def _file(self, one: Watched, path: str) -> tuple[list[Fact], LogRead | None]:
        try:
            facts = list(self._facts(one, path))
        except Gone as error:
            return ([gap(path, f"a link that leads nowhere: {error}")] if self._link(path) else []), None
        except HostError as error:
            return [gap(path, str(error))], None
        except NoEngineError as error:
            return [gap(path, str(error))], None
        return facts, next((fact for fact in facts if isinstance(fact, LogRead)), None)

    def _facts(self, one: Watched, path: str) -> Iterator[Fact]:
        before = self._root.stat(path)
        key = (before.device, before.inode, one.form)
        if before.regular and key in self._seen:
            return
        self._purse.next_log()
        if self._purse.over:
            yield gap(path, "not read: the time or the bytes for logs were used up")
            return
        self._seen.add(key)
        zone = container_zone(self._root, path) if one.in_container else self._zone
        ending = packed(path)
        records, time_of = BINARY.get(one.form), TEXT.get(one.form)
        task = Task(
            path=path, watched=one, spans=self._spans, clock=Clock(zone, before.mtime),
            signs=signs(None if one.carried else one.form, self._cache), purse=self._purse, gathering=self.gathering,
        )  # fmt: skip
        with self._root.opened(path) as file:
            if one.form is LogFormat.JOURNAL:
                yield from read_binary(file, task, of_services(one))
            elif records is not None:
                if ending is not None:
                    yield gap(path, "a compressed log of this kind is not read")
                    return
                yield from read_binary(file, task, records)
            elif time_of is None:
                yield gap(path, f"nothing reads logs of the kind {one.form}")
                return
            elif ending is not None:
                yield from read_packed(file, task, time_of, ending)
            else:
                yield from read_plain(file, task, time_of)
        after = self._stat(path)
        if after is None or (after.device, after.inode) != (before.device, before.inode):
            yield gap(path, "another file took its place while it was read")

    def _link(self, path: str) -> bool:
        try:
            return self._root.lstat(path).link
        except HostError:
            return False

    def _stat(self, path: str) -> FileStat | None:
        try:
            return self._root.stat(path)
        except HostError:
            return None

    def _emptied(self, path: str, files: Sequence[str]) -> Iterator[Gap]:
        """Whether a log has been emptied by something that is no rotation, and not just put there with an image."""
        file = self._stat(path)
        if file is None or not file.regular or file.size:
            return
        as_it_was_made = file.birth is not None and file.mtime - file.birth < _EMPTIED
        set_by_hand = file.mtime_ns % 1_000_000_000 == 0 or abs(file.ctime - file.mtime) > _EMPTIED
        if as_it_was_made or set_by_hand:
            return
        left = (self._stat(each) for each in files)
        if not any(each is not None and abs(each.mtime - file.mtime) < _EMPTIED for each in left):
            yield gap(path, f"it is empty since {when(file.mtime)}, and rotation left nothing of that time")

    def _uncovered(self, path: str, reads: Sequence[LogRead]) -> Iterator[Gap]:
        """The times that no file of a log covers."""
        known = sorted((read.first, read.last or read.first) for read in reads if read.first is not None)
        if not known:
            return
        for span in self._asked or ():
            if span.begin < known[0][0]:
                until = min(known[0][0], span.end)
                yield gap(path, f"no log covers {when(span.begin)} to {when(until)}")
        for (_, ended), (begun, _) in pairwise(known):
            asked = self._asked is None or any(ended < span.end and begun > span.begin for span in self._asked)
            if begun - ended > _QUIET and asked:
                yield gap(path, f"no log covers {when(ended)} to {when(begun)}")
