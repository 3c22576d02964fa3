"""What the eviction tests share: the real command line, real processes and bystanders, the kernel's own events.

Nothing here uses Davy's eyes or hands: the tests must not depend on what they test.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"
SPOOL = Path("/var/spool/cron/crontabs")
DRILL_PROGRAMS = ("/tmp/minerd", "/tmp/tplink", "/tmp/kdevtmpfsi", "/var/tmp/kinsing")
_TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PR_SET_PDEATHSIG = 1


def tool(name: str, package: str) -> str:
    """The path of a program of this machine; without it the test is skipped, in CI it fails."""
    found = shutil.which(name, path=_TOOL_PATH)
    return found or missing(f"needs {name} (apt-get install {package})")


def missing(words: str) -> NoReturn:
    """Something this machine has not: in CI that is a failure, elsewhere a reason to skip."""
    if IN_CI:
        pytest.fail(words)
    pytest.skip(words)


# Davy, as a person runs it


class Answer(NamedTuple):
    """What one run of Davy said."""

    status: int
    json: dict[str, Any]


class Davy:
    """The real command line, with a state folder of the test's own."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "davy", *arguments, "--state", os.fspath(self.state)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr == ""
        return done

    def json(self, *arguments: str, seconds: float = 120) -> Answer:
        done = self(*arguments, "--json", seconds=seconds)
        return Answer(done.returncode, json.loads(done.stdout))

    def scan(self) -> Answer:
        return self.json("scan")

    def evict(self, verify_for: float) -> Answer:
        return self.json("evict", "--yes", "--verify-for", f"{verify_for:g}", seconds=verify_for * 3 + 120)

    def undo(self) -> Answer:
        return self.json("undo", "--yes")

    def considered(self) -> dict[int, dict[str, Any]]:
        """The processes that the last scan looked at closely and let go, as `davy explain` tells, by pid."""
        rows: list[dict[str, Any]] = json.loads(self("explain", "--json").stdout)
        return {int(row["subject"].split(":")[1]): row for row in rows if row["subject"].startswith("process:")}

    def quarantined(self) -> set[str]:
        """SHA-256 of every file in the quarantine, each of which must be private and not executable."""
        found = set()
        for path in (self.state / "quarantine").iterdir():
            assert path.stat().st_mode & 0o7777 == 0o600
            found.add(sha256(path))
        return found

    def evidence(self) -> set[str]:
        """SHA-256 of every file kept as evidence."""
        return {sha256(path) for path in (self.state / "evidence").rglob("*") if path.is_file()}


def actors(answer: Answer, role: str) -> list[dict[str, Any]]:
    """The actors of all incidents in one role."""
    return [actor for one in answer.json["incidents"] for actor in one["actors"] if actor["role"] == role]


def told(answer: Answer) -> str:
    """The incidents in short, for whoever reads why a test failed."""
    return "\n".join(
        f"{one['verdict']}: {actor['role']} {actor['pid']} {actor['user']} {actor['cmdline'] or actor['path']}"
        + "".join(
            f"\n    {finding['bits']:+} {finding['rule']}: {finding['summary']}"
            for finding in one["findings"]
            if finding["subject"].split(":")[1] == str(actor["pid"])
        )
        for one in answer.json["incidents"]
        for actor in one["actors"]
    )


def pids_of(found: Iterable[dict[str, Any]]) -> set[int]:
    return {actor["pid"] for actor in found}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Processes


class Identity(NamedTuple):
    """A pid with its start time, which no later bearer of the pid shares."""

    pid: int
    start_ticks: int


def stat_fields(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` behind the name, state first; none when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


def identity(pid: int) -> Identity | None:
    """None when the process has ended, also while its zombie is still listed."""
    fields = stat_fields(pid)
    return Identity(pid, int(fields[19])) if fields and fields[0] not in "ZX" else None


def living(wanted: Iterable[int]) -> list[int]:
    """Those of these pids that have not ended."""
    return [pid for pid in wanted if identity(pid)]


def pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def running(program: str | Path) -> list[int]:
    """The live processes that run this program, deleted or not, or a script of this path."""
    path, found = os.fspath(program), []
    for pid in pids():
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
            exe = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
            if (exe == path or path in words[1:2]) and identity(pid):
                found.append(pid)
    return found


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.005)
    return True


def heard(terminal: int, seconds: float) -> bool:
    """Whether there is something to read within the time; of any descriptor, where select(2) ends at 1,024."""
    poll = select.poll()
    poll.register(terminal, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def end(wanted: Callable[[], Iterable[int]], seconds: float = 10) -> None:
    """SIGKILL whatever ``wanted`` names, again and again, until it names nobody."""
    limit = time.monotonic() + seconds
    while found := list(wanted()):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        assert time.monotonic() < limit, f"processes {found} do not end"
        time.sleep(0.01)


def session_of(leader: int) -> list[int]:
    """The live processes of one session."""
    rows = ((pid, stat_fields(pid)) for pid in pids())
    return [pid for pid, fields in rows if fields and fields[3] == str(leader) and fields[0] not in "ZX"]


def dies_with_us() -> None:
    """For ``preexec_fn``: the kernel ends the child when this process ends, however it ends.  Source: prctl(2)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def schedstat(pid: int) -> tuple[float, float]:
    """Seconds that a process ran, and that it was ready to run but others ran."""
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


# Bystanders


class _Look(NamedTuple):
    identity: Identity | None
    parent: str
    session: str
    nice: str
    cgroup: str
    exe: str
    file: tuple[object, ...]


class Bystander:
    """Somebody else's process: nothing about it may change, and it must go on."""

    def __init__(self, name: str, pid: int, file: Path | None, *, busy: bool = True) -> None:
        self.name, self.pid, self.file, self._busy = name, pid, file, busy
        self._before = self._look()
        assert self._before.identity is not None, f"{name} did not start"

    def _look(self) -> _Look:
        fields = stat_fields(self.pid)
        file: tuple[object, ...] = ()
        if self.file is not None:
            with suppress(FileNotFoundError):
                status = self.file.lstat()
                file = (status.st_ino, status.st_mode, status.st_uid, status.st_mtime_ns, self.file.read_bytes())
        if not fields:
            return _Look(None, "", "", "", "", "", file)
        return _Look(
            identity(self.pid), fields[1], fields[3], fields[16], Path(f"/proc/{self.pid}/cgroup").read_text(),
            os.readlink(f"/proc/{self.pid}/exe"), file,
        )  # fmt: skip

    def _switches(self) -> int:
        """How often it was given a CPU: a frozen process looks like a sleeping one, but is given none."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[2])

    def check(self) -> None:
        """Same process, same place, same file, not stopped, going on."""
        assert self._look() == self._before, f"{self.name} was touched"
        assert stat_fields(self.pid)[0] in "RSD", f"{self.name} is stopped"
        if self._busy:
            before = self._switches()
            assert within(2, lambda: self._switches() > before), f"{self.name} does not go on"


# The kernel's own events


class Fork(NamedTuple):
    when: float
    parent: int
    child: int


class Exit(NamedTuple):
    when: float
    pid: int
    killed_by: int
    """The signal that ended it; 0 when it ended by itself."""


_CN_PROC = 1
_FORK, _EXIT = 0x1, 0x80000000


class Events:
    """Every fork and exit on this machine since it was opened.  Source: linux/cn_proc.h.

    ``when`` is the monotonic clock's, taken by the kernel: the order is that of what happened, not of the reading.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE: none may be lost
        self._socket.bind((0, _CN_PROC))
        listen = struct.pack("=IIIIHHI", _CN_PROC, _CN_PROC, 0, 0, 4, 0, 1)
        self._socket.send(struct.pack("=IHHII", 16 + len(listen), 3, 0, 0, 0) + listen)
        self._socket.setblocking(False)
        self.forks: list[Fork] = []
        self.exits: list[Exit] = []

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read(self) -> None:
        """Take in what has happened.  Raises OSError when the kernel had to drop events."""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return
            if len(data) < 68:
                continue
            what, _, nanoseconds = struct.unpack_from("=IIQ", data, 36)
            when = nanoseconds / 1e9
            first, group, second, third = struct.unpack_from("=IIII", data, 52)
            if what == _FORK and second == third:
                self.forks.append(Fork(when, group, second))
            elif what == _EXIT and first == group:
                self.exits.append(Exit(when, first, second & 0x7F))

    def family(self, roots: Iterable[int]) -> set[int]:
        """These processes and all that came of them."""
        found = set(roots)
        for fork in self.forks:
            if fork.parent in found:
                found.add(fork.child)
        return found
