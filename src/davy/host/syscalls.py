"""System calls that Python's standard library does not wrap, for reading a host.

Source: openat2(2), fsopen(2), fsmount(2), statx(2), syslog(2), include/uapi/linux/{openat2,mount,stat}.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache
from typing import Final

_OPENAT2: Final = 437
_FSOPEN: Final = 430
_FSCONFIG: Final = 431
_FSMOUNT: Final = 432

RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_IN_ROOT: Final = 0x10

_FSCONFIG_CMD_CREATE: Final = 6
_FSOPEN_CLOEXEC: Final = 1
_FSMOUNT_CLOEXEC: Final = 1
_MOUNT_ATTR: Final = 0x01 | 0x02 | 0x04 | 0x08  # read-only, nosuid, nodev, noexec

_SYSLOG_ACTION_READ_ALL: Final = 3

_AT_EMPTY_PATH: Final = 0x1000
_STATX_BTIME: Final = 0x800
_STATX_SIZE: Final = 256


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def openat2(directory: int, path: bytes, flags: int, resolve: int) -> int:
    """Open ``path`` below ``directory``; RESOLVE_IN_ROOT keeps every link inside it.  Raises OSError."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    return _checked(
        _libc().syscall(
            ctypes.c_long(_OPENAT2), ctypes.c_int(directory), ctypes.c_char_p(path), how, ctypes.c_size_t(len(how))
        )
    )


def detached_procfs() -> int:
    """A procfs of our own, mounted nowhere; its root as a descriptor.  Raises OSError where it is refused."""
    libc = _libc()
    context = _checked(libc.syscall(ctypes.c_long(_FSOPEN), ctypes.c_char_p(b"proc"), ctypes.c_uint(_FSOPEN_CLOEXEC)))
    try:
        _checked(
            libc.syscall(
                ctypes.c_long(_FSCONFIG), ctypes.c_int(context), ctypes.c_uint(_FSCONFIG_CMD_CREATE), None, None, 0
            )
        )
        mount = _checked(
            libc.syscall(
                ctypes.c_long(_FSMOUNT),
                ctypes.c_int(context),
                ctypes.c_uint(_FSMOUNT_CLOEXEC),
                ctypes.c_uint(_MOUNT_ATTR),
            )
        )
    finally:
        os.close(context)
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
    finally:
        os.close(mount)


def birth_time(descriptor: int) -> float | None:
    """When the open file was created, in seconds since the epoch; None where the file system does not keep it."""
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    statx = getattr(_libc(), "statx", None)
    if statx is None or statx(
        ctypes.c_int(descriptor), b"", ctypes.c_int(_AT_EMPTY_PATH), ctypes.c_uint(_STATX_BTIME), buffer
    ):
        return None
    (mask,) = struct.unpack_from("=I", buffer, 0)
    if not mask & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, 80)
    return float(seconds) + float(nanoseconds) / 1e9


def kernel_log(limit: int) -> bytes:
    """The newest ``limit`` bytes of the kernel's log, as lines ``<6>[    1.234567] text``.  Raises OSError."""
    buffer = ctypes.create_string_buffer(limit)
    length = _checked(_libc().klogctl(ctypes.c_int(_SYSLOG_ACTION_READ_ALL), buffer, ctypes.c_int(limit)))
    return buffer.raw[:length]
