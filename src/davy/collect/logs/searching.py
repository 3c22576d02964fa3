"""The fast search: blocks of a log through the engine, in two threads.

The engine releases the GIL while it matches and `os.preadv` while it reads, so two threads use two CPUs.  Blocks
overlap by the widest pattern, so that nothing is lost between two of them, and what ends in an overlap is the block's
before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.logs.signs import PLACES_LIMIT, Place, Signs
from davy.host import HostError
from davy.host.root import OpenFile

BLOCK: Final = 1 << 20
"""Bytes searched at once: what fits into a CPU's cache is matched faster than what does not."""
_THREADS: Final = 2
_ALONE: Final = 4 << 20
"""Bytes up to which one thread is as fast."""
_ENOUGH: Final = 16_384
"""Places after which what was found is told first."""
_GRACE: Final = 2.0
"""Seconds that a thread which is in the middle of a read is waited for."""


class Found(NamedTuple):
    """A block in which something was found."""

    begin: int
    end: int
    places: tuple[Place, ...]
    """By where they end in the log."""


class Stretch(NamedTuple):
    """What a search of a part of a log came to."""

    begin: int
    """From here on all was searched, but for what ``why`` says."""
    end: int
    found: list[Found]
    why: str | None
    """What of it was not searched, or why it ends here."""


class Searching:
    """Searches logs, one after another, with buffers that are used again."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs
        size = BLOCK + signs.overlap
        self._buffers = [memoryview(bytearray(size)) for _ in range(_THREADS)]

    def stretches(self, file: OpenFile, begin: int, end: int, deadline: float) -> Iterator[Stretch]:
        """A part of a log, its end first, as many bytes at a time as one wants to hear of at once.

        ``deadline`` is a `time.monotonic` time; what it leaves is not told.
        """
        while begin < end:
            stretch = self._run(file, begin, end, deadline)
            yield stretch
            if stretch.begin == end or time.monotonic() > deadline:
                return
            end = stretch.begin

    def _run(self, file: OpenFile, begin: int, end: int, deadline: float) -> Stretch:
        run = _Run(self._signs, file, begin, end, deadline)
        if end - begin <= _ALONE:
            run.work(self._buffers[0])
            return run.stretch()
        threads = [threading.Thread(target=run.work, args=(buffer,), daemon=True) for buffer in self._buffers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(deadline + _GRACE - time.monotonic(), 0.0))
        if any(thread.is_alive() for thread in threads):
            self._buffers = [memoryview(bytearray(len(self._buffers[0]))) for _ in range(_THREADS)]
        return run.stretch()


class _Run:
    """One part whose blocks are handed out, the last first, to whoever reads along."""

    def __init__(self, signs: Signs, file: OpenFile, begin: int, end: int, deadline: float) -> None:
        self._signs, self._file, self._deadline = signs, file, deadline
        self._begin, self._end = begin, end
        self._next = end
        self._lock = threading.Lock()
        self._found: list[Found] = []
        self._enough = _ENOUGH
        self._undone: dict[int, int] = {}
        self._why: str | None = None
        self._over = False

    def work(self, buffer: memoryview) -> None:
        mine = threading.get_ident()
        while True:
            with self._lock:
                if self._next <= self._begin or self._over or self._enough <= 0:
                    return
                if time.monotonic() > self._deadline:
                    self._over = True
                    return
                end = self._undone[mine] = self._next
                begin = self._next = max(end - BLOCK, self._begin)
            try:
                why = self._block(buffer, begin, end)
            except HostError as error:
                why, self._over = str(error), True
            with self._lock:
                self._why = self._why or why
                if not self._over or why is None:
                    del self._undone[mine]

    def _block(self, buffer: memoryview, begin: int, end: int) -> str | None:
        """What of one block was not searched, in words."""
        at = max(begin - self._signs.overlap, 0)
        got = self._file.fill(buffer[: end - at], at)
        every = self._signs.places(buffer[:got])
        places = tuple(Place(at + place.end, place.pattern) for place in every if at + place.end > begin)
        if places:
            with self._lock:
                self._found.append(Found(begin, at + got, places))
                self._enough -= len(places)
        if got < end - at:
            return "it became shorter while it was read"
        if len(every) >= PLACES_LIMIT:
            return f"more was found in bytes {begin:,} to {end:,} than is looked at"
        return None

    def stretch(self) -> Stretch:
        with self._lock:
            begin = max((self._next, *self._undone.values()))
            stuck = "reading did not come to an end" if self._undone and not self._over else None
            return Stretch(begin, self._end, sorted(self._found), self._why or stuck)
