"""The eye on the memory of processes: read while they run, stopped by nobody, changed by nobody.

Only pages that are there are read: the kernel says which (pagemap), so a mapping of 60 GB with three pages in it costs
three pages, and nothing is faulted in that a FUSE file or a userfaultfd would have to answer for.  A page may vanish
between the question and the read, and then the read waits for whoever answers; so reading is done by threads that can
be left behind.  The kernel lets them go when Davy ends: such waits are killable.

Source: proc_pid_maps(5), proc_pid_mem(5), proc_pid_pagemap(5), Documentation/admin-guide/mm/{pagemap,userfaultfd}.rst.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from davy.host.errors import Gone, HostError, mapped
from davy.host.procfs import Procfs

BLOCK: Final = 8 << 20
OVERLAP: Final = 4096
"""Bytes of the block before that each block begins with, where they are there: what is looked for is shorter."""
_MAPS_LIMIT: Final = 16 << 20
_SPANS_LIMIT: Final = 1 << 17
_PAGEMAP_CHUNK: Final = 1 << 18
_STUCK_SECONDS: Final = 0.3
_LOOK_SECONDS: Final = 0.01
_LARGE: Final = 64 << 20
"""A region of this size may be a data set: random numbers from end to end."""
_SAMPLES: Final = 32
_SAMPLE: Final = 2048
_RANDOM_DISTINCT: Final = 240
"""Of 2048 random bytes 256 are expected to differ, give or take a few; no text and no table has so many."""

_PRESENT: Final = bytes(1 if top & 0x80 else 2 if top & 0x40 else 0 for top in range(256))
"""By the top byte of a pagemap entry: in memory, swapped out, not there."""
_RUN: Final = re.compile(rb"\x01+")
_KERNELS: Final = ("[vvar", "[vdso]", "[vsyscall]", "[uprobes]", "anon_inode:", "/dmabuf:", "socket:", "/dev/")
"""What drivers and the kernel map into a process."""
_HELD_IN_MEMORY: Final = ("/dev/shm/", "/dev/zero", "/memfd:", "/SYSV", "/dev/hugepages/", "/anon_hugepage")


class Region(NamedTuple):
    """One line of maps."""

    start: int
    end: int
    flags: str
    path: str

    @property
    def of_interest(self) -> bool:
        """Whether a process keeps data of its own there, and not what lies in a file or belongs to a device."""
        if "r" not in self.flags and "w" not in self.flags:
            return False
        if not self.path or self.path.startswith(_HELD_IN_MEMORY) or self.path.endswith(" (deleted)"):
            return True
        if self.path.startswith(_KERNELS):
            return False
        return self.path.startswith("[") or self.flags[1:4:2] == "wp"


class Span(NamedTuple):
    """Pages that follow one another and are in memory."""

    start: int
    end: int


class Limits(Struct, frozen=True):
    """How much of one process is read, and how long that may take."""

    bytes: int = 512 << 20
    seconds: float = 1.0


class Reading(Struct, frozen=True, kw_only=True):
    """What came of reading one process's memory."""

    read: int = 0
    random: int = 0
    """Bytes passed over because they are random numbers, as samples say."""
    left: int = 0
    """Bytes beyond the limits."""
    swapped: int = 0
    """Bytes that are not in memory; they are left there."""
    stuck: bool = False
    """Whether a page never answered."""


Look = Callable[[memoryview, int], None]
"""What is called with each block and its address; the block is used again as soon as it returns."""


def parse_maps(data: bytes) -> Iterator[Region]:
    """The regions of a process's memory.  Source: proc_pid_maps(5)."""
    for line in data.splitlines():
        fields = line.split(None, 5)
        if len(fields) < 5:
            continue
        start, _, end = fields[0].partition(b"-")
        path = os.fsdecode(fields[5]) if len(fields) > 5 else ""
        try:
            yield Region(int(start, 16), int(end, 16), fields[1].decode("ascii", "replace"), path)
        except ValueError:
            continue


def read_memory(procfs: Procfs, pid: int, looks: Sequence[Look], limits: Limits) -> Reading:
    """Read what a process keeps in memory, with one thread for each of ``looks``; each sees only some of the blocks.

    Raises `Gone` when it has ended, `Denied` when its memory is not for us, and what a look raises.
    """
    work = _Work(procfs, pid, limits)
    threads = [threading.Thread(target=work.run, args=(number, look), daemon=True) for number, look in enumerate(looks)]
    work.since = [None] * len(threads)
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limits.seconds
    while alive := [number for number, thread in enumerate(threads) if thread.is_alive()]:
        threads[alive[0]].join(_LOOK_SECONDS)
        work.over = work.over or time.monotonic() > deadline
        if all(work.waits(number, threads[number].native_id) for number in alive):
            work.stuck = True
            break
    work.over = True
    if work.error is not None:
        raise work.error
    return work.reading()


class _Work:
    """What the threads that read one process share."""

    def __init__(self, procfs: Procfs, pid: int, limits: Limits) -> None:
        self._procfs, self._pid, self._limits = procfs, pid, limits
        self._lock = threading.Lock()
        self._blocks: Iterator[Span] | None = None
        self._memory = -1
        self.over = False
        self.stuck = False
        self.error: Exception | None = None
        self.since: list[float | None] = []
        """Since when each thread waits for the kernel."""
        self._read = self._random = self._left = self._swapped = 0

    def reading(self) -> Reading:
        return Reading(
            read=self._read, random=self._random, left=self._left, swapped=self._swapped, stuck=self.stuck
        )  # fmt: skip

    def waits(self, number: int, tid: int | None) -> bool:
        """Whether a thread has long been waiting for the kernel, and not merely for a CPU."""
        since = self.since[number]
        if since is None or tid is None or time.monotonic() - since < _STUCK_SECONDS:
            return False
        try:
            return self._procfs.read(f"self/task/{tid}/stat").rpartition(b")")[2].split()[0] in (b"S", b"D")
        except (HostError, IndexError):
            return False

    def run(self, number: int, look: Look) -> None:
        buffer = memoryview(bytearray(BLOCK + OVERLAP))
        try:
            while True:
                self.since[number] = time.monotonic()
                block = self._next()
                length = self._into(buffer, block) if block else 0
                self.since[number] = None
                if block is None or self.stuck:
                    return
                if length:
                    look(buffer[:length], block.start)
        except OSError as error:
            self.error = self.error or mapped(error, f"{self._pid}/mem")
        except Exception as error:
            self.error = self.error or error
        finally:
            self.since[number] = None

    def _into(self, buffer: memoryview, block: Span) -> int:
        """Bytes of a block, fewer where pages have gone meanwhile."""
        try:
            length = os.preadv(self._memory, [buffer[: block.end - block.start]], block.start)
        except OSError as error:
            if error.errno in (errno.EIO, errno.EFAULT):
                return 0
            raise
        self._read += length
        return length

    def _next(self) -> Span | None:
        """The next block to read; None at the end, or when the time is over."""
        with self._lock:
            if self.over or self.error:
                return None
            if self._blocks is None:
                self._blocks = self._open()
            return next(self._blocks, None)

    def _open(self) -> Iterator[Span]:
        regions = list(parse_maps(self._procfs.read(f"{self._pid}/maps", _MAPS_LIMIT)))
        self._memory = self._procfs.open(f"{self._pid}/mem")
        pagemap = self._procfs.open(f"{self._pid}/pagemap")
        if not regions:
            raise Gone(f"{self._pid}: has no memory")
        return self._spans(pagemap, sorted((r for r in regions if r.of_interest), key=lambda r: r.end - r.start))

    def _spans(self, pagemap: int, regions: Sequence[Region]) -> Iterator[Span]:
        """Blocks of the pages that are in memory, small regions first, and of large ones none that is but random."""
        page, budget, count = os.sysconf("SC_PAGE_SIZE"), self._limits.bytes, 0
        try:
            for region in regions:
                if self.over or budget <= 0 or count > _SPANS_LIMIT:
                    self._left += region.end - region.start
                    continue
                spans = list(self._present(pagemap, region, page))
                size = sum(span.end - span.start for span in spans)
                count += len(spans)
                if size >= _LARGE and size > budget and self._is_random(spans):
                    self._random += size
                    continue
                for span in spans:
                    for start in range(span.start, span.end, BLOCK):
                        end = min(start + BLOCK, span.end)
                        if budget <= 0 or self.over:
                            self._left += end - start
                            continue
                        budget -= end - start
                        yield Span(max(start - OVERLAP, span.start), end)
        finally:
            os.close(pagemap)

    def _present(self, pagemap: int, region: Region, page: int) -> Iterator[Span]:
        """The pages of a region that are in memory.  Those swapped out are counted."""
        place, last = region.start // page, region.end // page
        begun: int | None = None
        while place < last and not self.over:
            data = os.pread(pagemap, min((last - place) * 8, _PAGEMAP_CHUNK), place * 8)
            if len(data) < 8:
                break
            states = data[7::8].translate(_PRESENT)
            self._swapped += states.count(2) * page
            for run in _RUN.finditer(states):
                start, end = (place + run.start()) * page, (place + run.end()) * page
                if begun is not None and run.start():
                    yield Span(begun, place * page)
                    begun = None
                if begun is None:
                    begun = start
                if run.end() < len(states):
                    yield Span(begun, end)
                    begun = None
            if begun is not None and not (states and states[-1] == 1):
                yield Span(begun, place * page)
                begun = None
            place += len(states)
        if begun is not None:
            yield Span(begun, place * page)

    def _is_random(self, spans: Sequence[Span]) -> bool:
        """Whether samples from all over a region are nothing but random numbers."""
        size = sum(span.end - span.start for span in spans)
        wanted = [size * step // _SAMPLES for step in range(_SAMPLES)]
        before = 0
        for span in spans:
            while wanted and wanted[0] < before + span.end - span.start:
                at = span.start + (wanted.pop(0) - before)
                try:
                    data = os.pread(self._memory, _SAMPLE, at)
                except OSError:
                    continue
                if len(set(data)) < _RANDOM_DISTINCT:
                    return False
            before += span.end - span.start
        return True
