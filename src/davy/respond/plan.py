"""Make the plan of an eviction from incidents and the facts behind them, before anything is touched.

What must not be touched is left out here, with the reason, and refused once more by the hands.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davy.correlate.allowed import allowed
from davy.correlate.verdict import verdict_of
from davy.detect.places import odd_place
from davy.detect.programs import own_program
from davy.host import Host, HostError
from davy.knowledge import family_by_path
from davy.knowledge.programs import interpreter
from davy.model.autostarts import Autostart
from davy.model.facts import Executable, Process, ProcessDetail
from davy.model.findings import HOST, Aspect, Finding
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import (
    FileIdentity,
    Freeze,
    Kill,
    Plan,
    Preserve,
    Quarantine,
    Step,
    Target,
    Within,
)
from davy.model.snapshot import Snapshot
from davy.model.text import printable
from davy.respond import packaged
from davy.respond.autostarts import disable
from davy.respond.containers import containers, made_to_mine, within_of, written_there
from davy.respond.draft import ALLOWED, REBUILD, Draft
from davy.respond.freeze import running
from davy.respond.hiders import preload_lines, uncover, unload, unmounts, unpreload
from davy.respond.lines import lines
from davy.respond.units import reloads

_ONLY_NAMED: Final = "named as a script on a command line alone"
_OF_IMAGE: Final = "it may be part of the image: see what made the container"
_TELLING_BITS: Final = 5.0
"""What hides is touched for one finding of concealment with so many bits: no honest mount or library gets them."""


def plan(
    host: Host,
    snapshot: Snapshot,
    incidents: Sequence[Incident],
    *,
    spared_files: frozenset[tuple[int, int]] = frozenset(),
    named: Sequence[Autostart] = (),
) -> Plan:
    """The steps that evict ``incidents``, in order, and what is left alone and why.

    A door is closed and never evicted, for a service serves others, too.  ``spared_files`` (device, inode) are Davy's
    own state; ``named`` are the keys that the operator named, which go whatever is found of them.
    """
    actors = [actor for one in incidents for actor in one.actors if actor.role is not Role.DOOR]
    findings: dict[str, list[Finding]] = {}
    for finding in (finding for one in incidents for finding in one.findings):
        findings.setdefault(finding.subject, []).append(finding)
    draft = Draft(host, snapshot, spared_files, actors, allowed(snapshot, findings), named)
    for actor in actors:
        if actor.kind is Kind.PROCESS and actor.role in (Role.MINER, Role.GUARDIAN, Role.DROPPER, Role.HIDER):
            _process(draft, actor)
    told = _told_by_themselves(incidents)
    tools = {tool.subject: tool for tool in snapshot.tools}
    for actor in actors:
        if actor.role is Role.HIDER and actor.subject not in told and actor.subject != HOST:
            if actor.kind is not Kind.PROCESS:
                what, why = actor.name, "too little is found against it by itself: it may be honest"
                if actor.subject in tools:
                    what, why = tools[actor.subject].path, f"{why}; else {packaged.mending(tools[actor.subject])}"
                draft.leave(what, why)
        elif tampered := tools.get(actor.subject):
            packaged.tool(draft, tampered)
        elif actor.kind is Kind.AUTOSTART:
            disable(draft, draft.ways.autostart.get(actor.subject))
        elif actor.subject.startswith("mount:"):
            uncover(draft, actor)
        elif actor.kind is Kind.MODULE:
            unload(draft, actor)
        elif actor.kind is Kind.FILE and actor.path:
            draft.file(actor.path, "a file of the family")
        elif actor.kind is Kind.LIBRARY and actor.role is Role.HIDER:
            unpreload(draft, actor)
    for autostart in named:
        disable(draft, autostart)
    containers(draft, actors)
    preload_lines(draft)
    lines(draft)
    reloads(draft)
    _drop_files_in_use(draft, _odd_programs(incidents))
    targets = tuple(draft.targets.values())
    steps: list[Step] = []
    if targets or draft.programs:
        steps.append(Freeze(targets=targets, programs=tuple(draft.programs.values())))
    steps += unmounts(draft.covers)
    if targets or draft.programs:
        steps += [Preserve(target=target) for target in targets]
    steps += draft.entries
    files = [step for path, step in draft.files.items() if path not in draft.moved]
    steps += (step for step in files if step.file.within is not None)  # its files are there while it runs
    if targets or draft.programs:
        steps.append(Kill())
    steps += draft.unloads.values()
    steps += (step for step in files if step.file.within is None)
    return Plan(
        incidents=tuple(one.id for one in incidents),
        boot_id=snapshot.host.boot_id,
        steps=tuple(steps),
        left=tuple(draft.left.values()),
        vendor_units=tuple(draft.vendor_units),
        names=tuple(sorted(set(_names(actors)))),
        notes=tuple(draft.notes),
    )


def _told_by_themselves(incidents: Iterable[Incident]) -> set[str]:
    """Subjects against which enough is found whatever company they are in.

    Others chose that company: a miner may take a name that stands in an honest library.
    """
    own: dict[str, dict[Aspect, Finding]] = {}
    for finding in (finding for one in incidents for finding in one.findings):
        strongest = own.setdefault(finding.subject, {})
        if finding.aspect not in strongest or strongest[finding.aspect].bits < finding.bits:
            strongest[finding.aspect] = finding
    return {
        subject
        for subject, strongest in own.items()
        if verdict_of(strongest.values()) is not Verdict.CLEAN
        or (Aspect.CONCEALMENT in strongest and strongest[Aspect.CONCEALMENT].bits >= _TELLING_BITS)
    }


def _names(actors: Iterable[Actor]) -> Iterator[str]:
    """Paths by which a come-back is known: the programs and scripts of the actors, not shared interpreters."""
    for actor in actors:
        if actor.kind is not Kind.AUTOSTART:
            for path in (*actor.files, actor.path):
                if path and not interpreter(os.path.basename(path)):
                    yield printable(path)


def _process(draft: Draft, actor: Actor) -> None:
    process = draft.ways.by_subject.get(actor.subject)
    if process is None:
        draft.leave(actor.name, f"nothing of it can be read: {REBUILD}")
        return
    shown = f"process {process.pid} ({process.name})"
    detail = draft.ways.detail.get(process.subject)
    why = _spared(draft, process, detail)
    if why is None and process.subject in draft.allowed:
        why = ALLOWED
    if why:
        draft.leave(shown, why)
        return
    draft.targets[process.subject] = Target(
        pid=process.pid,
        start_ticks=process.start_ticks,
        role=actor.role,
        name=printable(process.name),
        invocation=printable(process.invocation, 400),
        uid=process.uid,
    )
    program = own_program(draft.snapshot, process)
    within = within_of(draft, process)
    if within is not None:
        _program_within(draft, within, process, program, detail)
        return
    if program is not None and program == process.script:
        _script(draft, program, detail.script if detail else None)
    exe = process.exe
    if exe and not exe.memory_only and (exe.path == program or (process.script and odd_place(exe.path))):
        _program(draft, exe.path, detail.executable if detail else None, on_disk=not exe.deleted)


def _program_within(
    draft: Draft, within: Within, process: Process, program: str | None, detail: ProcessDetail | None
) -> None:
    """The file that an actor in a container runs goes there if it lies where nobody installs a program."""
    known = detail.executable if detail else None
    exe = process.exe
    script = program is not None and program == process.script
    if program is None or exe is None or exe.memory_only or (exe.deleted and not script):
        return
    odd = odd_place(program) or bool(family_by_path(program))
    if not odd and (script or not written_there(draft, within, program)):
        if not made_to_mine(draft, within):
            draft.leave(f"{program} in container {within.name}", _ONLY_NAMED if script else _OF_IMAGE)
        return
    found = draft.identity_within(within, program, known.sha256 if known and not script else None)
    if found is None:
        return
    identity, names, lies = found
    there = lies.outside
    beneath = there is None or (not script and there.endswith(program))  # in a folder that is the root of its process
    if not lies.own and not ((odd and beneath) or (there and (odd_place(there) or family_by_path(there)))):
        where = f"{lies.outside} on the host" if lies.outside else "what was mounted there"
        draft.leave(f"{program} in container {within.name}", f"is {where}, which others may need")
        return
    if names == 1:
        draft.programs[identity.place] = identity
    draft.files[identity.place] = Quarantine(file=identity, why="the actors run it")


def _script(draft: Draft, path: str, known: Executable | None) -> None:
    """A script goes only where more than a command line ties it to the actors: that is a process's own word."""
    started = {program for entry in draft.actor_autostarts for program in entry.programs}
    if odd_place(path) or family_by_path(path) or path in started:
        _program(draft, path, known, on_disk=True)
    else:
        draft.leave(path, _ONLY_NAMED)


def _spared(draft: Draft, process: Process, detail: ProcessDetail | None) -> str | None:
    """Why a process is never touched, or None."""
    if process.pid == 1 or process.kernel_thread:
        return "the kernel's, or the first process"
    if process.pid in draft.snapshot.own_pids:
        return "Davy itself, or what started it"
    if os.geteuid() not in (0, process.uid):
        return f"belongs to {process.user}: run as root to evict it"
    program = detail.executable if detail else None
    own = process.script is not None or process.inline is not None
    if program and program.owner_package and program.unmodified is not False and not own:
        return f"runs {program.path} of the installed package {program.owner_package}"
    return None


def _program(draft: Draft, path: str, known: Executable | None, *, on_disk: bool) -> None:
    """A program that the actors run: whatever else runs it is stopped too, and its file goes."""
    if known and known.owner_package:
        draft.leave(path, f"belongs to the installed package {known.owner_package}")
        return
    identity = draft.identity(path, known.sha256 if known else None) if on_disk else None
    if not on_disk and known is not None and known.sha256 is not None and known.links == 0:
        gone = FileIdentity(
            path=os.fsencode(path),
            device=known.device,
            inode=known.inode,
            size=known.size,
            mtime_ns=0,
            sha256=known.sha256,
        )
        draft.programs[gone.path] = gone
        return
    if identity is not None and draft.mine(path):
        if _only_name(draft, path):
            draft.programs[identity.path] = identity
        draft.files[identity.path] = Quarantine(file=identity, why="the actors run it")


def _only_name(draft: Draft, path: str) -> bool:
    """Whether a file has no other name, under which anybody might run it."""
    try:
        return draft.host.root.lstat(path).links == 1
    except HostError:
        return False


def _odd_programs(incidents: Iterable[Incident]) -> set[str]:
    """Programs that lie where no shared program does: whoever runs one of them has that against it."""
    found: set[str] = set()
    for one in incidents:
        odd = {finding.subject for finding in one.findings if finding.aspect is Aspect.ORIGIN and finding.bits > 0}
        found.update(
            path for actor in one.actors if actor.subject in odd for path in (*actor.files, actor.path) if path
        )
    return found


def _drop_files_in_use(draft: Draft, odd: set[str]) -> None:
    """Files that a process outside the plan runs or maps stay, and are no program by which others are stopped.

    Only what runs a program from an odd place is stopped with the gang for that alone.
    """
    kernel = draft.host.kernel
    if kernel is None:
        return
    targets = {target.pid for target in draft.targets.values()}
    places = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in odd}
    moved = [(step.file.place, step.file) for step in draft.files.values() if not step.loaded_by_others]
    for path, file in [*draft.programs.items(), *moved]:
        if path in draft.programs and os.fsdecode(file.path) in places:
            continue
        users = running(kernel, file, targets)
        if users:
            draft.programs.pop(path, None)
            draft.files.pop(path, None)
            draft.leave(os.fsdecode(file.path), f"process {users[0]}, which is not in the plan, runs or maps it")
