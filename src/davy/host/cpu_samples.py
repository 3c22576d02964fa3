"""Who is on each CPU, asked many times a second of the CPU's own clock: perf's ``cpu-clock``.

It asks the scheduler, not ``/proc``: what hides from every listing is sampled like anything else.
Source: perf_event_open(2).  Needs CAP_PERFMON or CAP_SYS_ADMIN, or ``perf_event_paranoid`` below 1.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from davy.host.errors import mapped
from davy.host.syscalls import perf_event_open

_TYPE_SOFTWARE: Final = 1
_COUNT_SW_CPU_CLOCK: Final = 0
_SAMPLE_TID: Final = 1 << 1
_DISABLED: Final = 1
_ATTRIBUTES: Final = struct.Struct("=IIQQQQQ64x")
"""struct perf_event_attr up to its first size that every kernel of ours knows, 112 bytes."""
_ENABLE: Final = 0x2400
_DISABLE: Final = 0x2401
_RECORD_LOST: Final = 2
_RECORD_SAMPLE: Final = 9
_MODE: Final = 7
_MODE_USER: Final = 2
_HEAD: Final = 1024 // 8
_TAIL: Final = _HEAD + 1
_RING_PAGES: Final = 16
_SAMPLE: Final = struct.Struct("=IHHII")
_CPUS_LIMIT: Final = 1024

IDLE: Final = (0, 0)
"""Nobody was on the CPU."""
UNKNOWN: Final = (-1, -1)
"""Somebody was who has no pid in our pid namespace: of another one, or already reaped."""


class CpuShare(Struct, frozen=True):
    """One CPU's samples."""

    cpu: int
    busy: int
    """How many found somebody on it."""
    idle: int
    """How many found nobody.  Some machines let an idle CPU sleep on: there are too few of these, or none."""


class Samples(Struct, frozen=True):
    """What the samples found between two looks."""

    seconds: float
    hertz: int
    """How many samples of one busy CPU a second has."""
    counts: Mapping[tuple[int, int], int]
    """How often each (pid, tid) was found on a CPU, `IDLE` and `UNKNOWN` among them.

    In a pid namespace that is not the first, a task of another one counts as `UNKNOWN` where it was sampled in its own
    code, and as `IDLE` where it was in the kernel's: perf says 0 for both.
    """
    cpus: tuple[CpuShare, ...]
    lost: int
    """Samples that the kernel dropped because nobody took the earlier ones away."""

    @property
    def busy_cores(self) -> float:
        """How many CPUs were busy on average; an interrupt counts for whom it interrupts.

        Too little in a virtual machine that is not given its CPUs: then there are fewer samples.
        """
        return self._cores(sum(share.busy for share in self.cpus))

    def cores(self, pid: int) -> float:
        """How many CPUs all threads of a process took on average."""
        return self._cores(sum(count for (group, _), count in self.counts.items() if group == pid))

    def _cores(self, count: int) -> float:
        return count / (self.seconds * self.hertz) if self.seconds > 0 else 0.0


class _Ring:
    """One CPU's event and the memory that the kernel writes its samples to."""

    def __init__(self, cpu: int, descriptor: int) -> None:
        self.cpu, self.descriptor = cpu, descriptor
        self._size = _RING_PAGES * mmap.PAGESIZE
        self._memory = mmap.mmap(descriptor, mmap.PAGESIZE + self._size)
        self._words = memoryview(self._memory).cast("Q")

    def take(self) -> bytes:
        """What the kernel has written since the last call; its place is free again."""
        head, tail = self._words[_HEAD], self._words[_TAIL]
        length = min(head - tail, self._size)
        begin = mmap.PAGESIZE + tail % self._size
        first = min(length, mmap.PAGESIZE + self._size - begin)
        data = self._memory[begin : begin + first] + self._memory[mmap.PAGESIZE : mmap.PAGESIZE + length - first]
        self._words[_TAIL] = head
        return data

    def close(self) -> None:
        self._words.release()
        self._memory.close()
        os.close(self.descriptor)


def parse_samples(data: bytes) -> tuple[Counter[tuple[int, int]], int]:
    """Who was found how often in the records of one ring, and how many were lost; stops at what is no record."""
    counts: Counter[tuple[int, int]] = Counter()
    lost = at = 0
    while at + 16 <= len(data):
        kind, misc, size, pid, tid = _SAMPLE.unpack_from(data, at)
        if kind == _RECORD_SAMPLE:
            if pid == 0xFFFFFFFF or (pid == 0 and misc & _MODE == _MODE_USER):
                counts[UNKNOWN] += 1
            else:
                counts[pid, tid] += 1
        elif kind == _RECORD_LOST and at + 24 <= len(data):
            lost += struct.unpack_from("=Q", data, at + 16)[0]
        if size < 8:
            break
        at += size
    return counts, lost


class CpuSampler:
    """Samples ``cpus`` from `start` on; close it, or use it in ``with``.

    A CPU that is off is left out.
    """

    def __init__(self, cpus: Iterable[int], hertz: int = 199) -> None:
        """Raises `Denied` where the kernel does not let us, another `HostError` where it has no perf."""
        self.hertz = hertz
        self._rings: list[_Ring] = []
        self._since = 0.0
        attributes = _ATTRIBUTES.pack(
            _TYPE_SOFTWARE, _ATTRIBUTES.size, _COUNT_SW_CPU_CLOCK, 1_000_000_000 // hertz, _SAMPLE_TID, 0, _DISABLED
        )
        try:
            for cpu in sorted(set(cpus))[:_CPUS_LIMIT]:
                try:
                    descriptor = perf_event_open(attributes, -1, cpu)
                except OSError as error:
                    if error.errno == errno.ENODEV:
                        continue
                    raise
                try:
                    self._rings.append(_Ring(cpu, descriptor))
                except BaseException:
                    os.close(descriptor)
                    raise
        except OSError as error:
            self.close()
            raise mapped(error, "perf_event_open") from None

    def __enter__(self) -> CpuSampler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        while self._rings:
            self._rings.pop().close()

    def start(self) -> None:
        for ring in self._rings:
            fcntl.ioctl(ring.descriptor, _ENABLE, 0)
        self._since = time.monotonic()

    def stop(self) -> None:
        """No more samples are made; those that were can still be taken."""
        for ring in self._rings:
            fcntl.ioctl(ring.descriptor, _DISABLE, 0)

    def samples(self) -> Samples:
        """Those since `start`, or since the last call."""
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        counts: Counter[tuple[int, int]] = Counter()
        shares, lost = [], 0
        for ring in self._rings:
            mine, dropped = parse_samples(ring.take())
            idle = mine[IDLE]
            shares.append(CpuShare(ring.cpu, mine.total() - idle, idle))
            counts.update(mine)
            lost += dropped
        return Samples(seconds, self.hertz, dict(counts), tuple(shares), lost)
