"""What the owner allowed: which processes an allowance is of, and for which that look like it does not count, and why.

It counts by content *and* by the unit (and user) that runs it, and only for what hides nothing.  It excuses nobody
else: no guardian, autostart or hider of another.  Facts and findings come in; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from davy.detect.places import base, temporary_folder
from davy.detect.programs import interprets
from davy.knowledge.programs import interpreter
from davy.model.allowance import Allowance, unit_of
from davy.model.autostarts import Autostart
from davy.model.facts import Executable, Process
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Allowed
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

Findings = Mapping[str, Sequence[Finding]]

_DISGUISES: Final = frozenset({"identity.kernel-thread", "identity.near-miss", "identity.argv-against-exe"})


def judged_file(snapshot: Snapshot, process: Process) -> Executable | None:
    """The file that an allowance is of: a process's script where it runs one, else its program; None if not read."""
    detail = lookup(snapshot).detail.get(process.subject)
    if detail is None:
        return None
    return detail.script if process.script is not None and interprets(snapshot, process) else detail.executable


def never_allowed(snapshot: Snapshot, process: Process) -> str | None:
    """Why no allowance can be of a process, by what it runs; None where one can."""
    exe = process.exe
    if exe is None:
        return "its program is not known"
    if process.inline is not None:
        return "it runs a text of its command line, which is no program"
    if process.script is None and interpreter(base(exe.path)):
        return "it is an interpreter, which runs whatever it is given"
    if exe.memory_only:
        return "its program exists in memory only"
    if exe.deleted:
        return "its program was deleted"
    file = judged_file(snapshot, process)
    detail = lookup(snapshot).detail.get(process.subject)
    for path in (exe.path, *((file.path,) if file else ())):
        if temporary_folder(path) is not None:
            return f"{path} lies where anyone may write"
    if detail is not None and detail.folder_mode is not None and detail.folder_mode & 0o002:
        return f"{exe.path} lies in a folder where anyone may write"
    if file is not None and file.mode & 0o002:
        return f"anyone may write to {file.path}"
    return None


def _hides(findings: Iterable[Finding]) -> str | None:
    for finding in findings:
        if finding.bits > 0 and (finding.aspect is Aspect.CONCEALMENT or finding.rule in _DISGUISES):
            return f"it hides: {finding.summary}"
    return None


def _differs(snapshot: Snapshot, allowance: Allowance, process: Process, own: Sequence[Finding]) -> list[str] | None:
    """What of a process differs from an allowance; [] when nothing does, None when it has nothing to do with it."""
    file = judged_file(snapshot, process)
    same = file is not None and file.sha256 == allowance.sha256
    unit = unit_of(process.cgroup)
    path = file.path if file is not None else process.program
    if not same and not (path == allowance.path and unit == allowance.unit):
        return None
    found = []
    if not same:
        read = file.sha256[:12] if file is not None and file.sha256 else "not read"
        found.append(f"its sha256 is {read}, not {allowance.sha256[:12]}")
    if unit != allowance.unit:
        found.append(f"it runs in {unit or 'no unit'}, not in {allowance.unit or 'none'}")
    if allowance.user is not None and process.user != allowance.user:
        found.append(f"it runs as {process.user}, not as {allowance.user}")
    never = never_allowed(snapshot, process) or _hides(own)
    return [*found, never] if never else found


def allowed(snapshot: Snapshot, findings: Findings) -> tuple[Allowed, ...]:
    """Every allowance, with the processes that it is of, and what differs in those that it is nearly of."""
    return tuple(_one(snapshot, allowance, findings) for allowance in snapshot.allowances)


def _one(snapshot: Snapshot, allowance: Allowance, findings: Findings) -> Allowed:
    its: list[Process] = []
    differing = []
    for process in snapshot.processes:
        if process.kernel_thread or process.pid in snapshot.own_pids:
            continue
        own = findings.get(process.subject, ())
        found = _differs(snapshot, allowance, process, own)
        if found == []:
            its.append(process)
        elif found:
            differing.append(f"{process.name} ({process.pid}): {'; '.join(found)}")
    window = snapshot.load.window_seconds if snapshot.load and snapshot.load.window_seconds > 0.0 else 1.0
    spent = sum(process.cpu_seconds + process.children_cpu_seconds for process in its) / 3600.0
    return Allowed(
        allowance=allowance,
        subjects=tuple(process.subject for process in its),
        pids=tuple(process.pid for process in its),
        cpu_hours=spent if its and snapshot.live else None,
        burning_cores=sum(process.window_cpu_seconds or 0.0 for process in its) / window,
        differs=tuple(differing[:8]),
        findings=tuple(finding for process in its for finding in findings.get(process.subject, ())),
    )


def own_autostarts(snapshot: Snapshot, found: Iterable[Allowed]) -> Iterator[Autostart]:
    """The units that start what is allowed and runs, and nothing else."""
    for one in found:
        if one.subjects and one.allowance.unit is not None:
            for autostart in snapshot.autostarts:
                if autostart.unit == one.allowance.unit and set(autostart.programs) == {one.allowance.path}:
                    yield autostart
