"""Make the plan of an eviction from incidents and the facts behind them, before anything is touched.

What must not be touched is left out here, with the reason, and refused once more by the hands.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davy.detect.places import odd_place
from davy.detect.programs import own_program
from davy.hands.attributes import storable
from davy.hands.systemd import SYSTEM_SOCKET
from davy.host import Gone, Host, HostError
from davy.host.packages import PackageDatabase, packages
from davy.knowledge import family_by_path
from davy.knowledge.programs import interpreter
from davy.model.concealment import Preload, PreloadKind
from davy.model.facts import Autostart, AutostartKind, Executable, Process, ProcessDetail
from davy.model.findings import Aspect
from davy.model.incidents import Actor, Incident, Kind, Role
from davy.model.lookup import lookup
from davy.model.plan import (
    FileIdentity,
    Freeze,
    Kill,
    Left,
    MaskUnit,
    Plan,
    Preserve,
    Quarantine,
    ReloadManager,
    RemoveLines,
    RemoveLink,
    Step,
    Target,
)
from davy.model.snapshot import Snapshot
from davy.model.text import printable
from davy.respond.freeze import running

_FILE_LIMIT: Final = 1 << 30
_UNITS: Final = frozenset({AutostartKind.SERVICE, AutostartKind.TIMER, AutostartKind.UNIT})
_UNIT_NAME: Final = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")
"""What systemd takes for a unit's name (systemd.unit(5)); a file of another name is only a file."""
_PRELOAD_GAPS: Final = b" \t:"
_PRELOAD_WORD: Final = re.compile(rb"[ \t:]*([^ \t:#]+)")
_PROCESSLESS: Final = (".timer", ".path", ".socket")
_SYSTEM_RUNTIME: Final = b"/run/systemd/system"


class _Draft:
    """A plan while it is made."""

    def __init__(
        self, host: Host, snapshot: Snapshot, spared_files: frozenset[tuple[int, int]], actors: Sequence[Actor]
    ) -> None:
        self.host, self.snapshot, self.ways = host, snapshot, lookup(snapshot)
        known = (self.ways.autostart.get(actor.subject) for actor in actors)
        self.actor_autostarts = [autostart for autostart in known if autostart is not None]
        self.database: PackageDatabase = packages(host.root)
        self.spared_files = spared_files
        self.targets: dict[str, Target] = {}
        self.programs: dict[bytes, FileIdentity] = {}
        self.files: dict[bytes, Quarantine] = {}
        self.entries: list[Step] = []
        self.managers: dict[bytes, list[str]] = {}
        self.lines: dict[str, list[Autostart]] = {}
        self.preloads: dict[str, list[Preload]] = {}
        self.left: dict[str, Left] = {}
        self.vendor_units: list[str] = []

    def leave(self, what: str, why: str) -> None:
        self.left.setdefault(what, Left(printable(what, 400), printable(why, 400)))

    def identity(self, path: str, sha256: str | None = None) -> FileIdentity | None:
        """The file at ``path`` as it is now, by its real folder; None, and left with the reason, when it must stay."""
        try:
            real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            found = self.host.root.lstat(real)
            if not found.regular:
                self.leave(path, "not a regular file")
                return None
            digest = self.host.root.digest(real, _FILE_LIMIT)
        except Gone:
            return None  # by itself, since the scan
        except HostError as error:
            self.leave(path, str(error))
            return None
        if (found.device, found.inode) in self.spared_files:
            return None
        if digest is None:
            self.leave(path, f"larger than {_FILE_LIMIT >> 20} MiB")
            return None
        if sha256 is not None and digest.sha256 != sha256:
            self.leave(path, "another file by now than the one that runs")
            return None
        return FileIdentity(
            path=os.fsencode(real),
            device=found.device,
            inode=found.inode,
            size=found.size,
            mtime_ns=storable(found.mtime_ns),
            sha256=digest.sha256,
        )


def plan(
    host: Host,
    snapshot: Snapshot,
    incidents: Sequence[Incident],
    *,
    spared_files: frozenset[tuple[int, int]] = frozenset(),
) -> Plan:
    """The steps that evict ``incidents``, in order, and what is left alone and why.

    ``spared_files`` (device, inode) are Davy's own state.
    """
    actors = [actor for one in incidents for actor in one.actors]
    draft = _Draft(host, snapshot, spared_files, actors)
    for actor in actors:
        if actor.kind is Kind.PROCESS and actor.role in (Role.MINER, Role.GUARDIAN, Role.DROPPER, Role.HIDER):
            _process(draft, actor)
    for actor in actors:
        if actor.kind is Kind.AUTOSTART:
            _autostart(draft, draft.ways.autostart.get(actor.subject))
        elif actor.kind is Kind.FILE and actor.path:
            _file(draft, actor.path, "a file of the family")
        elif actor.kind is Kind.LIBRARY and actor.role is Role.HIDER:
            _library(draft, actor)
    _lines(draft)
    _preload_lines(draft)
    _reloads(draft)
    _drop_files_in_use(draft, _odd_programs(incidents))
    targets = tuple(draft.targets.values())
    steps: list[Step] = []
    if targets or draft.programs:
        steps.append(Freeze(targets=targets, programs=tuple(draft.programs.values())))
        steps += [Preserve(target=target) for target in targets]
    steps += draft.entries
    if targets or draft.programs:
        steps.append(Kill())
    steps += draft.files.values()
    return Plan(
        incidents=tuple(one.id for one in incidents),
        boot_id=snapshot.host.boot_id,
        steps=tuple(steps),
        left=tuple(draft.left.values()),
        vendor_units=tuple(draft.vendor_units),
        names=tuple(sorted(set(_names(actors)))),
    )


def _names(actors: Iterable[Actor]) -> Iterator[str]:
    """Paths by which a come-back is known: the programs and scripts of the actors, not shared interpreters."""
    for actor in actors:
        if actor.kind is not Kind.AUTOSTART:
            for path in (*actor.files, actor.path):
                if path and not interpreter(os.path.basename(path)):
                    yield printable(path)


def _process(draft: _Draft, actor: Actor) -> None:
    process = draft.ways.by_subject.get(actor.subject)
    if process is None:
        return
    shown = f"process {process.pid} ({process.name})"
    detail = draft.ways.detail.get(process.subject)
    why = _spared(draft, process, detail)
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
    if program is not None and program == process.script:
        _script(draft, program, detail.script if detail else None)
    exe = process.exe
    if exe and not exe.memory_only and (exe.path == program or (process.script and odd_place(exe.path))):
        _program(draft, exe.path, detail.executable if detail else None, on_disk=not exe.deleted)


def _script(draft: _Draft, path: str, known: Executable | None) -> None:
    """A script goes only where more than a command line ties it to the actors: that is a process's own word."""
    started = {program for entry in draft.actor_autostarts for program in entry.programs}
    if odd_place(path) or family_by_path(path) or path in started:
        _program(draft, path, known, on_disk=True)
    else:
        draft.leave(path, "named as a script on a command line alone")


def _spared(draft: _Draft, process: Process, detail: ProcessDetail | None) -> str | None:
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


def _program(draft: _Draft, path: str, known: Executable | None, *, on_disk: bool) -> None:
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
    if identity is not None and _mine(draft, path):
        if _only_name(draft, path):
            draft.programs[identity.path] = identity
        draft.files[identity.path] = Quarantine(file=identity, why="the actors run it")


def _only_name(draft: _Draft, path: str) -> bool:
    """Whether a file has no other name, under which anybody might run it."""
    try:
        return draft.host.root.lstat(path).links == 1
    except HostError:
        return False


def _mine(draft: _Draft, path: str) -> bool:
    """Whether this person may move the file; left with the reason when not."""
    if os.geteuid() == 0:
        return True
    try:
        if draft.host.root.lstat(path).uid == os.geteuid():
            return True
    except HostError:
        pass
    draft.leave(path, "belongs to another user: run as root")
    return False


def _file(draft: _Draft, path: str, why: str) -> None:
    owner = draft.database.owners([path]).get(path)
    if owner:
        draft.leave(path, f"belongs to the installed package {owner}")
        return
    identity = draft.identity(path)
    if identity is not None and _mine(draft, path):
        draft.files.setdefault(identity.path, Quarantine(file=identity, why=why))


def _autostart(draft: _Draft, autostart: Autostart | None) -> None:
    if autostart is None:
        return
    owner = autostart.owner_package or draft.database.owners([autostart.path]).get(autostart.path)
    if owner:
        draft.leave(autostart.path, f"belongs to the installed package {owner}")
        if autostart.kind in _UNITS and autostart.unit:
            draft.vendor_units.append(autostart.unit)
        return
    if autostart.line is not None:
        draft.lines.setdefault(autostart.path, []).append(autostart)
        return
    if autostart.kind in _UNITS and autostart.unit and _UNIT_NAME.fullmatch(autostart.unit):
        _unit(draft, autostart, autostart.unit)
        return
    identity = draft.identity(autostart.path)
    if identity is not None and _mine(draft, autostart.path):
        draft.entries.append(Quarantine(file=identity, why=f"a {autostart.kind} entry of its own"))


def _unit(draft: _Draft, autostart: Autostart, unit: str) -> None:
    """A unit goes by its links and its file; a mask at run time keeps others from starting it meanwhile.

    Of a unit that somebody else's file defines, only the drop-in goes.
    """
    identity = draft.identity(autostart.path)
    if identity is None or not _mine(draft, autostart.path):
        return
    path = autostart.path
    runtime, socket = _SYSTEM_RUNTIME, SYSTEM_SOCKET
    if not path.startswith(("/etc/systemd/system", "/run/systemd/", "/usr/", "/lib/systemd/system")):
        uid = draft.host.root.lstat(path).uid
        runtime, socket = b"/run/user/%d/systemd/user" % uid, b"/run/user/%d/systemd/private" % uid
    if os.path.dirname(path).endswith(".d"):
        draft.entries.append(Quarantine(file=identity, why=f"a drop-in of the unit {unit}"))
        draft.vendor_units += _owned_by_packages(draft, unit)
    else:
        _whole_unit(draft, autostart, unit, identity, runtime)
    if _is_socket(socket):
        stopping = draft.managers.setdefault(socket, [])
        if unit.endswith(_PROCESSLESS):
            stopping.append(unit)


def _whole_unit(draft: _Draft, autostart: Autostart, unit: str, identity: FileIdentity, runtime: bytes) -> None:
    for link in autostart.links:
        try:
            destination = os.fsencode(draft.host.root.readlink(link))
            real = os.path.join(os.path.realpath(os.path.dirname(link)), os.path.basename(link))
            draft.entries.append(RemoveLink(path=os.fsencode(real), destination=destination))
        except HostError as error:
            draft.leave(link, str(error))
    draft.entries.append(Quarantine(file=identity, why=f"the unit {unit}"))
    if os.path.isdir(runtime) and not os.fsdecode(identity.path).startswith(os.fsdecode(runtime) + "/"):
        draft.entries.append(MaskUnit(unit=unit, manager=runtime))


def _owned_by_packages(draft: _Draft, unit: str) -> list[str]:
    """The unit's name, if a file that defines it belongs to an installed package."""
    paths = {other.path for other in draft.snapshot.autostarts if other.unit == unit}
    return [unit] if draft.database.owners(paths) else []


def _is_socket(path: bytes) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _lines(draft: _Draft) -> None:
    """One step a file, for all its guilty lines."""
    for path, entries in draft.lines.items():
        identity = draft.identity(path)
        if identity is None or not _mine(draft, path):
            continue
        entries.sort(key=lambda entry: entry.line or 0)
        draft.entries.append(
            RemoveLines(
                file=identity,
                lines=tuple(entry.line or 0 for entry in entries),
                texts=tuple(os.fsencode(entry.text) for entry in entries),
            )
        )


def _library(draft: _Draft, actor: Actor) -> None:
    """A preloaded library goes after every line that names it.

    Whoever has it loaded is whom it was forced on: unlike a shared program's, its file does not stay for their sake.
    """
    found = [preload for preload in draft.snapshot.preloads if preload.subject == actor.subject]
    if any(preload.kind is PreloadKind.LOADER for preload in found):
        draft.leave(actor.path or actor.name, "every program's loader: have the C library's package installed again")
        return
    for preload in found:
        if preload.kind is PreloadKind.FILE:
            draft.preloads.setdefault(preload.source, []).append(preload)
    library = next((preload.library for preload in found if preload.library), None)
    if library is None:
        return
    owner = library.owner_package or draft.database.owners([library.path]).get(library.path)
    if owner:
        draft.leave(library.path, f"belongs to the installed package {owner}")
        return
    identity = draft.identity(library.path, library.sha256)
    if identity is not None and _mine(draft, library.path):
        why = "it is loaded into programs that did not ask for it"
        draft.files[identity.path] = Quarantine(file=identity, why=why, loaded_by_others=True)


def _preload_lines(draft: _Draft) -> None:
    """One step a file; of a line with honest entries, too, only the guilty ones go."""
    for path, preloads in draft.preloads.items():
        owner = draft.database.owners([path]).get(path)
        identity = draft.identity(path) if not owner else None
        if owner:
            draft.leave(path, f"belongs to the installed package {owner}")
        if identity is None or not _mine(draft, path):
            continue
        lines: dict[int, tuple[bytes, set[bytes]]] = {}
        for preload in preloads:
            lines.setdefault(preload.line or 0, (os.fsencode(preload.text), set()))[1].add(os.fsencode(preload.entry))
        numbers = tuple(sorted(lines))
        remains = tuple(_without_entries(*lines[number]) for number in numbers)
        draft.entries.append(
            RemoveLines(
                file=identity,
                lines=numbers,
                texts=tuple(lines[number][0] for number in numbers),
                remains=remains if any(remains) else (),
            )
        )


def _without_entries(line: bytes, entries: set[bytes]) -> bytes:
    """What stays of a line of a preload file without these entries; nothing when no other library is named in it.

    An entry may stand in what looks like a comment: see `davy.host.clean_start.without_comments`.
    """
    kept = _PRELOAD_WORD.sub(lambda found: b"" if found[1] in entries else found[0], line)
    kept = kept.rstrip(b"\r")
    if not kept.partition(b"#")[0].strip(_PRELOAD_GAPS):
        return b""
    return kept if line[:1] in _PRELOAD_GAPS else kept.lstrip(_PRELOAD_GAPS)


def _reloads(draft: _Draft) -> None:
    for socket, stop in draft.managers.items():
        draft.entries.append(ReloadManager(socket=socket, stop=tuple(stop)))


def _odd_programs(incidents: Iterable[Incident]) -> set[str]:
    """Programs that lie where no shared program does: whoever runs one of them has that against it."""
    found: set[str] = set()
    for one in incidents:
        odd = {finding.subject for finding in one.findings if finding.aspect is Aspect.ORIGIN and finding.bits > 0}
        found.update(
            path for actor in one.actors if actor.subject in odd for path in (*actor.files, actor.path) if path
        )
    return found


def _drop_files_in_use(draft: _Draft, odd: set[str]) -> None:
    """Files that a process outside the plan runs or maps stay, and are no program by which others are stopped.

    Only what runs a program from an odd place is stopped with the gang for that alone.
    """
    kernel = draft.host.kernel
    if kernel is None:
        return
    targets = {target.pid for target in draft.targets.values()}
    places = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in odd}
    moved = [(step.file.path, step.file) for step in draft.files.values() if not step.loaded_by_others]
    for path, file in [*draft.programs.items(), *moved]:
        if path in draft.programs and os.fsdecode(path) in places:
            continue
        users = running(kernel, file, targets)
        if users:
            draft.programs.pop(path, None)
            draft.files.pop(path, None)
            draft.leave(os.fsdecode(path), f"process {users[0]}, which is not in the plan, runs or maps it")
