"""One incident: its actors with their roles, its cost, its words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from davy.correlate.containers import containers_of, in_container
from davy.correlate.summary import summary_of
from davy.correlate.verdict import confidence, proven, total_bits, verdict_of
from davy.detect.families import KNOWN_LINE
from davy.detect.programs import own_program
from davy.knowledge import public_families
from davy.model.autostarts import Autostart
from davy.model.facts import KnownFile, Process
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Actor, Incident, Kind, Role, Slowed, Verdict
from davy.model.snapshot import Snapshot

_SLOWED_LEAST: Final = 0.2
"""Work that asked for less CPU time than so many seconds of the window is not worth a word."""
_WAITED_LEAST: Final = 0.05
"""Work that waited for a smaller share of what it asked for was hardly slowed."""
_SLOWED_MOST: Final = 5
_NAMING_BITS: Final = 3.0
"""A name or path with less is one that others use, too: it needs another one of the same family beside it."""


def process_actor(snapshot: Snapshot, process: Process, role: Role, detail: str) -> Actor:
    """A process in its role, with the file of its own that it runs from, if it is on disk: no shared interpreter."""
    path = own_program(snapshot, process)
    gone = process.exe is not None and path == process.exe.path and (process.exe.memory_only or process.exe.deleted)
    return Actor(
        role=role, kind=Kind.PROCESS, subject=process.subject, name=process.name, detail=detail, pid=process.pid,
        ppid=process.ppid, start_time=process.start_time, start_ticks=process.start_ticks, user=process.user,
        cmdline=process.invocation, path=process.exe_path, files=(path,) if path and not gone else (),
        container=in_container(snapshot, process, path or process.exe_path),
    )  # fmt: skip


def autostart_actor(autostart: Autostart, detail: str) -> Actor:
    entry = autostart.within or os.path.basename(autostart.path)
    return Actor(
        role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=autostart.subject,
        name=autostart.unit or f"{autostart.kind} {entry}", detail=detail, user=autostart.user,
        path=autostart.path, line=autostart.line, command=autostart.command, autostart=autostart,
    )  # fmt: skip


def file_actor(known: KnownFile, role: Role) -> Actor:
    return Actor(
        role=role, kind=Kind.FILE, subject=known.subject, name=os.path.basename(known.path),
        detail="lies on disk, no process runs it", path=known.path, files=(known.path,),
    )  # fmt: skip


def family_of(findings: Iterable[Finding]) -> str | None:
    """The family that most bits speak for, each piece of evidence once.

    One ordinary word names nobody, several of one family do.  What anybody may fetch names an incident only where no
    other family is told of.
    """
    said: dict[tuple[str, tuple[str, ...]], float] = {}
    sure: set[str] = set()
    for finding in findings:
        if finding.family:
            key = (finding.family, finding.evidence)
            said[key] = max(finding.bits, said.get(key, 0.0))
            if finding.bits >= _NAMING_BITS or finding.rule == KNOWN_LINE:
                sure.add(finding.family)
    votes: dict[str, float] = {}
    for (family, _), bits in said.items():
        votes[family] = votes.get(family, 0.0) + bits
    named = [family for family in votes if family in sure] or [
        family for family in votes if votes[family] >= _NAMING_BITS
    ]
    return max(named, key=lambda family: (family not in public_families(), votes[family]), default=None)


def _family(subjects: Iterable[Sequence[str]], findings: Mapping[str, Sequence[Finding]]) -> str | None:
    """The family of what runs; where that tells of none, or of a public program, of what starts or hides it.

    Rivals share hosts: what one of them left behind does not name the other that runs.
    """
    named = [family_of(finding for one in group for finding in findings.get(one, ())) for group in subjects]
    known = [family for family in named if family]
    return next((family for family in known if family not in public_families()), known[0] if known else None)


def cpu_hours(snapshot: Snapshot, processes: Sequence[Process]) -> float | None:
    """CPU time of the actors over their lives and of the children they waited for, in hours.

    A child that is an actor itself is still alive, so it is not in its parent's account.
    """
    if not snapshot.live:
        return None
    return sum(process.cpu_seconds + process.children_cpu_seconds for process in processes) / 3600.0


def slowed_work(snapshot: Snapshot, accused: Collection[int]) -> tuple[Slowed, ...]:
    """Other people's busy work that had to wait for CPUs while the ``accused`` burned, most slowed first.

    ``accused`` are the pids of the members of all incidents: what one miner took from another is no loss.
    """
    rows = []
    for process in snapshot.processes:
        used, waited = process.window_cpu_seconds or 0.0, process.window_wait_seconds or 0.0
        innocent = process.pid not in accused and process.pid not in snapshot.own_pids and not process.kernel_thread
        if innocent and used + waited >= _SLOWED_LEAST and waited >= _WAITED_LEAST * (used + waited):
            rows.append(Slowed(process.pid, process.name, used / (used + waited)))
    return tuple(sorted(rows, key=lambda row: row.share)[:_SLOWED_MOST])


def identifier(snapshot: Snapshot, anchor: str) -> str:
    """A short name for an incident that stays the same from one scan to the next."""
    named = f"{snapshot.host.name}\0{anchor}".encode("utf-8", "surrogatepass")
    return hashlib.blake2s(named, digest_size=4).hexdigest()


def incident(
    snapshot: Snapshot,
    *,
    miners: Sequence[Process],
    guardians: Sequence[tuple[Process, str]],
    autostarts: Sequence[tuple[Autostart, str]],
    droppers: Sequence[tuple[Process, str]],
    files: Sequence[KnownFile],
    hiders: Sequence[Actor],
    findings: Mapping[str, Sequence[Finding]],
    slowed: tuple[Slowed, ...],
    owners: str | None = None,
) -> Incident:
    """Put one incident together from its members and all findings by subject.

    ``owners`` says in words by what it may be its owner's own: then it is suspect at most.
    """
    runs = [*(process.subject for process in miners), *(process.subject for process, _ in guardians)]
    starts = [*(autostart.subject for autostart, _ in autostarts), *(hider.subject for hider in hiders)]
    family = _family((runs, starts), findings)
    actors = [
        *(
            process_actor(snapshot, process, Role.MINER, _doing(findings.get(process.subject, ())))
            for process in miners
        ),
        *(process_actor(snapshot, process, Role.GUARDIAN, how) for process, how in guardians),
        *(process_actor(snapshot, process, Role.DROPPER, how) for process, how in droppers),
        *(autostart_actor(autostart, why) for autostart, why in autostarts),
        *(file_actor(known, Role.DROPPER) for known in files),
        *hiders,
    ]  # fmt: skip
    running = [*miners, *(process for process, _ in guardians), *(process for process, _ in droppers)]
    waiting = [one for one, _ in autostarts if verdict_of(findings.get(one.subject, ())) is not Verdict.CLEAN]
    judged = [process.subject for process in miners] or [
        *(hider.subject for hider in hiders),
        *(autostart.subject for autostart, _ in autostarts),
    ]
    verdict = max((verdict_of(findings.get(subject, ())) for subject in judged), key=lambda one: one.rank)
    if owners is not None and verdict is Verdict.CONFIRMED:
        verdict = Verdict.SUSPECT
    bits = max(total_bits(findings.get(subject, ())) for subject in judged)
    hours = cpu_hours(snapshot, running)
    names = [own_program(snapshot, process) or process.exe_path or process.name for process in miners]
    anchor = min(names or judged)
    window = snapshot.load.window_seconds if snapshot.load and snapshot.load.window_seconds > 0.0 else 1.0
    return Incident(
        id=identifier(snapshot, anchor),
        verdict=verdict,
        bits=bits,
        confidence=confidence(bits, proof=any(proven(findings.get(subject, ())) for subject in judged)),
        family=family,
        summary=summary_of(verdict, family, miners, actors, hours, waiting)
        + "".join(f"; in {container.spoken}" for container in containers_of(snapshot, running).values())
        + (f"; may be its owner's own: davy allow ({owners})" if owners is not None else ""),
        actors=tuple(actors),
        findings=tuple(finding for actor in actors for finding in findings.get(actor.subject, ())),
        cpu_hours=hours,
        burning_cores=sum(process.window_cpu_seconds or 0.0 for process in miners) / window,
        slowed=slowed,
        owners=owners,
    )


def _doing(findings: Sequence[Finding]) -> str:
    """What a miner does, in the words of its strongest findings of different aspects."""
    strongest: dict[Aspect, Finding] = {}
    for finding in sorted(findings, key=lambda one: -one.bits):
        if finding.bits > 0:
            strongest.setdefault(finding.aspect, finding)
    return "; ".join(finding.summary for finding in strongest.values())
