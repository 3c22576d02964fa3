"""Searching of files by all rules at once: two threads, one buffer each, bounded in bytes and time.

The engine releases the GIL while it matches and `os.preadv` while it reads, so two threads use two CPUs.  Holes of a
sparse file are passed over (lseek(2), SEEK_DATA).  What one thread cannot finish, because a disk does not answer, is
left to it and named.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

from msgspec import Struct

from davy.host import Gone, HostError
from davy.knowledge.matching import Matcher, RuleHit
from davy.model.content import Place

THREADS: Final = 2
BLOCK: Final = 1 << 20
"""Bytes read at once: what fits into a CPU's cache is matched faster than what does not."""
_HEAD: Final = 512
_GRACE: Final = 1.0
"""Seconds that a thread which is in the middle of a read is waited for."""
_TEXT_HEAD: Final = 32
"""Bytes at the beginning of what is no text that hardly ever are without a zero."""
_ELF: Final = b"\x7fELF"
_SCRIPT_NAMES: Final = (".sh", ".bash", ".pl", ".php", ".cgi")


class Target(Struct, frozen=True):
    """A file to be searched."""

    path: str
    opened: Callable[[], AbstractContextManager[int]]
    """Opens it for reading.  Raises `HostError`."""
    place: Place | None = None
    """None: told by its first bytes."""
    only_programs: bool = False
    """Whether it is of no interest unless it is a program."""


class Searched(Struct, frozen=True):
    """What a search found in one file."""

    target: Target
    device: int
    inode: int
    place: Place
    hits: tuple[RuleHit, ...]
    own: tuple[str, ...] = ()
    """Names of the owner's own rules."""


class OwnRules(Protocol):
    """A person's own rules, compiled."""

    def names(self, descriptor: int, size: int) -> tuple[str, ...]:
        """Those that an open file meets."""


class Search:
    """One search over many files.  What went wrong is in its attributes afterwards."""

    def __init__(
        self,
        matcher: Matcher,
        *,
        deadline: float,
        bytes_limit: int,
        file_limit: int,
        own: OwnRules | None = None,
    ) -> None:
        """``deadline`` is a `time.monotonic` time; at most ``file_limit`` bytes are read of one file."""
        self._matcher = matcher
        self._deadline = deadline
        self._left = bytes_limit
        self._file_limit = file_limit
        self._own = own
        self._lock = threading.Lock()
        self._searched: list[Searched] = []
        self._reading: dict[int, str] = {}
        self.files = 0
        self.bytes = 0
        self.cut: list[str] = []
        """Files of which only the beginning was searched."""
        self.unread: list[str] = []
        """Files that could not be read, and why."""
        self.stuck: list[str] = []
        """Files whose reading did not come to an end."""
        self.left_out = 0
        """Files that were not reached before the time or the bytes were over."""

    def run(self, targets: Iterable[Target]) -> Iterator[Searched]:
        """Search all ``targets``, in their order; each inode once."""
        queue, seen = iter(targets), set[tuple[int, int]]()
        threads = [threading.Thread(target=self._work, args=(queue, seen), daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(self._deadline + _GRACE - time.monotonic(), 0.0))
        with self._lock:
            self.stuck = [self._reading[thread.ident] for thread in threads if thread.ident in self._reading]
            found = list(self._searched)
        yield from found

    def _over(self) -> bool:
        return self._left <= 0 or time.monotonic() > self._deadline

    def _work(self, queue: Iterator[Target], seen: set[tuple[int, int]]) -> None:
        mine = threading.get_ident()
        buffer = memoryview(bytearray(BLOCK))
        while True:
            with self._lock:
                target = next(queue, None)
                if target is None:
                    return
                if self._over():
                    self.left_out += 1 + sum(1 for _ in queue)
                    return
                self._reading[mine] = target.path
            try:
                with target.opened() as descriptor:
                    self._search(target, descriptor, buffer, seen)
            except Gone:
                pass
            except HostError as error:
                self.unread.append(str(error))
            except OSError as error:
                self.unread.append(f"{target.path}: {error.strerror}")
            finally:
                with self._lock:
                    self._reading.pop(mine, None)

    def _search(self, target: Target, descriptor: int, buffer: memoryview, seen: set[tuple[int, int]]) -> None:
        file = os.fstat(descriptor)
        with self._lock:
            if (file.st_dev, file.st_ino) in seen:
                return
            seen.add((file.st_dev, file.st_ino))
        got = os.preadv(descriptor, [buffer[: min(BLOCK, max(file.st_size, _HEAD))]], 0)
        place = target.place or place_of(bytes(buffer[:_HEAD][:got]), target.path)
        if place is None or (target.only_programs and place is not Place.IMAGE):
            return
        hits = self._matched(descriptor, buffer, got, file.st_size, place, target)
        own = self._own.names(descriptor, file.st_size) if self._own else ()
        if hits or own:
            with self._lock:
                self._searched.append(Searched(target, file.st_dev, file.st_ino, place, tuple(hits), own))

    def _matched(
        self, descriptor: int, buffer: memoryview, got: int, size: int, place: Place, target: Target
    ) -> list[RuleHit]:
        """``got`` bytes of its beginning are in the buffer already."""
        self._count(got, file=True)
        if got >= size:
            return self._matcher.hits(buffer[:got], place)
        with self._matcher.scanning(place) as scanning:
            scanning.feed(buffer[:got], 0)
            for start, end in data(descriptor, got, min(size, self._file_limit)):
                while start < end and not self._over():
                    got = os.preadv(descriptor, [buffer[: min(BLOCK, end - start)]], start)
                    if not got:
                        break
                    scanning.feed(buffer[:got], start)
                    self._count(got)
                    start += got
            if size > self._file_limit or self._over():
                with self._lock:
                    self.cut.append(target.path)
            return scanning.hits()

    def _count(self, size: int, file: bool = False) -> None:
        with self._lock:
            self._left -= size
            self.bytes += size
            self.files += file


def data(descriptor: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of an open file between ``start`` and ``end`` that are no holes.  Source: lseek(2)."""
    while start < end:
        try:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
            stop = min(os.lseek(descriptor, start, os.SEEK_HOLE), end)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            stop = end
        if start < stop:
            yield start, stop
        start = max(stop, start + 1)


def place_of(head: bytes, path: str) -> Place | None:
    """What kind of content a file's first bytes tell of; None for what no rule is for: neither program nor text."""
    if head.startswith(_ELF):
        return Place.IMAGE
    if b"\0" in head[:_TEXT_HEAD]:
        return None
    return Place.SCRIPT if head.startswith(b"#!") or path.endswith(_SCRIPT_NAMES) else Place.FILE
