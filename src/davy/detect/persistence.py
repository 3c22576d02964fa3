"""Persistence: what starts it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from davy.detect.places import in_a_home, odd_place
from davy.detect.programs import own_program
from davy.detect.rule import Observation, detector
from davy.model.autostarts import Autostart
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot

CAME_BACK: Final = "persistence.came-back"


def _starting(program: str, *, script: bool) -> str:
    """The degree of a program's being started: by where it lies."""
    if not odd_place(program):
        return "anywhere"
    if script:
        return "script in an odd place"
    return "in a home" if in_a_home(program) else "in an odd place"


@detector("persistence.started-again", aspect=Aspect.PERSISTENCE, technique="T1053.003")
def started_again(snapshot: Snapshot) -> Iterator[Observation]:
    """A process's program is what an autostart runs.

    Any service is, so it counts for little, except for a program that lies in an odd place: less for a hidden folder
    in a home, where people keep programs, and for a script, which people run from anywhere.
    """
    by_program: dict[str, list[Autostart]] = defaultdict(list)
    for autostart in snapshot.autostarts:
        for path in dict.fromkeys(autostart.programs):
            by_program[path].append(autostart)
    for process in snapshot.processes:
        program = own_program(snapshot, process)
        if program not in by_program or process.kernel_thread:
            continue
        starting = by_program[program]
        first = starting[0]
        yield Observation(
            subject=process.subject,
            degree=_starting(program, script=program == process.script),
            summary=f"{first.kind} starts it: {first.path}" + (f" line {first.line}" if first.line else ""),
            evidence=tuple(autostart.text or autostart.command for autostart in starting[:4]),
            related=tuple(autostart.subject for autostart in starting),
        )


@detector(CAME_BACK, aspect=Aspect.PERSISTENCE, technique="T1543")
def came_back(snapshot: Snapshot) -> Iterator[Observation]:
    """A program that an eviction has just ended runs again.

    Only the scan after an eviction knows.  It need not burn: a guardian that another one brought back does not.
    """
    evicted = {restart.program for restart in snapshot.restarts}
    for process in snapshot.processes:
        program = own_program(snapshot, process) if evicted else None
        if program in evicted:
            yield Observation(subject=process.subject, summary="runs again after it was evicted", evidence=(program,))
