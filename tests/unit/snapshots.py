"""Small snapshots for the tests of judging: facts as the collectors would have read them off an ordinary host.

What a path says is believed: below ``/usr``, but for ``/usr/local``, a package owns it and it is unmodified.  Nothing
is shared by accident: each process is in a session and a control group of its own unless the test says otherwise.
"""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from davy.collect.commands import programs_of
from davy.correlate import correlate
from davy.detect import detect, triage
from davy.knowledge.modules import module_by_path, module_name
from davy.knowledge.programs import interpreter, script_argument
from davy.model.allowance import Allowance
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.computation import Rounding, ThreadRounding, Tuning, Workload
from davy.model.concealment import (
    Accounting,
    Cover,
    CoverKind,
    GroupShare,
    HiddenName,
    Interval,
    ModuleFile,
    ModuleRow,
    ModuleTable,
    ModuleView,
    Preload,
    PreloadKind,
    ProcessRow,
    ProcessTable,
    View,
)
from davy.model.containers import Container
from davy.model.content import ContentHit, Place
from davy.model.facts import (
    PF_KTHREAD,
    Exe,
    Executable,
    Gap,
    Host,
    KnownFile,
    Load,
    Process,
    ProcessDetail,
    Renewal,
    Restart,
    Socket,
    ThreadLoad,
)
from davy.model.gpu import GpuUse
from davy.model.incidents import Actor, Incident, Judgement, Role
from davy.model.lookup import lookup
from davy.model.mining import Conversation, PoolMention, WalletSighting
from davy.model.snapshot import Snapshot
from davy.model.tools import SystemTool, Tampering

TAKEN: Final = 1_790_000_000.0
BOOT: Final = TAKEN - 30 * 86_400
WINDOW: Final = 1.0
PYENV: Final = "/home/ada/.pyenv/versions/3.12.1/bin/python3.12"
USERS: Final = {"root": 0, "www-data": 33, "nobody": 65534, "ada": 1000}
TTY: Final = 0x8801
"""A pseudo-terminal's device number: pts/1."""

T = TypeVar("T")
Fact = (
    Process | ProcessDetail | Autostart | Socket | KnownFile | Renewal | Restart | Gap | ProcessTable | ModuleTable
    | ModuleFile | Accounting | Cover | Preload | HiddenName | ContentHit | Conversation | WalletSighting | PoolMention
    | Workload | Tuning | Rounding
    | Container | GpuUse | Allowance | Followed | SystemTool
)  # fmt: skip


def process(
    pid: int,
    *command: str,
    exe: str | None = "",
    name: str | None = None,
    ppid: int = 1,
    age: float = 3600.0,
    cores: float = 0.0,
    life_cores: float | None = None,
    waited: float = 0.0,
    in_window: bool = True,
    user: str | None = "root",
    tty: int = 0,
    session: int | None = None,
    audit_session: int | None = None,
    cgroup: str | None = "",
    deleted: bool = False,
    memory_only: bool = False,
    cwd: str = "/",
    state: str = "",
    threads: int = 1,
    flags: int = 0,
) -> Process:
    """One process.  ``command`` is its command line; its program is the first word unless ``exe`` says otherwise."""
    path = (command[0] if command else None) if exe == "" else exe
    script, inline = script_argument(os.path.basename(path), command) if path and len(command) > 1 else (None, None)
    start_time = TAKEN - age
    return Process(
        pid=pid,
        start_ticks=max(round((start_time - BOOT) * 100), 0),
        start_time=start_time,
        name=(os.path.basename(path or "") if name is None else name)[:15],
        state=state or ("R" if cores >= 0.5 else "S"),
        ppid=ppid,
        pgrp=pid,
        session=pid if session is None else session,
        tty=tty,
        flags=flags,
        nice=0,
        threads=threads,
        rss_bytes=4 << 20,
        cpu_seconds=(cores if life_cores is None else life_cores) * age,
        children_cpu_seconds=0.0,
        window_cpu_seconds=cores * WINDOW if in_window else None,
        window_wait_seconds=waited * WINDOW if in_window else None,
        uid=USERS[user] if user is not None else None,
        user=user,
        audit_session=audit_session,
        cmdline=command,
        exe=Exe(path, deleted, memory_only) if path else None,
        cwd=cwd,
        cgroup=f"/system.slice/{pid}.service" if cgroup == "" else cgroup,
        script=os.path.normpath(os.path.join(cwd, script)) if script else None,
        inline=inline,
    )


def kernel_thread(pid: int, name: str, cores: float = 0.0) -> Process:
    return process(pid, exe=None, name=name, ppid=2, cores=cores, session=0, cgroup="/", flags=PF_KTHREAD)


def executable(
    path: str,
    *,
    owner_package: str | None = "",
    unmodified: bool | None = True,
    twin: str | None = None,
    birth: float | None = None,
    mtime: float = TAKEN - 7200,
    user: str = "root",
) -> Executable:
    """A program file; ``owner_package`` "" means what its path says."""
    distribution = path.startswith("/usr/") and not path.startswith("/usr/local/")
    owner = ("coreutils" if distribution else None) if owner_package == "" else owner_package
    return Executable(
        path=path, device=1, inode=zlib.crc32(os.fsencode(path)), size=120_000, mode=0o100755, uid=USERS[user], links=1,
        mtime=mtime, ctime=mtime, birth=birth, sha256="0" * 64, elf=True,
        owner_package=owner, unmodified=unmodified if owner else None, twin=twin,
    )  # fmt: skip


def detail(
    of: Process,
    *,
    program: Executable | None = None,
    script: Executable | None = None,
    folder_mode: int | None = 0o755,
    names: Iterable[str] = (),
    waited_seconds: float = 0.0,
) -> ProcessDetail:
    """The costly facts of one process; its program and script are what their paths say unless given."""
    if program is None and of.exe:
        program = executable(of.exe.path)
    if script is None and of.script:
        script = executable(of.script)
    return ProcessDetail(
        pid=of.pid,
        start_ticks=of.start_ticks,
        executable=program,
        script=script,
        folder_mode=folder_mode,
        names=tuple(names),
        thread_loads=(ThreadLoad(of.pid, of.name, of.cpu_seconds, waited_seconds),),
    )


def cron(
    command: str,
    *,
    user: str = "root",
    line: int = 1,
    path: str | None = None,
    schedule: str = "* * * * *",
    owner_package: str | None = None,
    unmodified: bool | None = None,
) -> Autostart:
    """A line of a user's crontab, or of the table at ``path``."""
    return Autostart(
        kind=AutostartKind.CRON,
        path=path or f"/var/spool/cron/crontabs/{user}",
        line=line,
        text=f"{schedule} {command}",
        command=command,
        schedule=schedule,
        user=user,
        programs=programs_of(command),
        mtime=TAKEN - 3000,
        owner_package=owner_package,
        unmodified=unmodified,
    )


def service(
    command: str, *, unit: str = "box.service", user: str = "root", path: str | None = None, vendor: str | None = None
) -> Autostart:
    """A systemd service, one of the administrator's own unless a ``vendor``'s package brought it."""
    return Autostart(
        kind=AutostartKind.SERVICE,
        path=path or f"{'/usr/lib' if vendor else '/etc'}/systemd/system/{unit}",
        command=command,
        user=user,
        unit=unit,
        programs=programs_of(command),
        mtime=TAKEN - 5000,
        owner_package=vendor,
        unmodified=True if vendor else None,
    )


def followed(
    of: Autostart,
    path: str | None = None,
    file: Executable | None = None,
    *,
    step: Step = Step.COMMAND,
    text: str | None = None,
    folder_mode: int = 0o755,
) -> Followed:
    """A file that an autostart comes to, none there unless ``file`` says what it is; or a ``text``."""
    return Followed(
        autostart=of.subject, step=step, path=path, executable=file, text=text,
        folder_mode=folder_mode if path is not None else None,
    )  # fmt: skip


def authorized_key(line: str, *, user: str = "root") -> Autostart:
    return Autostart(
        kind=AutostartKind.AUTHORIZED_KEY, path=f"/home/{user}/.ssh/authorized_keys", line=1, text=line, command=line,
        user=user, schedule="login",
    )  # fmt: skip


def tool(
    path: str, tampering: Tampering, *, text: str | None = None, renamed_to: str | None = None, package: str = "procps"
) -> SystemTool:
    """A packaged program that was tampered with."""
    return SystemTool(
        path=path, package=package, tampering=tampering, text=text, renamed_to=renamed_to, database="dpkg"
    )


def timer(unit: str, activates: str) -> Autostart:
    return Autostart(
        kind=AutostartKind.TIMER, path=f"/etc/systemd/system/{unit}", command="", unit=unit, activates=activates
    )


def connection(
    of: Process, address: str, port: int, *, state: str = "ESTABLISHED", protocol: str = "tcp", ownerless: bool = False
) -> Socket:
    return Socket(
        protocol=protocol, state=state, local_address="192.0.2.10", local_port=40_000 + of.pid, inode=of.pid,
        remote_address=address, remote_port=port, uid=of.uid or 0, pids=() if ownerless else (of.pid,),
        ownerless=ownerless,
    )  # fmt: skip


def listener(of: Process, port: int) -> Socket:
    return Socket(
        protocol="tcp", state="LISTEN", local_address="0.0.0.0", local_port=port, inode=of.pid + 100_000,
        remote_address="0.0.0.0", remote_port=0, uid=of.uid or 0, pids=(of.pid,),
    )  # fmt: skip


def known_file(
    path: str, family: str, *, size: int = 120_000, elf: bool = True, mode: int = 0o100755, immutable: bool = False
) -> KnownFile:
    file = msgspec.structs.replace(executable(path, owner_package=None), size=size, elf=elf, mode=mode)
    return KnownFile(path, family, file, immutable=immutable)


def known_folder(path: str, family: str, *, immutable: bool = False) -> KnownFile:
    return KnownFile(path, family, immutable=immutable)


def renewal(path: str, *, running: int = 18, looks: int = 20) -> Renewal:
    return Renewal(path=path, pids=tuple(range(900, 920)), running=running, sightings=looks, looks=looks)


def preload(
    path: str,
    *,
    kind: PreloadKind = PreloadKind.FILE,
    there: bool = True,
    owner_package: str | None = "",
    unmodified: bool | None = True,
    text: str | None = None,
    pids: tuple[int, ...] = (),
    hides: Iterable[Process] = (),
    names: Iterable[Process] = (),
    forges: tuple[str, ...] = (),
) -> Preload:
    """A library of its own line in the preload file, unless ``kind`` says otherwise."""
    filed = kind is PreloadKind.FILE
    sources = {PreloadKind.ENVIRONMENT: "LD_PRELOAD", PreloadKind.MAPPED: "9 programs", PreloadKind.LOADER: path}
    return Preload(
        kind=kind,
        path=path,
        source=sources.get(kind, "/etc/ld.so.preload"),
        line=1 if filed else None,
        text=(path if filed else "") if text is None else text,
        library=executable(path, owner_package=owner_package, unmodified=unmodified) if there else None,
        pids=pids,
        hides=tuple(process.subject for process in hides),
        names=tuple(process.subject for process in names),
        forges=forges,
    )


def rounding(of: Process, *threads: str) -> Rounding:
    """Samples of each thread in order: n(earest), u(p), d(own), z(ero)."""
    return Rounding(
        pid=of.pid,
        start_ticks=of.start_ticks,
        threads=tuple(
            ThreadRounding(
                tid=of.pid + number,
                nearest=modes.count("n"), down=modes.count("d"), up=modes.count("u"), zero=modes.count("z"),
                changes=sum(one != other for one, other in itertools.pairwise(modes)),
            )
            for number, modes in enumerate(threads)
        ),
    )  # fmt: skip


def on_card(of: Process, percent: int | None, *, whole: int | None = None, alone: bool = True) -> GpuUse:
    """A process on a graphics card, which works ``percent`` of the time for it and ``whole`` for anybody."""
    return GpuUse(
        pid=of.pid, start_ticks=of.start_ticks, device=0, device_name="Stand-in", sm_percent=percent,
        device_percent=whole, memory_bytes=3 << 30, alone=alone,
    )  # fmt: skip


def restart(starter: Process, program: str) -> Restart:
    return Restart(starter.key, program)


def cover(
    point: str,
    *,
    kind: CoverKind = CoverKind.KERNEL_FILE,
    hides: Process | None = None,
    forged: str | None = None,
    filesystem: str = "tmpfs",
    mount_id: int = 900,
    parent_id: int = 20,
    origin: str | None = None,
    elsewhere: bool = False,
) -> Cover:
    """A mount over ``point``; over a process's folder when it is told whom it ``hides``."""
    pid = hides.pid if hides else None
    return Cover(
        kind=CoverKind.PROCESS if hides else kind, point=point, mount_id=mount_id, parent_id=parent_id,
        filesystem=filesystem, source="none", root="/", device=(0, 90), pid=pid,
        hides=hides.subject if hides else None, forged=forged, origin=origin, elsewhere=elsewhere,
    )  # fmt: skip


def _only(facts: Sequence[Fact], kind: type[T]) -> tuple[T, ...]:
    return tuple(fact for fact in facts if isinstance(fact, kind))


def snapshot(
    *facts: Fact,
    texts: Mapping[str, str] | None = None,
    live: bool = True,
    own_pids: tuple[int, ...] = (),
    name: str | None = "box",
    window: float = WINDOW,
    examined: bool = True,
) -> Snapshot:
    """A host with these facts.  Whom triage names gets the details that `examine` would have taken, unless given.

    ``texts`` are the contents of scripts and programs, as far as a test cares which paths they name.
    """
    surveyed = Snapshot(
        host=Host(name=name, kernel="6.1.0", boot_time=BOOT, boot_id="b", cpus=4),
        taken=TAKEN,
        seconds=0.2,
        live=live,
        own_pids=own_pids,
        load=Load(window_seconds=window, busy_cores=1.0),
        processes=_only(facts, Process),
        details=_only(facts, ProcessDetail),
        autostarts=_only(facts, Autostart),
        sockets=_only(facts, Socket),
        followed=_only(facts, Followed),
        tools=_only(facts, SystemTool),
        known_files=_only(facts, KnownFile),
        containers=_only(facts, Container),
        renewals=_only(facts, Renewal),
        restarts=_only(facts, Restart),
        process_table=next(iter(_only(facts, ProcessTable)), None),
        module_table=next(iter(_only(facts, ModuleTable)), None),
        accounting=next(iter(_only(facts, Accounting)), None),
        covers=_only(facts, Cover),
        module_files=_only(facts, ModuleFile),
        preloads=_only(facts, Preload),
        hidden_names=_only(facts, HiddenName),
        content_hits=_only(facts, ContentHit),
        conversations=_only(facts, Conversation),
        wallets=_only(facts, WalletSighting),
        pool_mentions=_only(facts, PoolMention),
        roundings=_only(facts, Rounding),
        gpu_uses=_only(facts, GpuUse),
        workloads=_only(facts, Workload),
        tuning=next(iter(_only(facts, Tuning)), None),
        allowances=_only(facts, Allowance),
        gaps=_only(facts, Gap),
    )
    if not examined:
        return surveyed
    return msgspec.structs.replace(surveyed, details=surveyed.details + tuple(_examined(surveyed, texts or {})))


def _examined(surveyed: Snapshot, texts: Mapping[str, str]) -> Iterator[ProcessDetail]:
    """As `davy.collect.examine` does: a text names a program by a slash and the name of its file."""
    ways = lookup(surveyed)
    named = [ways.by_subject[subject] for subject in sorted(triage(surveyed).processes)]
    needles = {
        f"/{base}": each.program
        for each in named
        if each.program and (each.script or not interpreter(os.path.basename(each.program)))
        if len(base := os.path.basename(each.program)) >= 4
    }
    for each in named:
        text = "\0".join((*each.cmdline, texts.get(each.program or "", "")))
        names = [path for needle, path in needles.items() if needle in text and path != each.program]
        if each.subject not in ways.detail:
            yield detail(each, names=names)


def judged(of: Snapshot) -> Judgement:
    return correlate(of, detect(of))


def incident_of(of: Snapshot) -> Incident:
    """The one incident of a snapshot."""
    (found,) = judged(of).incidents
    return found


def pids(incident: Incident, role: Role | None = None) -> set[int]:
    """The processes of an incident, of one role or of all."""
    return {actor.pid for actor in incident.actors if actor.pid is not None and role in (None, actor.role)}


def autostarts(incident: Incident) -> list[Actor]:
    return [actor for actor in incident.actors if actor.role is Role.AUTOSTART]


PROCESS_VIEWS: Final = (View.LISTING, View.GETDENTS, View.OWN_LISTING, View.PIDFD, View.SIGNAL)
MODULE_VIEWS: Final = (ModuleView.LISTING, ModuleView.OWN_LISTING, ModuleView.SYSFS)


def process_row(
    pid: int, *, missing: Iterable[View] = (), covered: bool = False, start_ticks: int | None = None
) -> ProcessRow:
    """One process that every view shows but the ``missing`` ones."""
    left_out = frozenset(missing)
    return ProcessRow(
        pid=pid,
        start_ticks=pid * 10 if start_ticks is None else start_ticks,
        name=f"p{pid}",
        seen=frozenset(PROCESS_VIEWS) - left_out,
        missing=left_out,
        covered=covered,
    )


def hidden(of: Process, *missing: View, covered: bool = False) -> ProcessTable:
    """A table in which one process is left out of some views, or lies below a mount, and another is in all of them."""
    row = process_row(of.pid, missing=missing, covered=covered, start_ticks=of.start_ticks)
    return ProcessTable(columns=PROCESS_VIEWS, rows=(row, process_row(of.pid + 1)))


def accounting(
    *intervals: tuple[float, float, float],
    cpus: int = 2,
    claimed: float | None = None,
    counted: float | None = None,
    sampled: float | None = None,
    groups: Mapping[str, float] | None = None,
) -> Accounting:
    """Half a second each: cores busy, owned, and not known to be owned or not."""
    return Accounting(
        cpus=cpus,
        intervals=tuple(
            Interval(seconds=0.5, busy=busy, owned=owned, unsure=unsure) for busy, owned, unsure in intervals
        ),
        claimed_busy=claimed,
        counted_busy=counted,
        sampled_busy=sampled,
        groups=tuple(GroupShare(path, cores) for path, cores in (groups or {}).items()),
    )


def process_table(count: int, hidden: int = 0, uncounted: int = 0) -> ProcessTable:
    """So many processes, the first of which the ordinary listing does not show."""
    return ProcessTable(
        columns=PROCESS_VIEWS,
        rows=tuple(
            process_row(pid, missing=(View.LISTING, View.GETDENTS) if pid <= hidden else ())
            for pid in range(1, count + 1)
        ),
        uncounted=uncounted,
    )


def module_row(
    name: str, *, missing: Iterable[ModuleView] = (), seen: Iterable[ModuleView] | None = None, taint: str = "",
    file: str | None = "",
) -> ModuleRow:  # fmt: skip
    """One kernel module that every view shows but the ``missing`` ones; of the kernel's tree unless ``file`` says."""
    left_out = frozenset(missing)
    shown = frozenset(MODULE_VIEWS) - left_out if seen is None else frozenset(seen)
    place = f"/lib/modules/6.1.0/kernel/{name}.ko" if file == "" else file
    return ModuleRow(name=name, seen=shown, missing=left_out, taint=taint, file=place)


def module_table(
    *modules: str | ModuleRow, taint: int = 0, stray_bytes: int = 0, hooks: tuple[str, ...] = ()
) -> ModuleTable:
    """So many modules, all of them listed where only a name is given."""
    rows = tuple(module_row(each) if isinstance(each, str) else each for each in modules)
    return ModuleTable(columns=MODULE_VIEWS, rows=rows, taint=taint, stray_bytes=stray_bytes, hooks=hooks)


def module_file(
    path: str, *, signed: bool | None = False, listed: bool = True, loaded_by: Iterable[Autostart] = ()
) -> ModuleFile:
    known = module_by_path(path)
    return ModuleFile(
        path=path, name=module_name(path) or "", executable=executable(path, owner_package=None), signed=signed,
        listed=listed, loaded_by=tuple(one.subject for one in loaded_by), known=known.reason if known else None,
    )  # fmt: skip


def modules_load(module: str, *, path: str = "/etc/modules-load.d/x.conf", line: int = 1) -> Autostart:
    """A line that has a kernel module loaded when the machine starts."""
    return Autostart(
        kind=AutostartKind.MODULE, path=path, line=line, text=module, command=f"modprobe {module}", schedule="boot",
        user="root", activates=module,
    )  # fmt: skip


def content_hit(
    rule: str, path: str, *, of: Executable | None = None, place: Place = Place.IMAGE, family: str | None = None
) -> ContentHit:
    """What a rule found in a file; ``of`` says that it is the very file of a program."""
    return ContentHit(
        rule=rule, subject=f"file:{path}", place=place, path=path, device=of.device if of else 1,
        inode=of.inode if of else 999_999, offset=16, text="text", patterns=("a", "b"), family=family,
    )  # fmt: skip
