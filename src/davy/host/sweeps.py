"""The few tight loops over the kernel: the pid space, a folder's raw listing, many small files.

A sweep is made of steps, between which a deadline and Ctrl-C are heard.  The steps are native where the package could
compile them (``native/steps.c``), and otherwise `davy.host.steps`; both give the same answers.  Listings come by
getdents64 and never by readdir(3), so what a preloaded library leaves out of that is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import davy.host.steps as pure
from davy.host.steps import MOST_BYTES, MOST_PIDS

T = TypeVar("T")

PID_LIMIT: Final = 1 << 22
"""The most that ``kernel.pid_max`` can be; ids stay below it.  Source: include/linux/threads.h."""
ENTRIES_LIMIT: Final = 1 << 20
_FILES: Final = 64
"""In one step: room for the limit of each is taken."""


class Steps(Protocol):
    """What a sweep is made of; see `davy.host.steps`."""

    def living(self, first: int, last: int, /) -> tuple[list[int], list[int]]: ...
    def entries(self, folder: int, /) -> list[tuple[bytes, int, int]] | None: ...
    def numbers(self, folder: int, /) -> list[int] | None: ...
    def contents(self, folder: int, paths: Sequence[bytes], limit: int, /) -> list[bytes | int]: ...


steps: Steps
try:
    import davy.host._steps as native

    steps = native
except ImportError:  # there was no compiler when Davy was installed
    steps = pure


class Living(NamedTuple):
    """Which ids of a range the kernel knows."""

    pids: list[int]
    """Those a process answers to by pidfd_open, one that only waits to be reaped among them."""
    threads: list[int]
    """Those in use by a thread that leads no process; before Linux 6.15 also by a group whose leader is gone."""
    end: int
    """The first id that was not asked: beyond the last, unless the deadline came first."""


class FolderEntry(NamedTuple):
    """One name of a folder, as getdents64 gives it."""

    name: bytes
    inode: int
    kind: int
    """``DT_DIR``, ``DT_REG``, ...; 0 where the file system does not say.  Source: readdir(3)."""


class Listing(NamedTuple):
    """What a folder's listing shows, without ``.`` and ``..``."""

    entries: list[FolderEntry]
    complete: bool
    """False when there were more than were asked for."""


def living_pids(first: int, last: int, deadline: float | None = None) -> Living:
    """Which ids from ``first`` to ``last``, both included, answer pidfd_open; until ``deadline`` (`time.monotonic`).

    The ids are those of Davy's own pid namespace.  Raises OSError where the kernel has no such call (before 5.3), or
    does not let us, or has no descriptor left, and ValueError for ids that no kernel hands out.
    """
    if not 1 <= first <= last <= PID_LIMIT:
        raise ValueError(f"no range of pids: {first} to {last}")
    pids: list[int] = []
    threads: list[int] = []
    at = first
    while at <= last and (deadline is None or time.monotonic() < deadline):
        end = min(at + MOST_PIDS - 1, last)
        answered, others = steps.living(at, end)
        pids += answered
        threads += others
        at = end + 1
    return Living(pids, threads, at)


def _all(descriptor: int, step: Callable[[int], list[T] | None], limit: int) -> tuple[list[T], bool]:
    """Every block of a listing from its beginning, and whether all of it was within the limit."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    found: list[T] = []
    while len(found) <= limit:
        block = step(descriptor)
        if block is None:
            return found, True
        found += block
    return found[:limit], False


def folder_entries(descriptor: int, limit: int = ENTRIES_LIMIT) -> Listing:
    """What lies in the folder open at ``descriptor``, in the order of the file system.  Raises OSError."""
    found, complete = _all(descriptor, steps.entries, limit)
    return Listing([FolderEntry(*entry) for entry in found], complete)


def numbered(descriptor: int) -> list[int]:
    """The names of the folder open at ``descriptor`` that are numbers: pids, threads, descriptors.  Raises OSError.

    At most `PID_LIMIT`.
    """
    return _all(descriptor, steps.numbers, PID_LIMIT)[0]


def read_files(descriptor: int, paths: Sequence[bytes], limit: int = 16_384) -> list[bytes | int]:
    """At most ``limit`` bytes of each file below the folder open at ``descriptor``, or the errno that it failed with.

    For a file system whose files are known to be files, as procfs and sysfs: nothing that is met blocks, and a link in
    the last place is not followed, but to open a device may do something.
    """
    if not 1 <= limit <= MOST_BYTES:
        raise ValueError(f"no limit of bytes: {limit}")
    at_once = min(_FILES, MOST_BYTES // limit)
    return [
        text
        for start in range(0, len(paths), at_once)
        for text in steps.contents(descriptor, paths[start : start + at_once], limit)
    ]
