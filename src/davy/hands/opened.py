"""Opening exactly the file that a plan saw, by its name in an open folder."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from davy.hands.errors import Untouched
from davy.model.plan import FileIdentity

CHUNK: Final = 1 << 18


@contextmanager
def opened(folder: int, name: bytes, path: bytes) -> Iterator[int]:
    """A regular file by its name in an open folder; never a link, a FIFO or a device.  Raises `Untouched`."""
    shown = os.fsdecode(path)
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise Untouched(f"{shown}: not a regular file")
        unseen = os.O_NOATIME if os.geteuid() in (0, found.st_uid) else 0
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | unseen, dir_fd=folder)
    except FileNotFoundError:
        raise Untouched(f"{shown}: gone") from None
    except OSError as error:
        raise Untouched(f"{shown}: {error.strerror}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def expected(descriptor: int, file: FileIdentity) -> os.stat_result:
    """Raises `Untouched` unless the open file is the one the plan saw."""
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino) != file.key or not stat.S_ISREG(found.st_mode):
        raise Untouched(f"{os.fsdecode(file.path)}: another file than the plan saw")
    if found.st_size != file.size or sha256_of(descriptor) != file.sha256:
        raise Untouched(f"{os.fsdecode(file.path)}: changed since the plan")
    return found


def still(folder: int, name: bytes, found: os.stat_result, path: bytes) -> None:
    """Raises `Untouched` unless the name has the file that was ``found``, and nobody has written to it since."""
    now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino):
        raise Untouched(f"{os.fsdecode(path)}: swapped meanwhile")
    if (now.st_size, now.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
        raise Untouched(f"{os.fsdecode(path)}: changed meanwhile")


def sha256_of(descriptor: int) -> str:
    digest, offset = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, CHUNK, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def same(folder: int, name: bytes, path: bytes, sha256: str) -> bool:
    """Whether a regular file of this content has the name."""
    try:
        with opened(folder, name, path) as descriptor:
            return sha256_of(descriptor) == sha256
    except Untouched:
        return False
