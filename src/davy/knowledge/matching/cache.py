"""Compiled databases on disk, so that a scan need not compile the patterns anew: in Davy's state folder only.

A file counts only if we own it, nobody else may write it, and it is what was written; any other is passed over.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from typing import Final

_LIMIT: Final = 64 << 20
_DIGEST: Final = 32


def load(folder: str, purpose: str, name: str) -> bytes | None:
    """What was stored for this purpose under ``name``, or None."""
    try:
        descriptor = os.open(
            os.path.join(folder, f"{purpose}-{name}"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
        if not ours or not _DIGEST < found.st_size <= _LIMIT:
            return None
        chunks = []
        while chunk := os.read(descriptor, 1 << 20):
            chunks.append(chunk)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    content = b"".join(chunks)
    digest, data = content[:_DIGEST], content[_DIGEST:]
    return data if hashlib.sha256(data).digest() == digest else None


def store(folder: str, purpose: str, name: str, data: bytes) -> None:
    """Keep ``data`` under ``name`` in place of what was kept for this ``purpose``, if that can be."""
    final = f"{purpose}-{name}"
    draft = f".{final}.{os.getpid()}"
    with suppress(OSError):
        folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(folder_fd)
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
                return
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder_fd)
            descriptor = os.open(draft, flags, 0o600, dir_fd=folder_fd)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(hashlib.sha256(data).digest())
                    file.write(data)
                os.rename(draft, final, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            except OSError:
                with suppress(OSError):
                    os.unlink(draft, dir_fd=folder_fd)
                return
            for name_there in os.listdir(folder_fd):
                if name_there.startswith(f"{purpose}-") and name_there != final:
                    with suppress(OSError):
                        os.unlink(name_there, dir_fd=folder_fd)
        finally:
            os.close(folder_fd)
