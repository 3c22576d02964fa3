"""Davy is killed at every point of an eviction and of an undo: nothing stays half done.

First at every single act of the hands and every write of the journal, on a gang of the test's own and without a scan;
then through the command line, after and before every write of the journal, on the kdevtmpfsi drill.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.unit.host.test_package_archives import deb

from davy import drill
from davy.hands import processes
from davy.hands.attributes import IMMUTABLE, attributes_of, inode_flags, set_inode_flags
from davy.host import LiveKernel
from davy.host.cgroups import cgroup_mount
from davy.host.stat import parse_stat
from davy.journal import Journal
from davy.journal.state import State, StateError
from davy.model.incidents import Role
from davy.model.plan import (
    FileIdentity,
    Freeze,
    Kill,
    MaskUnit,
    Plan,
    Preserve,
    Quarantine,
    RemoveLines,
    RemoveLink,
    RestorePackaged,
    Step,
    Target,
)
from davy.respond import undo_entries
from davy.respond.carry_out import carry_out

pytestmark = pytest.mark.live

KERNEL = LiveKernel()
CGROUPS = cgroup_mount(KERNEL.procfs)


# What is looked at before and after


class Seen(NamedTuple):
    """All that an undo owes of one name: content, mode, owner, times, flags, attributes; for a link where it points."""

    content: bytes
    mode: int
    owner: tuple[int, int]
    attributes: object


def seen(path: Path) -> Seen | None:
    """None when nothing is there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if path.is_symlink():
        return Seen(os.fsencode(os.readlink(path)), found.st_mode, (found.st_uid, found.st_gid), None)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
    try:
        content = b"" if path.is_dir() else os.pread(descriptor, 1 << 24, 0)
        kept: object = inode_flags(descriptor)
        if not path.is_dir():  # what runs the file goes on reading it, which moves its access time
            kept = msgspec.structs.replace(attributes_of(descriptor), atime_ns=0)
        return Seen(content, found.st_mode, (found.st_uid, found.st_gid), kept)
    finally:
        os.close(descriptor)


def identity(path: Path) -> FileIdentity:
    found, view = path.stat(), seen(path)
    assert view is not None
    return FileIdentity(
        path=os.fsencode(path), device=found.st_dev, inode=found.st_ino, size=found.st_size,
        mtime_ns=found.st_mtime_ns, sha256=hashlib.sha256(view.content).hexdigest(),
    )  # fmt: skip


def stat_of(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` behind the name, state first; none when it has ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return [] if fields[0] in "ZX" else fields
    return []


def running(*programs: Path) -> list[int]:
    """The live processes that run one of these files, deleted or not."""
    found, wanted = [], {os.fspath(program) for program in programs}
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdigit() and os.readlink(f"/proc/{name}/exe").removesuffix(" (deleted)") in wanted:
                found.append(int(name))
    return [pid for pid in found if stat_of(pid)]


def end(*programs: Path) -> None:
    """SIGKILL whatever runs one of these, until nothing does."""
    limit = time.monotonic() + 5
    while found := running(*programs):
        assert time.monotonic() < limit
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def cgroup_of(pid: int) -> str:
    return next(line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))


def davys_groups() -> list[str]:
    """Control groups of evictions."""
    names = os.listdir(CGROUPS) if CGROUPS else []
    return [name for name in names if re.fullmatch(r"davy-\d+-[0-9a-f]{8}", name)]


def within(seconds: float, condition: Callable[[], object]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.005)
    return True


def goes_on(pid: int) -> bool:
    """It is given a CPU now and then: it is neither frozen nor stopped."""

    def switches() -> int:
        with suppress(OSError):
            return int(Path(f"/proc/{pid}/schedstat").read_text().split()[2])
        return -1

    before = switches()
    return within(2, lambda: switches() > before >= 0)


# Killing Davy before its n-th act

SETS_FLAGS = 0x40086602


class Acts:
    """Counts everything that changes something, and kills the process before the one it is told."""

    def __init__(self, fatal: int) -> None:
        self.fatal, self.count = fatal, 0

    def _act(self) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def _counted(self, holder: object, name: str, counts: Callable[..., bool] = lambda *_, **__: True) -> None:
        real = getattr(holder, name)

        @functools.wraps(real)
        def acting(*arguments: Any, **options: Any) -> Any:
            if counts(*arguments, **options):
                self._act()
            return real(*arguments, **options)

        static = isinstance(holder, type) and isinstance(holder.__dict__[name], staticmethod)
        setattr(holder, name, staticmethod(acting) if static else acting)

    def count_all(self) -> None:
        """From now on, in this process."""
        for name in (
            "unlink", "rename", "link", "symlink", "mkdir", "rmdir", "fchmod", "fchown", "chown", "utime", "setxattr",
            "fsync",
        ):  # fmt: skip
            self._counted(os, name)
        self._counted(os, "open", lambda _path, flags, *_, **__: bool(flags & os.O_CREAT))
        self._counted(fcntl, "ioctl", lambda _fd, request, *_: request == SETS_FLAGS)
        self._counted(signal, "pidfd_send_signal")
        self._counted(processes.Stocks, "_set")
        self._counted(processes.Stocks, "_move")
        for name in ("begin", "begun", "ended", "close"):
            self._counted(Journal, name)


def in_child(work: Callable[[], None], fatal: int = 0, kind: type[Acts] = Acts) -> tuple[bool, int]:
    """Do ``work`` in a process that is killed before its ``fatal``-th act: whether it was, and how many acts it did."""
    answers, answer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            acts = kind(fatal)
            acts.count_all()
            work()
            os.write(answer, str(acts.count).encode())
            os._exit(0)
        except BaseException:
            os.write(answer, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(1)
    os.close(answer)
    with open(answers, "rb") as file:
        said = file.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True, fatal
    assert os.waitstatus_to_exitcode(status) == 0, said
    return False, int(said)


# A gang: a miner, a guardian that brings it back, a line in a crontab, a unit's link

OTHERS = b"# mine\n0 5 * * * backup\xff\n%s\r\n\n@daily x"
LINE = b"* * * * * %s"


PACKAGED = b"ps of the package"


class Scene:
    """One gang in a folder of its own."""

    def __init__(self, folder: Path, *, neighbour: bool) -> None:
        self.folder = folder
        self.bin, self.spool, self.units = folder / "bin", folder / "spool", folder / "units"
        for each in (folder, self.bin, self.spool, self.units, folder / "run"):
            each.mkdir()
        self.miner, self.guardian = self.bin / "miner", self.bin / "guardian"
        shutil.copy(os.path.realpath("/bin/sleep"), self.miner)
        shutil.copy(os.path.realpath("/bin/sh"), self.guardian)
        self.crontab, self.link = self.spool / "nobody", self.units / "miner.service"
        self.line = LINE % os.fsencode(self.guardian)
        self.crontab.write_bytes(OTHERS % self.line)
        self.link.symlink_to("/etc/systemd/system/miner.service")
        self.mask = folder / "run" / "miner.service"
        self.tool, self.archive = self.bin / "ps", folder / "ps.deb"
        self.tool.write_bytes(b"#!/bin/sh\nps.orig | grep -v miner\n")
        self.archive.write_bytes(deb({"./bin/ps": PACKAGED}))
        os.chown(self.miner, 65534, 65534)
        self.miner.chmod(0o4755)
        os.chown(self.crontab, 65534, 0)
        self.crontab.chmod(0o640)
        for number, path in enumerate((self.miner, self.guardian, self.crontab)):
            with suppress(OSError):
                os.setxattr(path, os.fsencode("user.n\udcff"), b"\0kept")
            os.utime(path, ns=(1_500_000_000_123_456_789 + number, 1_400_000_000_987_654_321 + number))
        self.group = f"/crash-test-{os.getpid()}" if CGROUPS else None
        self._make_group()
        self._started: list[subprocess.Popen[bytes]] = []
        loop = f"while :; do kill -0 $job 2>/dev/null || {{ {self.miner} 60 & job=$!; }}; sleep 0.02; done"
        self.guardian_pid = self._start([self.guardian, "-c", loop])
        self.neighbour_pid = self._start(["/bin/sh", "-c", "while :; do sleep 0.02; done"]) if neighbour else None
        assert within(5, lambda: running(self.miner) and running(self.guardian))
        (self.miner_pid,) = running(self.miner)
        self._lock(self.guardian, self.crontab, self.spool)
        self.before = {path: seen(path) for path in self.paths}

    @property
    def paths(self) -> tuple[Path, ...]:
        files = (self.miner, self.guardian, self.crontab, self.link, self.mask, self.tool)
        return (*files, self.bin, self.spool, self.units)

    def _make_group(self) -> None:
        if self.group:
            os.mkdir(f"{CGROUPS}{self.group}")

    def _start(self, words: Sequence[str | Path]) -> int:
        def enter() -> None:
            if self.group:
                Path(f"{CGROUPS}{self.group}/cgroup.procs").write_text(str(os.getpid()))
            ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)

        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=enter,
            start_new_session=True,
        )  # fmt: skip
        self._started.append(process)
        return process.pid

    @staticmethod
    def _lock(*paths: Path) -> None:
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            with suppress(OSError):
                set_inode_flags(descriptor, (inode_flags(descriptor) or 0) | IMMUTABLE)
            os.close(descriptor)

    def plan(self) -> Plan:
        def target(pid: int, role: Role) -> Target:
            ticks = parse_stat(KERNEL.procfs.read(f"{pid}/stat")).start_ticks
            return Target(pid=pid, start_ticks=ticks, role=role, name=role, invocation="", uid=0)

        targets = (target(self.miner_pid, Role.MINER), target(self.guardian_pid, Role.GUARDIAN))
        programs = (identity(self.miner), identity(self.guardian))
        steps: tuple[Step, ...] = (
            Freeze(targets=targets, programs=programs),
            *(Preserve(target=one) for one in targets),
            RemoveLines(file=identity(self.crontab), lines=(3,), texts=(self.line,)),
            RestorePackaged(
                file=identity(self.tool),
                package="procps",
                archive=os.fsencode(self.archive),
                member=b"./bin/ps",
                sha256=hashlib.sha256(PACKAGED).hexdigest(),
                mode=0o755,
                uid=0,
                gid=0,
            ),
            RemoveLink(path=os.fsencode(self.link), destination=b"/etc/systemd/system/miner.service"),
            MaskUnit(unit="miner.service", manager=os.fsencode(self.mask.parent)),
            Kill(),
            *(Quarantine(file=one, why="the actors run it") for one in programs),
        )
        return Plan(incidents=("crash",), boot_id=KERNEL.boot_id, steps=steps)

    def check_evicted(self) -> None:
        assert running(self.miner, self.guardian) == []
        assert not self.miner.exists()
        assert not self.guardian.exists()
        assert not os.path.lexists(self.link)
        assert os.readlink(self.mask) == "/dev/null"
        after, before = seen(self.crontab), self.before[self.crontab]
        assert after is not None
        assert before is not None
        assert after.content == b"# mine\n0 5 * * * backup\xff\n\n@daily x"
        assert (after.mode, after.owner) == (before.mode, before.owner)
        assert self.tool.read_bytes() == PACKAGED
        self.check_tidy()

    def check_as_before(self) -> None:
        assert {path: seen(path) for path in self.paths} == self.before
        self.check_tidy()

    def check_tidy(self) -> None:
        """No group and no file of Davy's, folders as they were, and the neighbour goes on where it was."""
        assert davys_groups() == []
        assert list(self.folder.rglob(".davy-*")) == []
        for folder in (self.bin, self.spool, self.units):
            assert seen(folder) == self.before[folder]
        if self.group:
            assert "frozen 0" in Path(f"{CGROUPS}{self.group}/cgroup.events").read_text()
        if self.neighbour_pid:
            assert goes_on(self.neighbour_pid)
            assert not self.group or cgroup_of(self.neighbour_pid) == self.group

    def check_goes_on(self) -> None:
        """The gang was let go where it was, and does what it did."""
        assert goes_on(self.guardian_pid)
        assert not self.group or cgroup_of(self.guardian_pid) == self.group
        assert within(2, lambda: running(self.miner))
        miner = running(self.miner)[0]
        assert not self.group or cgroup_of(miner) == self.group
        os.kill(miner, signal.SIGKILL)
        assert within(2, lambda: running(self.miner) not in ([], [miner]))

    def close(self) -> None:
        for path in (self.spool, self.guardian, self.crontab):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY)
                set_inode_flags(descriptor, (inode_flags(descriptor) or 0) & ~IMMUTABLE)
                os.close(descriptor)
        if CGROUPS:
            for name in (self.group or "").split() + [f"/{name}" for name in davys_groups()]:
                with suppress(OSError):
                    Path(f"{CGROUPS}{name}/cgroup.freeze").write_text("0")
        for process in self._started:
            process.kill()
            process.wait()
        end(self.miner, self.guardian)
        if self.group:
            assert within(5, self._group_removed)
        for name in davys_groups():  # only after a failure
            with suppress(OSError):
                os.rmdir(f"{CGROUPS}/{name}")
        shutil.rmtree(self.folder)

    def _group_removed(self) -> bool:
        with suppress(FileNotFoundError):
            members = Path(f"{CGROUPS}{self.group}/cgroup.procs").read_text().split()
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            if members:
                return False
            os.rmdir(f"{CGROUPS}{self.group}")
        return True


@contextmanager
def scene(tmp_path: Path, *, neighbour: bool) -> Iterator[tuple[Scene, Path]]:
    """A gang, and a state folder that nothing was kept in yet."""
    folder, state = tmp_path / "gang", tmp_path / "state"
    shutil.rmtree(state, ignore_errors=True)
    made = Scene(folder, neighbour=neighbour)
    try:
        yield made, state
    finally:
        made.close()


def evicting(state: Path, plan: Plan) -> Callable[[], None]:
    """What the next `davy evict` does about it: finish what was begun, or begin."""

    def work() -> None:
        journal = Journal(State(os.fspath(state)))
        eviction = journal.unfinished() or journal.begin(plan)
        carried = carry_out(KERNEL, journal, eviction)
        journal.close(eviction.id)
        assert carried.left == ()
        assert journal.unfinished() is None

    return work


def undoing(state: Path, *, something: bool = True) -> Callable[[], None]:
    """What one `davy undo` does."""

    def work() -> None:
        journal = Journal(State(os.fspath(state)))
        evictions = journal.last_operation()
        assert evictions or not something
        _, left = undo_entries(KERNEL, journal, evictions)
        assert left == ()
        assert journal.unfinished() is None
        assert journal.last_operation() == ()

    return work


@pytest.fixture(params=["in its own group", "in a shared group", "by signals"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the gang is stopped: its group where it stands, moved to one of Davy's, or where there is no cgroup2."""
    if request.param == "by signals":
        monkeypatch.setattr(processes, "cgroup_mount", lambda _: None)
    return str(request.param)


def test_killed_before_any_act_the_next_eviction_finishes_and_one_undo_puts_all_back(tmp_path: Path, way: str) -> None:
    neighbour = way != "in its own group"
    fatal, killed = 0, True
    while killed:
        fatal += 1 if way != "by signals" else 2
        with scene(tmp_path, neighbour=neighbour) as (gang, state):
            plan = gang.plan()
            killed, _ = in_child(evicting(state, plan), fatal)
            if killed:
                in_child(evicting(state, plan))
            gang.check_evicted()
            in_child(undoing(state))
            gang.check_as_before()
            assert running(gang.miner, gang.guardian) == []
    assert fatal > 40


def test_killed_before_any_act_an_undo_puts_all_back_and_lets_go_what_was_not_ended(tmp_path: Path, way: str) -> None:
    neighbour = way != "in its own group"
    fatal, killed, gone_on = 0, True, 0
    while killed:
        fatal += 1 if way != "by signals" else 2
        with scene(tmp_path, neighbour=neighbour) as (gang, state):
            killed, _ = in_child(evicting(state, gang.plan()), fatal)
            in_child(undoing(state, something=not killed))
            gang.check_as_before()
            if stat_of(gang.guardian_pid):
                gone_on += 1
                gang.check_goes_on()
            elif CGROUPS:  # the miner may be alive, if the kill itself was cut short between the two
                assert {cgroup_of(pid) for pid in running(gang.miner, gang.guardian)} <= {gang.group}
    assert gone_on > 10


def test_an_undo_killed_before_any_act_is_done_by_the_next(tmp_path: Path) -> None:
    fatal, killed = 0, True
    while killed:
        fatal += 1
        with scene(tmp_path, neighbour=False) as (gang, state):
            in_child(evicting(state, gang.plan()))
            killed, _ = in_child(undoing(state), fatal)
            if killed:
                in_child(undoing(state, something=False))
            gang.check_as_before()
    assert fatal > 20


def test_both_killed_again_and_again_come_to_an_end(tmp_path: Path) -> None:
    """Killed a few acts further each time, an eviction gets done all the same; so does its undo."""
    with scene(tmp_path, neighbour=True) as (gang, state):
        plan, fatal = gang.plan(), 0
        while in_child(evicting(state, plan), fatal := fatal + 3)[0]:
            assert fatal < 1000
        gang.check_evicted()
        fatal = 0
        while in_child(undoing(state, something=False), fatal := fatal + 3)[0]:
            assert fatal < 1000
        gang.check_as_before()


# A disk that fills up


@contextmanager
def small_disk(folder: Path, size: str, *options: str) -> Iterator[Path]:
    """A file system of its own for the state."""
    folder.mkdir()
    words = ",".join((f"size={size}", "mode=0700", *options))
    subprocess.run(["mount", "-t", "tmpfs", "-o", words, "davy-test", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def fill(folder: Path) -> None:
    """Not a byte is left.  Only calls that `Acts` does not count: this is what happens to Davy, not what it does."""
    with open(folder / "filler", "wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


def test_a_disk_that_is_full_before_any_act_freezes_nobody_for_ever_and_loses_nothing(tmp_path: Path) -> None:
    class Filling(Acts):
        def _act(self) -> None:
            self.count += 1
            if self.count == self.fatal:
                fill(tmp_path / "disk")

    def evicted_or_said_why(state: Path, plan: Plan) -> None:
        with suppress(StateError, AssertionError):  # the latter: steps were refused, and said to be left
            evicting(state, plan)()

    with scene(tmp_path, neighbour=True) as (gang, state):
        _, acts = in_child(evicting(state, gang.plan()))
    for fatal in range(1, acts + 1):
        with small_disk(tmp_path / "disk", "64m"), scene(tmp_path, neighbour=True) as (gang, _):
            state = tmp_path / "disk" / "state"
            plan = gang.plan()
            in_child(lambda state=state, plan=plan: evicted_or_said_why(state, plan), fatal, Filling)  # type: ignore[misc]
            assert davys_groups() == []
            assert list(gang.folder.rglob(".davy-*")) == []
            if stat_of(gang.guardian_pid):
                gang.check_goes_on()
            else:
                assert running(gang.miner, gang.guardian) == []
            (tmp_path / "disk" / "filler").unlink(missing_ok=True)
            in_child(undoing(state, something=False))
            gang.check_as_before()


# Through the command line, on the drill

SPOOL = Path("/var/spool/cron/crontabs")
CRONTAB = SPOOL / "nobody"
PROGRAMS = (Path("/tmp/kdevtmpfsi"), Path("/var/tmp/kinsing"))
MINE = b"# nobody's own\nMAILTO=ada\n5 4 * * * /usr/bin/true \xff\n"

RUN = """
import os, signal, sys
import davy.scan
from davy import cli
from davy.journal import Journal

fatal, when, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
count = 0
if number != signal.SIGKILL:  # whatever this suite is run under may have it ignored, as nohup does
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

def deadly(real):
    def write(*arguments, **options):
        global count
        count += 1
        if count == fatal and when == "before":
            os.kill(os.getpid(), number)
        result = real(*arguments, **options)
        if count == fatal and when == "after":
            os.kill(os.getpid(), number)
        return result
    return write

for name in ("begin", "begun", "ended", "close"):
    setattr(Journal, name, deadly(getattr(Journal, name)))
window, *others = davy.scan.scan.__defaults__
davy.scan.scan.__defaults__ = (0.25, *others)  # shorter than a person's, so that there is time for many
sys.argv = ["davy", *sys.argv[4:]]
cli.main()
"""


class Ran(NamedTuple):
    """What became of one run of Davy."""

    status: int
    """Negative: the signal that killed it."""
    output: str
    errors: str


@contextmanager
def rehearsal() -> Iterator[dict[Path, Seen | None]]:
    """The kdevtmpfsi drill, with a person's own lines in the same crontab; what there is of it on disk."""
    before, status = (CRONTAB.read_bytes(), CRONTAB.stat()) if CRONTAB.exists() else (None, None)
    there = [path for path in PROGRAMS if os.path.lexists(path)]
    assert not there, f"{there} exist already: a drill runs, or was left behind"
    try:
        CRONTAB.write_bytes(MINE)
        os.chown(CRONTAB, 65534, 0)
        CRONTAB.chmod(0o640)
        drill.start("kdevtmpfsi", 60)
        os.utime(CRONTAB, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
        yield {path: seen(path) for path in (*PROGRAMS, CRONTAB)}
    finally:
        drill.stop()
        end(*PROGRAMS)
        for path in PROGRAMS:
            path.unlink(missing_ok=True)
        CRONTAB.unlink(missing_ok=True)
        if before is not None and status is not None:
            CRONTAB.write_bytes(before)
            CRONTAB.chmod(status.st_mode & 0o7777)
            os.chown(CRONTAB, status.st_uid, status.st_gid)
            os.utime(CRONTAB, ns=(status.st_atime_ns, status.st_mtime_ns))


class Davy:
    """The command line, with a state folder of the test's own."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, *words: str, fatal: int = 0, when: str = "after", by: signal.Signals = signal.SIGKILL) -> Ran:
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(fatal), when, str(int(by)), *words, "--state", os.fspath(self.state)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def evict(self, fatal: int = 0, when: str = "after", by: signal.Signals = signal.SIGKILL) -> Ran:
        return self("evict", "--yes", "--verify-for", "0.5", fatal=fatal, when=when, by=by)

    def undo(self, fatal: int = 0, when: str = "after") -> Ran:
        return self("undo", "--yes", fatal=fatal, when=when)

    def check_finished(self) -> None:
        journal = Journal(State(os.fspath(self.state)))
        assert journal.unfinished() is None
        journal._db.close()
        for descriptor in (journal.state.fd, journal.state.quarantine):
            os.close(descriptor)


def check_gone(davy: Davy) -> None:
    """No actor alive or frozen, no file, no line; every other line byte for byte; nothing of Davy's about."""
    assert running(*PROGRAMS) == []
    assert [path for path in PROGRAMS if os.path.lexists(path)] == []
    after = seen(CRONTAB)
    assert after is not None
    assert (after.content, after.mode & 0o7777, after.owner) == (MINE, 0o640, (65534, 0))
    check_tidy()
    davy.check_finished()


def check_tidy() -> None:
    assert davys_groups() == []
    folders = {SPOOL, *(path.parent for path in PROGRAMS)}
    assert [name for folder in folders for name in os.listdir(folder) if re.match(r"\.davy-[0-9a-f]{8}-", name)] == []


def check_back(before: dict[Path, Seen | None]) -> None:
    assert {path: seen(path) for path in before} == before
    check_tidy()


needs_cron = pytest.mark.skipif(not SPOOL.is_dir(), reason="needs a folder of crontabs: install cron")


@needs_cron
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_write_the_next_davy_evict_finishes_and_one_davy_undo_puts_all_back(
    tmp_path: Path, when: str
) -> None:
    fatal, killed = 0, True
    while killed:
        fatal += 1
        davy = Davy(tmp_path / f"state-{fatal}")
        with rehearsal() as before:
            first = davy.evict(fatal, when)
            killed = first.status == -signal.SIGKILL
            assert killed or first.status == 0, first
            if killed:
                second = davy.evict()
                assert (second.status, second.errors) == (0, ""), (fatal, second)
                assert "Gone" in second.output or second.output == "Nothing to evict.\n"
            check_gone(davy)
            undone = davy.undo()
            assert (undone.status, undone.errors) == (0, ""), (fatal, undone)
            check_back(before)
    assert davy.undo().output == "Nothing to undo.\n"
    assert fatal > 12


@needs_cron
def test_an_undo_killed_at_any_write_is_done_by_the_next(tmp_path: Path) -> None:
    fatal, killed = 0, True
    while killed:
        fatal += 1
        davy = Davy(tmp_path / f"state-{fatal}")
        with rehearsal() as before:
            assert davy.evict().status == 0
            first = davy.undo(fatal)
            killed = first.status == -signal.SIGKILL
            assert killed or first.status == 0, first
            second = davy.undo()
            assert (second.status, second.errors) == (0, ""), second
            check_back(before)
            davy.check_finished()
    assert fatal > 4


@needs_cron
def test_what_a_killed_eviction_stopped_is_no_clean_host_and_an_undo_lets_it_go(tmp_path: Path) -> None:
    davy = Davy(tmp_path / "state")
    with rehearsal() as before:
        pids = running(*PROGRAMS)
        assert davy.evict(4).status == -signal.SIGKILL  # the freeze is done and written down
        assert davys_groups() or not CGROUPS
        scanned = json.loads(davy("scan", "--json").output)
        assert scanned["complete"] is False
        assert "davy evict finishes it" in scanned["gaps"][0]["why"]
        assert "No miner found" not in davy("scan").output
        undone = davy.undo()
        assert (undone.status, undone.errors) == (0, "")
        check_back(before)
        davy.check_finished()
        assert all(goes_on(pid) for pid in pids)
        assert davy("scan").status == 1


@needs_cron
def test_a_dry_run_after_a_kill_says_so_and_touches_nothing(tmp_path: Path) -> None:
    davy = Davy(tmp_path / "state")
    with rehearsal() as before:
        assert davy.evict(4).status == -signal.SIGKILL
        groups = davys_groups()
        dry = davy("evict", "--dry-run")
        assert (dry.status, dry.errors) == (1, "")
        assert "was cut short: davy evict finishes it first" in dry.output
        dry = davy("evict", "--dry-run", "--json")
        assert (dry.status, dry.errors) == (1, "")
        assert json.loads(dry.output)["cut_short"] is True
        assert {path: seen(path) for path in before} == before
        assert davys_groups() == groups
        finished = davy("evict", "--yes", "--json", "--verify-for", "0.5")
        assert (finished.status, finished.errors) == (0, "")
        assert json.loads(finished.output)["clean"] is True
        check_gone(davy)


@needs_cron
def test_an_eviction_asked_for_by_name_is_finished_by_the_same_words(tmp_path: Path) -> None:
    davy = Davy(tmp_path / "state")
    with rehearsal():
        name = json.loads(davy("scan", "--json").output)["incidents"][0]["id"]
        words = ("evict", "--yes", "--id", name, "--verify-for", "0.5")
        assert davy(*words, fatal=8).status == -signal.SIGKILL
        again = davy(*words)
        assert (again.status, again.errors) == (0, "")
        check_gone(davy)


@needs_cron
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_lets_go_what_it_has_stopped_and_can_be_finished(tmp_path: Path, by: signal.Signals) -> None:
    davy = Davy(tmp_path / "state")
    with rehearsal() as before:
        pids = running(*PROGRAMS)
        stopped = davy.evict(4, by=by)
        assert stopped.status == 2
        assert stopped.errors.split() == ["davy:", "stopped"]
        check_back(before)
        assert all(goes_on(pid) for pid in pids)
        assert davy.evict().status == 0
        check_gone(davy)


@needs_cron
def test_without_room_for_what_goes_nothing_is_touched(tmp_path: Path) -> None:
    with rehearsal() as before, small_disk(tmp_path / "disk", "8m") as disk:
        pids = running(*PROGRAMS)
        davy = Davy(disk / "state")
        refused = davy.evict()
        assert refused.status == 2
        assert len(refused.errors.splitlines()) == 1
        assert "no room" in refused.errors
        assert "--state" in refused.errors
        check_back(before)
        assert running(*PROGRAMS) == pids
        assert all(goes_on(pid) for pid in pids)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert davy.evict().status == 0
        check_gone(davy)


@needs_cron
@pytest.mark.parametrize("verb", [("evict", "--yes"), ("undo", "--yes"), ("scan",)], ids=lambda words: words[0])
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_state_that_cannot_be_written_is_one_line_and_nothing_is_touched(
    tmp_path: Path, verb: tuple[str, ...], how: str
) -> None:
    with small_disk(tmp_path / "disk", "64k", *(["ro"] if how == "read-only" else [])) as disk:
        if how == "full":
            fill(disk)
        with rehearsal() as before:
            pids = running(*PROGRAMS)
            refused = Davy(disk / "state")(*verb)
            assert refused.status == 2
            assert refused.output == ""
            assert len(refused.errors.splitlines()) == 1
            assert {"full": "disk is full", "read-only": "Read-only file system"}[how] in refused.errors
            check_back(before)
            assert running(*PROGRAMS) == pids
