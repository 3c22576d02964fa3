"""Persistence: what starts it again."""

from __future__ import annotations

from collections.abc import Iterator

from davy.detect.places import odd_place
from davy.detect.rule import Observation, detector
from davy.knowledge import family_by_path
from davy.knowledge.commands import suspicious_command
from davy.knowledge.programs import interpreter
from davy.model.facts import Autostart, Process, Snapshot
from davy.model.findings import Aspect


def starts(autostart: Autostart, process: Process) -> bool:
    """Whether an autostart's command runs this process's program (not merely the interpreter it shares)."""
    if process.script:
        return process.script in autostart.programs
    path = process.exe_path
    return path is not None and path in autostart.programs and not interpreter(path.rpartition("/")[2])


@detector("persistence.suspicious-autostart", aspect=Aspect.PERSISTENCE, technique="T1053.003")
def suspicious_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart fetches and runs, decodes, or runs something from a place where anyone may write.

    Installed packages' own entries are not meant.
    """
    for autostart in snapshot.autostarts:
        matches = () if autostart.owner_package else suspicious_command(autostart.command)
        if matches:
            yield Observation(
                subject=autostart.subject,
                bits=max(match.bits for match in matches),
                summary="; ".join(match.reason for match in matches[:3]),
                evidence=(autostart.text or autostart.command,),
            )


@detector("identity.autostart", aspect=Aspect.IDENTITY, technique="T1053.003")
def family_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart runs a file at a path that a known family uses."""
    for autostart in snapshot.autostarts:
        for path in autostart.programs:
            match = None if autostart.owner_package else family_by_path(path)
            if match:
                yield Observation(
                    subject=autostart.subject,
                    bits=2.0 if match.weak else 5.0,
                    summary=f"starts {path}, which {match.family} uses",
                    evidence=(autostart.text or autostart.command,),
                    family=match.family,
                )


@detector("persistence.started-again", aspect=Aspect.PERSISTENCE, technique="T1053.003")
def started_again(snapshot: Snapshot) -> Iterator[Observation]:
    """A process's program is what an autostart runs.

    Any service is, so it counts for little, except for a program that lies in an odd place or is gone.
    """
    for process in snapshot.processes:
        program = process.program
        if process.kernel_thread or program is None:
            continue
        starting = [autostart for autostart in snapshot.autostarts if starts(autostart, process)]
        if not starting:
            continue
        odd = odd_place(program) or bool(process.exe and process.exe.deleted)
        first = starting[0]
        yield Observation(
            subject=process.subject,
            bits=0.5 if not odd else 2.0 if process.script else 4.0,
            summary=f"{first.kind} starts it: {first.path}" + (f" line {first.line}" if first.line else ""),
            evidence=tuple(autostart.text or autostart.command for autostart in starting[:4]),
            related=tuple(autostart.subject for autostart in starting),
        )
