"""Folders: finding a file by its folder's descriptor, so that a swapped link leads nowhere; names changed in one."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from davy.hands.attributes import APPEND_ONLY, IMMUTABLE, inode_flags, set_inode_flags, storable, unlocked
from davy.hands.errors import Untouched
from davy.host import Gone, HostError
from davy.host.procfs import LiveProcfs
from davy.host.stat import parse_stat
from davy.host.syscalls import openat2
from davy.model.plan import Within
from davy.model.undo import FolderTimes

_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SECOND: Final = 1_000_000_000


@contextmanager
def folder_of(path: bytes, within: Within | None = None) -> Iterator[tuple[int, bytes]]:
    """The descriptor of the folder that holds ``path``, no link followed on the way, and the name in it.

    ``within`` a container the path begins at the container's root.  Raises `Untouched` when a part of the way has
    become a link or is gone.
    """
    folder, name = os.path.split(path)
    if not path.startswith(b"/") or name in (b"", b".", b"..") or b".." in folder.split(b"/"):
        raise Untouched(f"{os.fsdecode(path)}: not a file's path")
    try:
        root = _root_of(within) if within else os.open("/", _FOLDER)
        try:
            descriptor = _open_folder(folder, root)
        finally:
            os.close(root)
    except HostError as error:
        raise Untouched(f"{os.fsdecode(path)}: {error}") from None
    except OSError as error:
        raise Untouched(f"{os.fsdecode(path)}: {error.strerror}") from None
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)


def _root_of(within: Within) -> int:
    """The root of a container: that of its process, or where that has ended the folder of its own files.

    Raises OSError and `HostError`.
    """
    procfs = LiveProcfs()
    try:
        root = procfs.open(f"{within.pid}/root")
        try:
            if parse_stat(procfs.read(f"{within.pid}/stat")).start_ticks == within.start_ticks:
                return os.dup(root)
        finally:
            os.close(root)
    except Gone:
        pass
    finally:
        procfs.close()
    if within.layer is None:
        raise Gone(f"the container {within.name} has ended, and where its files lie is not known")
    top = os.open("/", _FOLDER)
    try:
        return _open_folder(within.layer, top)
    finally:
        os.close(top)


def _open_folder(folder: bytes, root: int) -> int:
    """A folder by its path from an open one, no link followed.  Raises OSError."""
    try:
        return openat2(root, folder.lstrip(b"/") or b".", _FOLDER, _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    here = os.dup(root)
    for part in folder.split(b"/"):
        if part:
            try:
                deeper = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
            finally:
                os.close(here)
            here = deeper
    return here


@contextmanager
def writable(folder: int, former: int | None = None) -> Iterator[None]:
    """A folder whose immutable or append-only flag is off meanwhile.

    ``former`` are the flags that an earlier try wrote down: cut short, it may have left them off.
    """
    now = inode_flags(folder)
    lock = ((now or 0) | (former or 0)) & (IMMUTABLE | APPEND_ONLY)
    if now is None or not lock:
        yield
        return
    unlocked(folder, now)
    try:
        yield
    finally:
        set_inode_flags(folder, now | lock)


def locked_again(folder: int, flags: int | None, path: bytes) -> None:
    """Give a folder back the flags that a step, cut short, had taken off it.  Raises `Untouched`."""
    try:
        with writable(folder, flags):
            pass
    except OSError as error:
        raise Untouched(f"{os.fsdecode(path)}: its folder: {error.strerror}") from None


def times_of(folder: int) -> FolderTimes:
    """A folder's time before a step, and the one that the step will leave: a later second, which cron(8) looks for."""
    before = storable(os.fstat(folder).st_mtime_ns)
    return FolderTimes(before_ns=before, left_ns=storable(max(before + _SECOND, time.time_ns())))


def marked(folder: int, times: FolderTimes | None) -> None:
    """Leave the time in a folder by which an undo will know that nobody has changed it since."""
    if times is not None:
        _set_mtime(folder, times.left_ns)


@contextmanager
def as_before(folder: int, times: FolderTimes | None) -> Iterator[None]:
    """While a step is undone; then its folder has its former time, unless others have changed it since the step."""
    alone = times is not None and os.fstat(folder).st_mtime_ns == times.left_ns
    yield
    if times is not None and alone:
        _set_mtime(folder, times.before_ns)


def _set_mtime(folder: int, nanoseconds: int) -> None:
    with suppress(OSError):  # another's folder: its time is not ours to set
        os.utime(folder, ns=(os.fstat(folder).st_atime_ns, nanoseconds))
