"""What this process sees while something is preloaded into it, against what the kernel says at that very moment.

The one is asked of the C library, as any program would; the other of the kernel itself, just before and just after.
Source: readdir(3), getdents64(2), fopen(3), proc_stat(5), proc_modules(5).
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from msgspec import Struct

from davy.host import raw
from davy.host.errors import HostError
from davy.host.mounts import hanging_points, parse_mountinfo
from davy.host.totals import parse_totals

_LIMIT: Final = 4 << 20
_NAMES_LIMIT: Final = 100_000
_UNLISTED_LIMIT: Final = 1000
_TICKS_LEAST: Final = 25
"""By so many clock ticks a time must be off: the kernel itself lets idle time go back a little."""
_LISTED_FOLDERS: Final = (
    "/etc", "/root", "/tmp", "/var/tmp", "/dev/shm", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64",
    "/usr/local/bin", "/usr/local/lib",
)  # fmt: skip
"""Where preloaded libraries are known to leave names out, besides ``/proc``."""


class Sight(Struct, frozen=True, kw_only=True):
    """What such a process sees, and what is kept from it."""

    listing: tuple[int, ...] = ()
    """The processes that the C library lists."""
    unlisted: tuple[int, ...] = ()
    """Those that it leaves out, and the kernel lists before and after."""
    unlisted_names: tuple[bytes, ...] = ()
    """The same of files: their paths."""
    listed_at: float = 0.0
    """When, in seconds since boot."""
    forged: tuple[str, ...] = ()
    """Files of the kernel's that read otherwise by the C library."""


def look(loaded: Iterable[str]) -> Sight:
    """What this process sees that has these libraries ``loaded``."""
    pids: set[bytes] = set()
    left_out: set[bytes] = set()
    with suppress(OSError):
        pids, left_out = _two_views(b"/proc")
    when = time.clock_gettime(time.CLOCK_BOOTTIME)
    unlisted = [b"/".join((folder, name)) for folder in _folders(loaded) for name in _left_out_of(folder)]
    return Sight(
        listing=tuple(int(name) for name in pids if name.isdigit()),
        unlisted=tuple(int(name) for name in left_out if name.isdigit()),
        unlisted_names=tuple(unlisted[:_UNLISTED_LIMIT]),
        listed_at=when,
        forged=tuple(path for path, differs in _COMPARED.items() if _forged(path, differs)),
    )


def _two_views(folder: bytes) -> tuple[set[bytes], set[bytes]]:
    """What the C library lists, and what the kernel lists before and after that.  Raises OSError."""
    before = set(raw.names(folder, _NAMES_LIMIT))
    listed = set(os.listdir(folder))
    return listed, (before & set(raw.names(folder, _NAMES_LIMIT))) - listed


def _left_out_of(folder: bytes) -> Iterator[bytes]:
    with suppress(OSError):
        yield from sorted(_two_views(folder)[1])


def _folders(loaded: Iterable[str]) -> Iterator[bytes]:
    """Folders worth a comparison, each once by its real path; none on a file system that may never answer."""
    hanging = hanging_points(parse_mountinfo(os.fsdecode(raw.read(b"/proc/self/mountinfo", _LIMIT))))
    wanted = [*_LISTED_FOLDERS, f"/usr/lib/{os.uname().machine}-linux-gnu", *map(os.path.dirname, loaded)]
    for folder in dict.fromkeys(wanted):
        if folder.startswith("/") and not (hanging and f"{folder}/".startswith(hanging)):
            yield os.fsencode(folder)


def _forged(path: str, differs: Callable[[bytes, bytes, bytes], bool]) -> bool:
    """Whether a file reads otherwise by the C library than the kernel has it, by either of its ways to read."""
    found = []
    for read in (_opened, _streamed):
        try:
            before, shown, after = raw.read(os.fsencode(path), _LIMIT), read(path), raw.read(os.fsencode(path), _LIMIT)
        except OSError:
            continue  # a kernel that has no such file
        found.append(differs(before, shown, after))
    return any(found)


def _opened(path: str) -> bytes:
    """By open(2) and read(2) of the C library.  Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return b""  # it may say so of a file that it hides
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_LIMIT)
    finally:
        os.close(descriptor)


def _streamed(path: str) -> bytes:
    """By fopen(3), as ps and top do."""
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    library.fread.restype = ctypes.c_size_t
    stream = library.fopen(os.fsencode(path), b"re")
    if not stream:
        return b""
    buffer = ctypes.create_string_buffer(_LIMIT)
    try:
        length = library.fread(buffer, ctypes.c_size_t(1), ctypes.c_size_t(_LIMIT), ctypes.c_void_p(stream))
        return buffer.raw[:length]
    finally:
        library.fclose(ctypes.c_void_p(stream))


def _other_times(before: bytes, shown: bytes, after: bytes) -> bool:
    """Whether CPU times are not between those of just before and just after."""
    try:
        first, last = parse_totals(before).whole, parse_totals(after).whole
    except HostError:
        return False
    try:
        between = parse_totals(shown).whole
    except HostError:
        return True
    return any(
        not min(then, later) - _TICKS_LEAST <= now <= max(then, later) + _TICKS_LEAST
        for then, now, later in zip(first, between, last, strict=True)
    )


def _fewer_modules(before: bytes, shown: bytes, after: bytes) -> bool:
    """Whether a module is left out that is listed just before and just after."""
    first, between, last = ({line.split(b" ")[0] for line in text.splitlines()} for text in (before, shown, after))
    return bool((first & last) - between)


_COMPARED: Final = {"/proc/stat": _other_times, "/proc/modules": _fewer_modules}
