"""Putting content under a name in one step, and the locks that stand in the way of it."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from davy.hands.attributes import APPEND_ONLY, IMMUTABLE, inode_flags, put_back, put_back_flags, unlocked
from davy.hands.errors import Untouched
from davy.hands.folders import as_before, writable
from davy.hands.kept import written
from davy.hands.opened import opened
from davy.model.undo import EditedFile, FileAttributes, MovedFile


def beside(path: bytes, seq: int) -> bytes:
    """The name that new content bears, in the file's own folder, until it is whole."""
    return b".davy-" + hashlib.blake2s(path, digest_size=4).hexdigest().encode() + b"-%d" % seq


def tidied(folder: int, path: bytes) -> None:
    """Remove what a step that was cut short left beside the file."""
    for name in (beside(path, 0), beside(path, 1), beside(path, 1) + b"~"):
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)


def placed(
    folder: int, name: bytes, fresh: bytes, content: bytes, attributes: FileAttributes,
    check: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    """Put new content under a name in one step, with owner, mode, extended attributes and times.

    The ``check``, at the last moment, that what has the name may go raises `Untouched`.  Raises OSError.
    """
    with suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=folder)
    descriptor = os.open(
        fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
    )
    try:
        written(descriptor, content)
        put_back(descriptor, attributes)
        os.fsync(descriptor)
        check()
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except (OSError, Untouched):
        with suppress(OSError):
            os.unlink(fresh, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def unlock(descriptor: int, found: os.stat_result, path: bytes) -> None:
    """Clear the flags that keep a file from being changed.  Raises `Untouched` when other names share them."""
    flags = inode_flags(descriptor)
    if flags is not None and flags & (IMMUTABLE | APPEND_ONLY):
        if found.st_nlink > 1:
            raise Untouched(f"{os.fsdecode(path)}: immutable, and it has other names that are not ours to change")
        unlocked(descriptor, flags)


@contextmanager
def or_as_it_was(descriptor: int, attributes: FileAttributes, path: bytes) -> Iterator[None]:
    """What fails is `Untouched`, and the file has its flags again."""
    try:
        yield
    except OSError as error:
        with suppress(OSError):
            put_back_flags(descriptor, attributes)
        why = "something is mounted there: unmount it first" if error.errno == errno.EBUSY else error.strerror
        raise Untouched(f"{os.fsdecode(path)}: {why}") from None
    except Untouched:
        with suppress(OSError):
            put_back_flags(descriptor, attributes)
        raise


@contextmanager
def put_back_in(folder: int, name: bytes, undo: MovedFile | EditedFile) -> Iterator[None]:
    """While a file is put back its folder may be written to; then it has its flags and its time again, and the file has
    its flags, last of all.

    Nothing is left of an earlier try that was cut short.  Raises `Untouched`.
    """
    try:
        with writable(folder, undo.folder_flags), as_before(folder, undo.folder_times):
            tidied(folder, undo.path)
            yield
            with opened(folder, name, undo.path) as descriptor:
                put_back_flags(descriptor, undo.attributes)
    except OSError as error:
        raise Untouched(f"{os.fsdecode(undo.path)}: {error.strerror}") from None
