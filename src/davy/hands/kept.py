"""What is kept of a file in the quarantine: copied, synced and compared before the file itself is touched."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import Final

from davy.hands.errors import Untouched
from davy.hands.opened import CHUNK, sha256_of

SPARE_BYTES: Final = 16 << 20
"""So much must stay free where the quarantine is."""


def written(descriptor: int, content: bytes) -> None:
    """Write all of it.  Raises OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def keep_copy(source: int, keep: int, kept: str, sha256: str, path: bytes) -> None:
    """Copy an open file into the quarantine as ``kept``: synced, compared, mode 0600.  Raises `Untouched`."""
    shown, size = os.fsdecode(path), os.fstat(source).st_size
    room = os.fstatvfs(keep)
    if room.f_bavail * room.f_frsize < size + SPARE_BYTES:
        raise Untouched(f"{shown}: no room in the quarantine for {size} bytes")
    with suppress(FileNotFoundError):
        os.unlink(kept, dir_fd=keep)
    try:
        copy = os.open(kept, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=keep)
    except OSError as error:
        raise Untouched(f"{shown}: quarantine: {error.strerror}") from None
    try:
        offset = 0
        while chunk := os.pread(source, CHUNK, offset):
            written(copy, chunk)
            offset += len(chunk)
        os.fsync(copy)
        os.fsync(keep)
        if sha256_of(copy) != sha256:
            raise Untouched(f"{shown}: the copy in the quarantine differs")
    except OSError as error:
        with suppress(OSError):
            os.unlink(kept, dir_fd=keep)
        raise Untouched(f"{shown}: quarantine: {error.strerror}") from None
    finally:
        os.close(copy)


def kept_whole(keep: int, kept: str, sha256: str) -> bool:
    """Whether the copy is there, as it was made."""
    try:
        descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=keep)
    except OSError:
        return False
    try:
        return sha256_of(descriptor) == sha256
    finally:
        os.close(descriptor)


def kept_content(keep: int, kept: str, sha256: str, path: bytes) -> bytes:
    """What was kept of a file.  Raises `Untouched` when it is not there as it was made."""
    shown = os.fsdecode(path)
    try:
        descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=keep)
    except OSError as error:
        raise Untouched(f"{shown}: what was kept of it: {error.strerror}") from None
    try:
        chunks, offset = [], 0
        while chunk := os.pread(descriptor, CHUNK, offset):
            chunks.append(chunk)
            offset += len(chunk)
    finally:
        os.close(descriptor)
    content = b"".join(chunks)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Untouched(f"{shown}: what was kept of it has changed")
    return content
