"""The running kernel: what no file under a root holds."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from davy.host.errors import mapped
from davy.host.procfs import LiveProcfs, Procfs, RecordedProcfs
from davy.host.syscalls import kernel_log

_NETLINK_SOCK_DIAG: Final = 4
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_RECEIVE: Final = 1 << 18
_SOCKETS_LIMIT: Final = 200_000
LOG_LIMIT: Final = 1 << 20


class Kernel(Protocol):
    """A live or recorded kernel.  Methods raise `HostError`."""

    procfs: Procfs
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

    def log(self, limit: int = LOG_LIMIT) -> bytes:
        """The newest lines of the kernel's log, at most ``limit`` bytes.  Source: syslog(2)."""

    def sock_diag(self, request: bytes) -> Iterator[bytes]:
        """The payloads that answer one dump request of type SOCK_DIAG_BY_FAMILY.  Source: sock_diag(7)."""


class LiveKernel:
    """The kernel Davy runs on."""

    def __init__(self) -> None:
        self.procfs: Procfs = LiveProcfs()
        names = os.uname()
        self.name, self.release = names.nodename, names.release
        self.cpus = os.sysconf("SC_NPROCESSORS_ONLN")
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
        log: bytes = b"",
    ) -> None:
        self.procfs: Procfs = procfs
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

    def log(self, limit: int = LOG_LIMIT) -> bytes:
        return self._log[-limit:]

    def sock_diag(self, request: bytes) -> Iterator[bytes]:
        yield from (answer for answer in self._sockets if answer[:1] == request[:1])
