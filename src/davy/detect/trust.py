"""Trust: what speaks against a subject being a miner.  Its bits are negative."""

from __future__ import annotations

from collections.abc import Iterator

from davy.detect.places import base, odd_place
from davy.detect.rule import Observation, detector
from davy.knowledge.dual_use import DualUse, volunteer_client
from davy.knowledge.programs import interpreter, login_shell
from davy.model.facts import Executable, Process
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


def _earned(program: Executable | None) -> str:
    """In which degree a file is trusted: owned at this path and unmodified.  A path alone earns little; "" nothing."""
    if program is None or program.owner_package is None or program.unmodified is False:
        return ""
    return "unmodified" if program.unmodified else "path alone"


@detector("trust.packaged", aspect=Aspect.TRUST)
def packaged(snapshot: Snapshot) -> Iterator[Observation]:
    """Its program belongs to an installed package: this path, and this content.

    For an interpreter it is the script that must be packaged; the interpreter alone excuses little.
    """
    ways = lookup(snapshot)
    for detail in snapshot.details:
        process = ways.by_subject.get(detail.key.subject)
        if process is None or process.exe is None or process.exe.deleted or detail.executable is None:
            continue
        program = detail.executable
        degree = _earned(program)
        if degree and interpreter(base(program.path)):
            degree = _earned(detail.script) if process.script else "interpreter"
            program = (process.script and detail.script) or program
        if degree:
            yield Observation(
                subject=process.subject,
                degree=degree,
                summary=f"{program.path} belongs to the installed package {program.owner_package}"
                + (", unmodified" if program.unmodified else ""),
                evidence=(f"sha256 {program.sha256}",) if program.sha256 else (),
            )


def person_shell(snapshot: Snapshot, process: Process) -> Process | None:
    """The shell in a terminal that a process was started from: same terminal, no script or inline text of its own."""
    if not process.tty:
        return None
    for ancestor in lookup(snapshot).ancestors(process):
        if ancestor.tty != process.tty:
            return None
        if login_shell(ancestor.name) and not ancestor.script and not ancestor.inline:
            odd = ancestor.exe is not None and (ancestor.exe.memory_only or odd_place(ancestor.exe.path))
            return None if odd else ancestor
    return None


@detector("trust.person", aspect=Aspect.TRUST)
def persons_shell(snapshot: Snapshot) -> Iterator[Observation]:
    """A person's shell in a terminal started it.  An intruder may have a terminal, too: it excuses some, not all."""
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        if process.subject not in details:
            continue
        shell = person_shell(snapshot, process)
        if shell is not None:
            yield Observation(
                subject=process.subject,
                summary=f"started from {shell.user}'s shell {shell.name} ({shell.pid}) in a terminal",
                evidence=(f"tty {process.tty:#x}, session {process.session}",),
            )


def _client(snapshot: Snapshot, process: Process) -> DualUse | None:
    """The volunteer client that a process is: its package's own program, byte for byte."""
    detail = lookup(snapshot).detail.get(process.subject)
    program = detail.executable if detail else None
    if program is None or process.exe is None or process.exe.deleted or not program.unmodified:
        return None
    return volunteer_client(program.path, program.owner_package)


@detector("trust.volunteer", aspect=Aspect.TRUST)
def volunteer(snapshot: Snapshot) -> Iterator[Observation]:
    """Volunteer computing that the owner installed: BOINC, Folding@home.

    The client is its package's, byte for byte, and what it computes is its child, lies in the client's own folder and
    runs as the client's own user.  Another program that only bears such a name, or lies there, is not meant.
    """
    ways = lookup(snapshot)
    for detail in snapshot.details:
        process = ways.by_subject.get(detail.key.subject)
        if process is None or process.exe is None:
            continue
        own = _client(snapshot, process)
        if own is not None:
            yield Observation(
                subject=process.subject,
                degree="client",
                summary=f"the client of {own.name}: {own.reason}",
                evidence=(process.exe.path,),
            )
            continue
        if process.exe.deleted or process.exe.memory_only:
            continue
        for ancestor in ways.ancestors(process):
            use = _client(snapshot, ancestor)
            if use is not None:
                if process.exe.path.startswith(use.folders) and process.uid == ancestor.uid:
                    yield Observation(
                        subject=process.subject,
                        degree="work",
                        summary=f"work of {use.name}, started by its client ({ancestor.pid}): {use.reason}",
                        evidence=(process.exe.path,),
                    )
                break
