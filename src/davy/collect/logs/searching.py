"""The fast search: blocks of a log through the engine, in two threads.

The engine releases the GIL while it matches and `os.preadv` while it reads, so two threads use two CPUs.  Blocks
overlap by the widest pattern, so that nothing is lost between two of them, and what ends in an overlap is the block's
before.
"""

from __future__ import annotations

import threading
import time
from typing import Final, NamedTuple

from davy.collect.logs.signs import PLACES_LIMIT, Place, Signs
from davy.host import HostError
from davy.host.root import OpenFile

BLOCK: Final = 1 << 20
"""Bytes searched at once: what fits into a CPU's cache is matched faster than what does not."""
_THREADS: Final = 2
_ALONE: Final = 4 << 20
"""Bytes up to which one thread is as fast."""
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

    found: list[Found]
    reached: int
    """Bytes up to which all was searched."""
    why: str | None
    """Why it was not searched to its end."""
    crowded: bool
    """Whether some block had more in it than is told."""


class Searching:
    """Searches parts of logs, one after another, with buffers that are used again."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs
        size = BLOCK + signs.overlap
        self._buffers = [memoryview(bytearray(size)) for _ in range(_THREADS)]

    def run(self, file: OpenFile, begin: int, end: int, deadline: float) -> Stretch:
        """``deadline`` is a `time.monotonic` time."""
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
    """One part whose blocks are handed out to whoever reads along."""

    def __init__(self, signs: Signs, file: OpenFile, begin: int, end: int, deadline: float) -> None:
        self._signs, self._file, self._deadline = signs, file, deadline
        self._begin, self._end = begin, end
        self._next = begin
        self._lock = threading.Lock()
        self._found: list[Found] = []
        self._undone: dict[int, int] = {}
        self._why: str | None = None

    def work(self, buffer: memoryview) -> None:
        mine = threading.get_ident()
        while True:
            with self._lock:
                if self._next >= self._end or self._why is not None:
                    return
                if time.monotonic() > self._deadline:
                    self._why = "the time for it was over"
                    return
                begin = self._undone[mine] = self._next
                self._next = min(begin + BLOCK, self._end)
            try:
                full = self._block(buffer, begin, min(begin + BLOCK, self._end))
            except HostError as error:
                full, why = False, str(error)
            else:
                why = "it became shorter while it was read"
            with self._lock:
                if not full:
                    self._why = why
                    self._end = min(self._end, begin)
                del self._undone[mine]

    def _block(self, buffer: memoryview, begin: int, end: int) -> bool:
        """Whether all of it was there."""
        at = max(begin - self._signs.overlap, 0)
        got = self._file.fill(buffer[: end - at], at)
        places = tuple(
            Place(at + place.end, place.pattern)
            for place in self._signs.places(buffer[:got])
            if at + place.end > begin
        )  # fmt: skip
        if places:
            with self._lock:
                self._found.append(Found(begin, at + got, places))
        return got == end - at

    def stretch(self) -> Stretch:
        with self._lock:
            reached = min((self._end, self._next, *self._undone.values()))
            why = self._why or ("reading did not come to an end" if self._undone else None)
            crowded = any(len(each.places) >= PLACES_LIMIT for each in self._found)
            return Stretch(sorted(self._found), reached, why, crowded)
