"""Which processes are known services: by what they run, looked up by the program's name."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from davy.collect.services.instance import is_image_of
from davy.knowledge.services import KnownService, Recognition, known_services
from davy.model.facts import Process
from davy.model.housing import Housing


class Recognised(NamedTuple):
    """The processes of one service, its main one first."""

    known: KnownService
    processes: tuple[Process, ...]

    @property
    def main(self) -> Process:
        return self.processes[0]


@functools.lru_cache(maxsize=4096)
def _possible(name: str | None) -> tuple[tuple[KnownService, Recognition], ...]:
    """What a program of a name may be: those that are known by this very name first."""
    found = [(known, one) for known in known_services().values() for one in known.process if _fits(one, name)]
    return tuple(sorted(found, key=lambda each: name not in each[1].programs))


def _fits(one: Recognition, name: str | None) -> bool:
    return not one.programs or (name is not None and any(fnmatchcase(name, program) for program in one.programs))


def kind_of(exe: str | None, words: tuple[str, ...]) -> KnownService | None:
    """The service that a program with these words is."""
    if not words:
        return None
    possible = _possible(posixpath.basename(exe) if exe else None)
    return next((known for known, one in possible if one.meets(exe, words)), None)


def recognised(processes: Sequence[Process], housing: Housing) -> Iterator[Recognised]:
    """The services that run: a process and those below it that are of the same kind are one.

    Of a container in which no process is known, the first is what its image is known for.
    """
    of: dict[int, tuple[KnownService, Process]] = {}
    for process in processes:
        known = kind_of(process.exe_path, process.cmdline)
        if known is not None:
            of[process.pid] = known, process
    of |= _by_image(processes, housing, [process for _, process in of.values()])
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


def _by_image(
    processes: Sequence[Process], housing: Housing, known: Iterable[Process]
) -> Iterator[tuple[int, tuple[KnownService, Process]]]:
    told = {one.id for process in known if (one := housing.of(process))}
    running = (one for one in housing.by_id.values() if one.running)
    firsts = {one.pid: one for one in running if one.pid is not None and one.id not in told}
    for process in processes if firsts else ():
        if (container := firsts.get(process.pid)) and (service := known_by_image(container.image)):
            yield process.pid, (service, process)


def known_by_image(image: str | None) -> KnownService | None:
    """The service that images of a name are known for."""
    return next((known for known in known_services().values() if is_image_of(known, image)), None)
