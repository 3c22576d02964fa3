"""Threads that ended, and the CPU time they took: the kernel's taskstats exit records.

Source: Documentation/accounting/taskstats.rst, taskstats-struct.rst, include/uapi/linux/taskstats.h.
Needs CAP_NET_ADMIN, and the first user, pid and network namespace.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from davy.host.errors import Denied, HostError, Refused, mapped

_NETLINK_GENERIC: Final = 16
_GENL_ID_CTRL: Final = 16
_CTRL_CMD_GETFAMILY: Final = 3
_CTRL_ATTR_FAMILY_ID: Final = 1
_CTRL_ATTR_FAMILY_NAME: Final = 2
_NLM_F_REQUEST: Final = 1
_NLM_F_ACK: Final = 4
_NLMSG_ERROR: Final = 2
_SO_RCVBUFFORCE: Final = 33
_TASKSTATS_CMD_GET: Final = 1
_ATTR_REGISTER_CPUMASK: Final = 3
_ATTR_DEREGISTER_CPUMASK: Final = 4
_TYPE_PID: Final = 1
_TYPE_STATS: Final = 3
_TYPE_AGGR_PID: Final = 4
_TYPE_AGGR_TGID: Final = 5
_TYPE_NULL: Final = 6
_AGROUP: Final = 0x20

_QUEUE_BYTES: Final = 64 << 20
"""What may wait for us; the kernel doubles it, and a record takes up to 2.3 KB of it: some 58,000 exits."""
_RECORD_BYTES: Final = 8192
_RECORDS_LIMIT: Final = 200_000
"""How many one `ExitRecords.drain` takes, so that a fork bomb does not keep it for ever."""
_ANSWER_SECONDS: Final = 2.0
_HEARD_SECONDS: Final = 0.5


_TICK: Final = time.clock_getres(6)
"""Seconds from tick to tick: CLOCK_MONOTONIC_COARSE moves by them.  Source: clock_getres(2)."""


class ExitRecord(NamedTuple):
    """One thread that ended.  Its pids are those of the first pid namespace.

    What it does after the record is written (it gives its memory back) is in no figure here: 0.1 ms for a small
    process, more for one that used much memory.
    """

    tid: int
    tgid: int | None
    """Its process.  None before Linux 5.18, but for the last of several threads: whoever saw it in ``/proc/PID/task``
    knows."""
    ppid: int
    name: str
    started: int
    """Seconds since the epoch, true to a second either way."""
    elapsed_seconds: float
    """How long it lived, suspended time excluded, true to a microsecond."""
    cpu_seconds: float
    """What ``/proc/PID/schedstat`` counts, but up to the last tick or switch only: never too much, and too little by
    less than a tick.  A process that lives for less than a tick mostly has none.  0 before Linux 5.14 where delay
    accounting is off."""
    ticked_seconds: float
    """User and system time as ticks found it on the CPU: a whole tick or nothing.  The sum over many short ones is no
    better where their parent is woken by a timer, in step with the tick: 0.01 for 0.5 was seen."""
    group_cpu_seconds: float | None
    """`cpu_seconds` of all threads its process ever had.  Only in the record of the last of several threads."""
    last: bool | None
    """Whether its process ended with it.  None before Linux 5.18, where only the last of several threads is told from
    the others and from a process of one thread."""

    @property
    def most_seconds(self) -> float:
        """The CPU time that it took at most, until the record was written.

        What many short processes took together lies anywhere between the sums of `cpu_seconds` and of this; their
        parent that waits for them knows it exactly (``cutime`` of proc_pid_stat(5)), as does their control group.
        """
        if self.last is None and self.cpu_seconds == 0:
            return self.elapsed_seconds
        return min(self.elapsed_seconds, self.cpu_seconds + _TICK)


class _Layout(NamedTuple):
    stats: struct.Struct
    cpu_seconds: int
    """Where in struct taskstats ``cpu_run_virtual_total`` is."""


_HEADER: Final = struct.Struct("=HHHHIHH")
"""Of the attributes: the aggregate, the pid in it, and the stats in it."""
_ATTRIBUTES: Final = 20
_OLD: Final = _Layout(struct.Struct("=H6xB63xQ32s16xIII4xQQQ"), 72)
_CURRENT: Final = _Layout(struct.Struct("=H6xB63xQ32s16xIII4xQQQ200xI"), 72)
_FIFTEEN: Final = _Layout(struct.Struct("=H6xB111xQ32s16xIII4xQQQ248xI"), 120)
"""Version 15 (Linux 6.14, 6.15) put fields in the middle; version 16 took them out again."""


def _layout(version: int) -> _Layout:
    if version == 15:
        return _FIFTEEN
    return _CURRENT if version >= 12 else _OLD


def parse_exit(data: bytes | memoryview) -> ExitRecord | None:
    """The record in one netlink message; None when it is none, or of a layout that is not known."""
    try:
        (length,) = struct.unpack_from("=I", data, 0)
        end = min(length, len(data))
        at = _ATTRIBUTES
        aggregate, kind, _, pid_kind, pid, _, stats_kind = _HEADER.unpack_from(data, at)
        if kind == _TYPE_NULL:  # padding, where the processor wants it
            at += 4
            aggregate, kind, _, pid_kind, pid, _, stats_kind = _HEADER.unpack_from(data, at)
        if (kind, pid_kind, stats_kind) != (_TYPE_AGGR_PID, _TYPE_PID, _TYPE_STATS) or at + aggregate > end:
            return None
        (version,) = struct.unpack_from("=H", data, at + 16)
        layout = _layout(version)
        if 16 + layout.stats.size > aggregate:
            return None
        _, flags, cpu, comm, tid, ppid, started, elapsed, user, system, *rest = layout.stats.unpack_from(data, at + 16)
        if tid != pid:
            return None
        tgid: int | None = rest[0] if rest else None
        last = bool(flags & _AGROUP) if rest else None
        group = None
        at += (aggregate + 3) & ~3
        if at < end:
            size, kind, _, _, group_pid, _, stats_kind = _HEADER.unpack_from(data, at)
            if kind == _TYPE_AGGR_TGID and stats_kind == _TYPE_STATS and at + size <= end:
                (nanoseconds,) = struct.unpack_from("=Q", data, at + 16 + layout.cpu_seconds)
                tgid, last, group = group_pid, True, nanoseconds / 1e9
    except struct.error:
        return None
    name = os.fsdecode(comm.partition(b"\0")[0])
    return ExitRecord(tid, tgid, ppid, name, started, elapsed / 1e6, cpu / 1e9, (user + system) / 1e6, group, last)


def cpu_list(cpus: Iterable[int]) -> str:
    """``0-3,6``: how the kernel writes a set of CPUs.  Source: cpuset(7), List format."""
    ranges: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(first) if first == final else f"{first}-{final}" for first, final in ranges)


def _attribute(kind: int, payload: bytes) -> bytes:
    data = struct.pack("=HH", 4 + len(payload), kind) + payload
    return data + b"\0" * (-len(data) % 4)


class ExitRecords:
    """A subscription to the exits of every thread that ends on one of ``cpus``; close it, or use it in ``with``."""

    def __init__(self, cpus: Iterable[int]) -> None:
        """Raises `Denied` where the kernel does not tell us, another `HostError` where it keeps no such records."""
        self.lost = False
        """Whether records were dropped because we were slow, or could not be understood."""
        self._cpus = frozenset(cpus)
        self._mask = cpu_list(self._cpus).encode() + b"\0"
        self._buffer = memoryview(bytearray(_RECORD_BYTES))
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
        except OSError as error:
            raise mapped(error, "taskstats") from None
        try:
            self._open()
        except OSError as error:
            self._socket.close()
            if error.errno == errno.EINVAL:
                raise Denied("taskstats: not in the first user and pid namespace") from None
            raise mapped(error, "taskstats") from None
        except struct.error:
            self._socket.close()
            raise Refused("taskstats: the kernel's answer is cut short") from None
        except HostError:
            self._socket.close()
            raise

    def _open(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _QUEUE_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        self._socket.bind((0, 0))
        self._socket.settimeout(_ANSWER_SECONDS)
        self._send(_GENL_ID_CTRL, _CTRL_CMD_GETFAMILY, _attribute(_CTRL_ATTR_FAMILY_NAME, b"TASKSTATS\0"))
        self._family = _family(self._answer())
        self._send(self._family, _TASKSTATS_CMD_GET, _attribute(_ATTR_REGISTER_CPUMASK, self._mask), _NLM_F_ACK)
        self._answer()
        self._hear()
        self._socket.setblocking(False)

    def _hear(self) -> None:
        """Ends a thread of our own and waits for its record: in another network namespace it goes to somebody else."""

        def end() -> None:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, self._cpus)

        thread = threading.Thread(target=end)
        thread.start()
        thread.join()
        self._socket.settimeout(_HEARD_SECONDS)
        deadline = time.monotonic() + _HEARD_SECONDS
        while time.monotonic() < deadline:
            try:
                record = parse_exit(self._socket.recv(_RECORD_BYTES))
            except TimeoutError:
                break
            if record and record.tid == thread.native_id:
                return
        raise Denied("taskstats: no record comes; not in the first network namespace")

    def _send(self, family: int, command: int, attributes: bytes, flags: int = 0) -> None:
        body = struct.pack("=BBH", command, 1, 0) + attributes
        self._socket.send(struct.pack("=IHHII", 16 + len(body), family, _NLM_F_REQUEST | flags, 1, 0) + body)

    def _answer(self) -> bytes:
        """The kernel's answer to what was sent; exit records that came before it are no answer."""
        while True:
            data = self._socket.recv(_RECORD_BYTES)
            _, kind, _, sequence, port = struct.unpack_from("=IHHII", data)
            if kind == _NLMSG_ERROR:
                (number,) = struct.unpack_from("=i", data, 16)
                if number:
                    raise OSError(-number, os.strerror(-number))
                return data
            if kind == _GENL_ID_CTRL and (sequence, port) == (1, self._socket.getsockname()[0]):
                return data

    def __enter__(self) -> ExitRecords:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the subscription; a killed process's is forgotten at the next exit on each CPU."""
        with contextlib.suppress(OSError):
            self._send(self._family, _TASKSTATS_CMD_GET, _attribute(_ATTR_DEREGISTER_CPUMASK, self._mask))
        self._socket.close()

    def drain(self) -> list[ExitRecord]:
        """The exits since the last call."""
        records: list[ExitRecord] = []
        receive, buffer = self._socket.recvfrom_into, self._buffer
        for _ in range(_RECORDS_LIMIT):
            try:
                size, (port, _) = receive(buffer)
            except BlockingIOError:
                break
            except OSError:
                self.lost = True
                continue
            if port:
                continue  # no word of the kernel's
            record = parse_exit(buffer[:size])
            if record is None:
                self.lost = True
            else:
                records.append(record)
        return records


def _family(answer: bytes) -> int:
    """The family's number in the answer to GETFAMILY.  Raises `Refused`."""
    at = _ATTRIBUTES
    while at + 6 <= len(answer):
        size, kind, number = struct.unpack_from("=HHH", answer, at)
        if kind == _CTRL_ATTR_FAMILY_ID:
            return int(number)
        if size < 4:
            break
        at += (size + 3) & ~3
    raise Refused("taskstats: no family")
