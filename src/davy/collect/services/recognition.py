"""Which processes are known services: by what they run, looked up by the program's name."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from davy.knowledge.data import wild
from davy.knowledge.services import KnownService, Recognition, known_services
from davy.model.facts import Process


class Recognised(NamedTuple):
    """The processes of one service, its main one first."""

    known: KnownService
    processes: tuple[Process, ...]

    @property
    def main(self) -> Process:
        return self.processes[0]


class _Index(NamedTuple):
    by_name: Mapping[str, list[tuple[KnownService, Recognition]]]
    others: list[tuple[KnownService, Recognition]]
    """Of names with wildcards, or of any name."""


@functools.cache
def _index() -> _Index:
    by_name: dict[str, list[tuple[KnownService, Recognition]]] = {}
    others = []
    for known in known_services().values():
        for one in known.process:
            if not one.programs or any(wild(program) for program in one.programs):
                others.append((known, one))
            else:
                for program in one.programs:
                    by_name.setdefault(program, []).append((known, one))
    return _Index(by_name, others)


def kind_of(exe: str | None, words: tuple[str, ...]) -> KnownService | None:
    """The service that a program with these words is."""
    if not words:
        return None
    index = _index()
    own = index.by_name.get(posixpath.basename(exe), ()) if exe else ()
    return next((known for known, one in (*own, *index.others) if one.meets(exe, words)), None)


def recognised(processes: Iterable[Process]) -> Iterator[Recognised]:
    """The services that run: a process and those below it that are of the same kind are one."""
    of: dict[int, tuple[KnownService, Process]] = {}
    for process in processes:
        known = kind_of(process.exe_path, process.cmdline)
        if known is not None:
            of[process.pid] = known, process
    groups: dict[int, list[Process]] = {}
    for pid, (known, process) in of.items():
        top, seen = pid, {pid}
        while (above := of.get(of[top][1].ppid)) is not None and above[0] is known and above[1].pid not in seen:
            top = above[1].pid
            seen.add(top)
        groups.setdefault(top, []).append(process)
    for top, members in groups.items():
        known, main = of[top]
        yield Recognised(known, (main, *(each for each in members if each.pid != top)))
