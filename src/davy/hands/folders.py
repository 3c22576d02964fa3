"""Finding a file by its folder's descriptor, so that a swapped link leads nowhere."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from davy.hands.errors import Untouched
from davy.host.syscalls import openat2

_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_NO_MAGICLINKS: Final = 0x02


@contextmanager
def folder_of(path: bytes) -> Iterator[tuple[int, bytes]]:
    """The descriptor of the folder that holds ``path``, no link followed on the way, and the name in it.

    Raises `Untouched` when a part of the way has become a link or is gone.
    """
    folder, name = os.path.split(path)
    if not path.startswith(b"/") or name in (b"", b".", b".."):
        raise Untouched(f"{os.fsdecode(path)}: not a file's path")
    try:
        descriptor = _open_folder(folder)
    except OSError as error:
        raise Untouched(f"{os.fsdecode(path)}: {error.strerror}") from None
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)


def _open_folder(folder: bytes) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    root = os.open("/", flags)
    try:
        return openat2(root, folder.lstrip(b"/") or b".", flags, _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    finally:
        os.close(root)
    here = os.open("/", flags)
    for part in folder.split(b"/"):
        if part:
            try:
                deeper = os.open(part, flags | os.O_NOFOLLOW, dir_fd=here)
            finally:
                os.close(here)
            here = deeper
    return here
