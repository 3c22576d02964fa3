"""The running kernel: what no file under a root holds."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import msgspec

from davy.host.cgroups import Groups, every_group
from davy.host.cpu_samples import CpuSampler
from davy.host.errors import Denied, Gone, HostError, Refused, mapped
from davy.host.exits import ExitRecords
from davy.host.ids import LivePidViews, PidViews, RecordedPids
from davy.host.procfs import LiveProcfs, Procfs, RecordedProcfs, ordinary_procfs
from davy.host.sweeps import Living, living_pids
from davy.host.syscalls import kernel_log
from davy.host.task_iterator import Task, TaskIterator
from davy.host.totals import parse_load, parse_totals, thread_count
from davy.host.tracing import Sampled, Tracee, Turns, can_trace, rounding_modes

_NETLINK_SOCK_DIAG: Final = 4
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_RECEIVE: Final = 1 << 18
_SOCKETS_LIMIT: Final = 200_000
_SYSINFO_MOST: Final = 1 << 16
"""sysinfo(2) has no more bits for its count."""
_FIRST_PID_NAMESPACE: Final = 0xEFFF_FFFC
"""Its inode number.  Source: include/linux/proc_ns.h, PROC_PID_INIT_INO."""
LOG_LIMIT: Final = 1 << 20


class Kernel(Protocol):
    """A live or recorded kernel.  Methods raise `HostError`."""

    procfs: Procfs
    ordinary: Procfs | None
    """The ``/proc`` that every program of the host reads; None where it is no procfs of our pid namespace."""
    pids: PidViews
    first_pid_namespace: bool
    """Whether no process of the machine is beyond our pid namespace."""
    cpus: int
    ticks_per_second: int
    page_bytes: int
    boot_time: float
    boot_id: str
    name: str
    release: str

    def now(self) -> float:
        """Seconds since the epoch."""

    def uptime(self) -> float:
        """Seconds since boot, suspended time included: the clock of process start times."""

    def sleep(self, seconds: float) -> None: ...

    def living(self, first: int, last: int, seconds: float | None) -> Living:
        """Which pids of a range answer pidfd_open, as far as ``seconds`` allow."""

    def groups(self, *, threads: bool = False) -> Groups:
        """Every control group with its processes, and its ``threads`` when asked."""

    def exits(self) -> ExitRecords: ...

    def sampler(self) -> CpuSampler: ...

    def tasks(self) -> list[Task]:
        """Every thread of the kernel's own list."""

    def thread_count(self) -> int:
        """How many threads the machine has, as the kernel counts them apart from any list; the greater of two answers.

        One file and one call tell the same number, which is forged in neither or in one.
        """

    def rounding(self, tracees: Sequence[Tracee], turns: Turns, seconds: float) -> list[Sampled]:
        """The rounding modes of running threads, in the order of ``tracees``, for ``seconds`` at most."""

    def log(self, limit: int = LOG_LIMIT) -> bytes:
        """The newest lines of the kernel's log, at most ``limit`` bytes.  Source: syslog(2)."""

    def sock_diag(self, request: bytes) -> Iterator[bytes]:
        """The payloads that answer one dump request of type SOCK_DIAG_BY_FAMILY.  Source: sock_diag(7)."""


class LiveKernel:
    """The kernel Davy runs on."""

    def __init__(self) -> None:
        self.procfs: Procfs = LiveProcfs()
        self.ordinary: Procfs | None = ordinary_procfs(self.procfs)
        self.pids: PidViews = LivePidViews()
        names = os.uname()
        self.name, self.release = names.nodename, names.release
        self.first_pid_namespace = _first_pid_namespace(self.procfs)
        self.cpus = len(self._online())
        self.ticks_per_second = os.sysconf("SC_CLK_TCK")
        self.page_bytes = os.sysconf("SC_PAGE_SIZE")
        self.boot_time = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        self.boot_id = self.procfs.read("sys/kernel/random/boot_id").decode("ascii", "replace").strip()

    def now(self) -> float:
        return time.time()

    def uptime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def living(self, first: int, last: int, seconds: float | None) -> Living:
        try:
            return living_pids(first, last, None if seconds is None else time.monotonic() + seconds)
        except OSError as error:
            raise mapped(error, "pidfd_open") from None

    def groups(self, *, threads: bool = False) -> Groups:
        return every_group(self.procfs, threads=threads)

    def exits(self) -> ExitRecords:
        return ExitRecords(self._online())

    def sampler(self) -> CpuSampler:
        return CpuSampler(self._online())

    def _online(self) -> frozenset[int]:
        """By Davy's own procfs: the C library asks files that something may be mounted over."""
        return frozenset(parse_totals(self.procfs.read("stat", 1 << 20)).cpus)

    def tasks(self) -> list[Task]:
        with TaskIterator() as iterator:
            return list(iterator.tasks())

    def thread_count(self) -> int:
        filed, called = parse_load(self.procfs.read("loadavg")).threads, thread_count()
        return max(filed, called) if filed < _SYSINFO_MOST else filed

    def rounding(self, tracees: Sequence[Tracee], turns: Turns, seconds: float) -> list[Sampled]:
        if not can_trace():
            raise Refused(f"rounding: not known where processor {os.uname().machine} keeps it")
        return rounding_modes(self.procfs, tracees, turns, seconds)

    def log(self, limit: int = LOG_LIMIT) -> bytes:
        try:
            return kernel_log(limit)
        except OSError as error:
            raise mapped(error, "the kernel's log") from None

    def sock_diag(self, request: bytes) -> Iterator[bytes]:
        header = struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0)
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as netlink:
                netlink.settimeout(2.0)
                netlink.send(header + request)
                count = 0
                while count < _SOCKETS_LIMIT:
                    data = netlink.recv(_RECEIVE)
                    offset = 0
                    while offset + 16 <= len(data):
                        length, kind = struct.unpack_from("=IH", data, offset)
                        if kind == _NLMSG_DONE:
                            return
                        if kind == _NLMSG_ERROR:
                            (number,) = struct.unpack_from("=i", data, offset + 16)
                            raise OSError(-number, os.strerror(-number))
                        yield data[offset + 16 : offset + length]
                        count += 1
                        offset += (length + 3) & ~3
        except OSError as error:
            raise mapped(error, "sock_diag") from None


def _first_pid_namespace(procfs: Procfs) -> bool:
    try:
        return procfs.link("self/ns/pid") == f"pid:[{_FIRST_PID_NAMESPACE}]"
    except HostError:
        return False


class RecordedKernel:
    """Answers written down beforehand, for tests and capsules."""

    def __init__(
        self,
        procfs: RecordedProcfs,
        *,
        cpus: int = 2,
        now: float = 1_700_000_000.0,
        uptime: float = 100_000.0,
        sockets: Sequence[bytes] = (),
        ordinary: RecordedProcfs | None = None,
        pids: RecordedPids | None = None,
        groups: Groups | None = None,
        log: bytes = b"",
    ) -> None:
        """The ordinary ``/proc`` shows the same, and the pids live, unless given."""
        self.procfs: Procfs = procfs
        self.ordinary: Procfs | None = ordinary or procfs
        self.pids: PidViews = pids or RecordedPids(procfs.pids())
        self.first_pid_namespace = True
        self._groups = groups
        self.cpus = cpus
        self.ticks_per_second = 100
        self.page_bytes = 4096
        self.boot_time = now - uptime
        self.boot_id = "00000000-0000-0000-0000-000000000000"
        self.name, self.release = "recorded", "0"
        self._now, self._uptime, self._sockets, self._log = now, uptime, sockets, log

    def now(self) -> float:
        return self._now

    def uptime(self) -> float:
        return self._uptime

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        self._uptime += seconds

    def living(self, first: int, last: int, seconds: float | None) -> Living:
        end = first if seconds == 0 else last + 1
        return Living([pid for pid in range(first, end) if self.pids.alive(pid)], [], end)

    def groups(self, *, threads: bool = False) -> Groups:
        if self._groups is None:
            raise Gone("control groups: recorded")
        if threads:
            return self._groups
        bare = tuple(msgspec.structs.replace(group, threads=None) for group in self._groups.groups)
        return msgspec.structs.replace(self._groups, groups=bare)

    def exits(self) -> ExitRecords:
        raise Denied("taskstats: recorded")

    def sampler(self) -> CpuSampler:
        raise Denied("perf_event_open: recorded")

    def tasks(self) -> list[Task]:
        raise Denied("bpf: recorded")

    def thread_count(self) -> int:
        return parse_load(self.procfs.read("loadavg")).threads

    def rounding(self, tracees: Sequence[Tracee], turns: Turns, seconds: float) -> list[Sampled]:  # noqa: ARG002
        raise Denied("rounding: recorded")

    def log(self, limit: int = LOG_LIMIT) -> bytes:
        return self._log[-limit:]

    def sock_diag(self, request: bytes) -> Iterator[bytes]:
        yield from (answer for answer in self._sockets if answer[:1] == request[:1])
