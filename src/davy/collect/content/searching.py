"""Searching of files by all rules at once: two threads, one buffer each, bounded in bytes and time.

The engine releases the GIL while it matches and `os.preadv` while it reads, so two threads use two CPUs.  Holes of a
sparse file are passed over (lseek(2), SEEK_DATA).  What one thread cannot finish, because a disk does not answer, is
left to it and named.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

from msgspec import Struct

from davy.host import Gone, HostError
from davy.host.holes import data
from davy.knowledge.matching import Matcher, RuleHit, Scanning
from davy.model.content import Place

THREADS: Final = 2
BLOCK: Final = 1 << 20
"""Bytes read at once: what fits into a CPU's cache is matched faster than what does not."""
_PART: Final = 8 << 20
"""Bytes of a larger file that one thread searches at a time."""
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
        everything: bool = False,
    ) -> None:
        """``deadline`` is a `time.monotonic` time; at most ``file_limit`` bytes are read of one file.

        ``everything``: also what is neither program nor text, as a file.
        """
        self._matcher = matcher
        self._deadline = deadline
        self._left = bytes_limit
        self._file_limit = file_limit
        self._own = own
        self._everything = everything
        self._lock = threading.Lock()
        self._searched: list[Searched] = []
        self._reading: dict[int, str] = {}
        self._large: list[_Large] = []
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
                if target is not None and self._over():
                    self.left_out += 1 + sum(1 for _ in queue)
                    return
                if target is not None:
                    self._reading[mine] = target.path
            if target is None:
                self._help(buffer)
                return
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
        if place is None and self._everything:
            place = Place.FILE
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
        with self._lock:
            self.files += 1
        if got >= size:
            self._count(got)
            return self._matcher.hits(buffer[:got], place)
        end = min(size, self._file_limit)
        large = _Large(target.path, descriptor, place, _parts(descriptor, end, self._matcher.overlap))
        with self._lock:
            self._large.append(large)
        self._read(large, buffer)
        with self._lock:
            self._large.remove(large)
        large.wait(self._deadline + _GRACE)
        if size > self._file_limit or self._over():
            with self._lock:
                self.cut.append(target.path)
        return large.hits(self._matcher)

    def _help(self, buffer: memoryview) -> None:
        """Read along in files that other threads are in the middle of."""
        while True:
            with self._lock:
                large = next((each for each in self._large if not each.done), None)
                if large is None:
                    return
                large.join()
            self._read(large, buffer, joined=True)

    def _read(self, large: _Large, buffer: memoryview, joined: bool = False) -> None:
        """Search part after part of a file, until none is left; several threads may do so at once."""
        if not joined:
            large.join()
        with self._matcher.scanning(large.place) as scanning:
            try:
                while not self._over() and (part := large.part()) is not None:
                    start, end = part
                    while start < end and not self._over():
                        got = os.preadv(large.descriptor, [buffer[: min(BLOCK, end - start)]], start)
                        if not got:
                            break
                        scanning.feed(buffer[:got], start)
                        self._count(got)
                        start += got
            except OSError as error:
                self.unread.append(f"{large.path}: {error.strerror}")
            finally:
                large.leave(scanning)

    def _count(self, size: int) -> None:
        with self._lock:
            self._left -= size
            self.bytes += size


class _Large:
    """A file of more than one block, whose parts are handed out to whoever reads along."""

    def __init__(self, path: str, descriptor: int, place: Place, parts: Iterator[tuple[int, int]]) -> None:
        self.path = path
        self.descriptor = descriptor
        self.place = place
        self.done = False
        """Whether every part has been handed out."""
        self._parts = parts
        self._changed = threading.Condition()
        self._readers = 0
        self._scannings: list[Scanning] = []

    def part(self) -> tuple[int, int] | None:
        with self._changed:
            found = next(self._parts, None)
            self.done = found is None
            return found

    def join(self) -> None:
        with self._changed:
            self._readers += 1

    def leave(self, scanning: Scanning) -> None:
        with self._changed:
            self._readers -= 1
            self._scannings.append(scanning)
            self._changed.notify_all()

    def wait(self, deadline: float) -> None:
        """Until nobody reads in it any more: the descriptor is closed afterwards."""
        with self._changed:
            self._changed.wait_for(lambda: not self._readers, max(deadline - time.monotonic(), 0.0))

    def hits(self, matcher: Matcher) -> list[RuleHit]:
        with matcher.scanning(self.place) as whole, self._changed:
            for each in self._scannings:
                whole.merge(each)
            return whole.hits()


def _parts(descriptor: int, end: int, overlap: int) -> Iterator[tuple[int, int]]:
    """What is no hole of a file, in parts that overlap so that no pattern is lost between two of them."""
    for start, stop in data(descriptor, 0, end):
        while start < stop:
            until = min(start + _PART, stop)
            yield max(start - overlap, 0), until
            start = until


def place_of(head: bytes, path: str) -> Place | None:
    """What kind of content a file's first bytes tell of; None for what no rule is for: neither program nor text."""
    if head.startswith(_ELF):
        return Place.IMAGE
    if b"\0" in head[:_TEXT_HEAD]:
        return None
    return Place.SCRIPT if head.startswith(b"#!") or path.endswith(_SCRIPT_NAMES) else Place.FILE
