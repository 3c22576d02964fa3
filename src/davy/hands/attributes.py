"""A file's attributes, read and put back by descriptor.  Source: ioctl_iflags(2), xattr(7), utimensat(2)."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from contextlib import suppress
from typing import Final

from davy.model.undo import FileAttributes

_FS_IOC_GETFLAGS: Final = 0x80086601
_FS_IOC_SETFLAGS: Final = 0x40086602
IMMUTABLE: Final = 0x00000010
APPEND_ONLY: Final = 0x00000020
_PUT_BACK: Final = 0x000340FB
"""The flags that a person sets with ``chattr``; the others (extents, index) are the file system's own."""


def inode_flags(descriptor: int) -> int | None:
    """The flags that ``lsattr`` shows; None where the file system keeps none."""
    buffer = bytearray(8)
    try:
        fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, buffer)
    except OSError:
        return None
    return int(struct.unpack("=I", buffer[:4])[0])


def set_inode_flags(descriptor: int, flags: int) -> None:
    """Raises OSError."""
    fcntl.ioctl(descriptor, _FS_IOC_SETFLAGS, struct.pack("=Q", flags))


def unlocked(descriptor: int, flags: int | None) -> None:
    """Clear the immutable and append-only flags, if ``flags`` has them."""
    if flags is not None and flags & (IMMUTABLE | APPEND_ONLY):
        set_inode_flags(descriptor, flags & ~(IMMUTABLE | APPEND_ONLY))


def storable(nanoseconds: int) -> int:
    """The nearest time that the journal can hold, of the years 1677 to 2554: a file system may store any."""
    return min(max(nanoseconds, -(1 << 63)), (1 << 64) - 1)


def attributes_of(descriptor: int) -> FileAttributes:
    """What must be put back with the content.  Raises OSError."""
    found = os.fstat(descriptor)
    xattrs = {}
    with suppress(OSError):
        names = [os.fsencode(name) for name in os.listxattr(descriptor)]
        xattrs = {name: os.getxattr(descriptor, name) for name in names}
    return FileAttributes(
        mode=stat.S_IMODE(found.st_mode), uid=found.st_uid, gid=found.st_gid, atime_ns=storable(found.st_atime_ns),
        mtime_ns=storable(found.st_mtime_ns), flags=inode_flags(descriptor), xattrs=xattrs,
    )  # fmt: skip


def put_back(descriptor: int, attributes: FileAttributes) -> None:
    """Owner, mode, extended attributes and times; not the flags, which may forbid what comes after.

    Extended attributes hold access lists, capabilities and labels too; what the file has of them from its folder alone
    goes.  Raises OSError, except for those that this file system or this person may not set.
    """
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (attributes.uid, attributes.gid):
        os.fchown(descriptor, attributes.uid, attributes.gid)
    os.fchmod(descriptor, attributes.mode)
    with suppress(OSError):
        for name in {os.fsencode(name) for name in os.listxattr(descriptor)} - attributes.xattrs.keys():
            with suppress(OSError):
                os.removexattr(descriptor, name)
    for name, value in attributes.xattrs.items():
        with suppress(OSError):
            os.setxattr(descriptor, name, value)
    os.utime(descriptor, ns=(attributes.atime_ns, attributes.mtime_ns))


def put_back_flags(descriptor: int, attributes: FileAttributes) -> None:
    """The inode flags, last of all.  Raises OSError."""
    now = inode_flags(descriptor)
    if attributes.flags is None or now is None:
        return
    wanted = (now & ~_PUT_BACK) | (attributes.flags & _PUT_BACK)
    if wanted != now:
        set_inode_flags(descriptor, wanted)
