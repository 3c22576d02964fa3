"""The steps of `davy.host.sweeps` in Python.  ``native/steps.c`` gives the same answers where it could be compiled.

Each is bounded, and says nothing of what it could not ask: it raises OSError.  Unlike the native ones they go through
the C library, which a preloaded library may have replaced.

Source: pidfd_open(2), getdents64(2), openat(2); include/linux/dirent.h (struct linux_dirent64).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from davy.host.syscalls import getdents64

T = TypeVar("T")

MOST_PIDS: Final = 1 << 16
MOST_PATHS: Final = 1 << 12
MOST_BYTES: Final = 1 << 24
_BLOCK: Final = 1 << 16
_INT_MAX: Final = (1 << 31) - 1
_MOST_DIGITS: Final = 18
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
_RECORD: Final = struct.Struct("=QqHB")
"""Inode, offset, length of the record, type; the name with its NUL follows."""


def living(first: int, last: int) -> tuple[list[int], list[int]]:
    """The ids from ``first`` to ``last`` that processes answer to by pidfd_open, and those of other threads.

    At most `MOST_PIDS`, or ValueError.  Of an id that is in use but leads no process the kernel says ENOENT, and before
    Linux 6.15 EINVAL; before that the id of a process group whose leader is gone is among them.
    """
    if first < 1 or last < first or last - first >= MOST_PIDS or last >= _INT_MAX:
        raise ValueError(f"no range of pids: {first} to {last}")
    processes, threads = [], []
    for pid in range(first, last + 1):
        try:
            os.close(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINVAL):
                raise
            threads.append(pid)
        else:
            processes.append(pid)
    return processes, threads


def _listed(folder: int, made: Callable[[bytes, int, int], T | None]) -> list[T] | None:
    """One block of a listing, by what is made of each name, inode and type; None at the end."""
    buffer = ctypes.create_string_buffer(_BLOCK)
    size = getdents64(folder, buffer)
    if size == 0:
        return None
    block, at, found = buffer.raw[:size], 0, []
    while size - at > _RECORD.size:
        inode, _, length, kind = _RECORD.unpack_from(block, at)
        if length <= _RECORD.size or length > size - at:
            break
        one = made(block[at + _RECORD.size : at + length].partition(b"\0")[0], inode, kind)
        if one is not None:
            found.append(one)
        at += length
    return found


def _entry(name: bytes, inode: int, kind: int) -> tuple[bytes, int, int] | None:
    return None if name in (b".", b"..") else (name, inode, kind)


def _number(name: bytes, _inode: int, _kind: int) -> int | None:
    return int(name) if name.isdigit() and len(name) <= _MOST_DIGITS else None


def entries(folder: int) -> list[tuple[bytes, int, int]] | None:
    """The next of a folder's entries: name, inode, type (``DT_*``).  None when there are no more.

    ``.`` and ``..`` are left out, so an answer may be empty before the end.
    """
    return _listed(folder, _entry)


def numbers(folder: int) -> list[int] | None:
    """The next of a folder's names that are numbers of at most 18 digits.  None when there are no more names."""
    return _listed(folder, _number)


def _content(folder: int, path: bytes, limit: int) -> bytes | int:
    try:
        file = os.open(path, _OPEN_FLAGS, dir_fd=folder)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        text = os.read(file, limit)
        while text and len(text) < limit and (more := os.read(file, limit - len(text))):
            text += more
        return text
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        os.close(file)


def contents(folder: int, paths: Sequence[bytes], limit: int) -> list[bytes | int]:
    """At most ``limit`` bytes of each file below a directory descriptor, or the errno for which there are none.

    At most `MOST_PATHS` files and `MOST_BYTES` bytes, or ValueError.  A link in the last place is not followed.
    """
    if not 1 <= len(paths) <= MOST_PATHS or not 1 <= limit <= MOST_BYTES // len(paths):
        raise ValueError(f"{len(paths)} files of at most {limit} bytes: nothing, or too much")
    for path in paths:
        if not isinstance(path, bytes):
            raise TypeError(f"expected bytes, {type(path).__name__} found")
        if b"\0" in path:
            raise ValueError("embedded null byte")
    return [_content(folder, path, limit) for path in paths]
