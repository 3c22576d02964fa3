"""System calls that Python's standard library does not wrap, for reading a host.

Source: openat2(2), open_tree(2), fsopen(2), fsmount(2), statx(2), getdents64(2), perf_event_open(2), bpf(2),
sysinfo(2), syslog(2), ptrace(2), include/uapi/linux/{openat2,mount,stat,perf_event,bpf,ptrace,elf}.h,
arch/*/entry/syscalls/syscall*.tbl.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, Final


def _number(x86_64: int, generic: int) -> int:
    """The number of a call that processors number differently; one that no kernel has where Davy does not know it."""
    machine = os.uname().machine
    if ctypes.sizeof(ctypes.c_long) != 8:
        return -1
    if machine in ("aarch64", "riscv64", "loongarch64"):
        return generic
    return x86_64 if machine == "x86_64" else -1


_PERF_EVENT_OPEN: Final = _number(298, 241)
_BPF: Final = _number(321, 280)
_SYSINFO: Final = _number(99, 179)
_TGKILL: Final = _number(234, 131)
_PTRACE: Final = _number(101, 117)
_OPEN_TREE: Final = 428
_OPENAT2: Final = 437
_FSOPEN: Final = 430
_FSCONFIG: Final = 431
_FSMOUNT: Final = 432
_GETDENTS64: Final = {("x86_64", 8): 217, ("aarch64", 8): 61}
"""By machine and bytes of a pointer; elsewhere the C library's own name is called (glibc 2.30, musl)."""

RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_IN_ROOT: Final = 0x10

_FSCONFIG_CMD_CREATE: Final = 6
_FSOPEN_CLOEXEC: Final = 1
_FSMOUNT_CLOEXEC: Final = 1
_MOUNT_ATTR: Final = 0x01 | 0x02 | 0x04 | 0x08  # read-only, nosuid, nodev, noexec

_OPEN_TREE_CLONE: Final = 1

_AT_FDCWD: Final = -100
_SYSLOG_ACTION_READ_ALL: Final = 3

_AT_EMPTY_PATH: Final = 0x1000
_STATX_BTIME: Final = 0x800
_STATX_ATTR_IMMUTABLE: Final = 0x10
_STATX_SIZE: Final = 256

_PTRACE_DETACH: Final = 17
_PTRACE_GETREGSET: Final = 0x4204
_PTRACE_SEIZE: Final = 0x4206
_PTRACE_INTERRUPT: Final = 0x4207

_PERF_FLAG_FD_CLOEXEC: Final = 8
_CLONE_NEWNET: Final = 0x40000000
_SYSINFO_BYTES: Final = 256
_AGAIN: Final = 8


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


@cache
def _openat2() -> Any:
    """syscall(2) with the types of openat2(2) told beforehand: files are opened by the ten thousand."""
    call = _libc()["syscall"]
    call.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    return call


@lru_cache(maxsize=16)
def _how(flags: int, resolve: int) -> bytes:
    return struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)


def openat2(directory: int, path: bytes, flags: int, resolve: int) -> int:
    """Open ``path`` below ``directory``; RESOLVE_IN_ROOT keeps every link inside it.  Raises OSError.

    Where something is renamed or mounted meanwhile the kernel cannot tell whether a path stays inside, and wants to be
    asked again (EAGAIN).  Source: openat2(2).
    """
    how = _how(flags, resolve)
    for _ in range(_AGAIN):
        with suppress(BlockingIOError):
            return _checked(_openat2()(_OPENAT2, directory, path, how, len(how)))
    return _checked(_openat2()(_OPENAT2, directory, path, how, len(how)))


def getdents64(folder: int, buffer: ctypes.Array[ctypes.c_char]) -> int:
    """The next entries of a folder into ``buffer``; how many bytes they take, 0 at the end.  Raises OSError."""
    libc, size = _libc(), ctypes.c_size_t(ctypes.sizeof(buffer))
    number = _GETDENTS64.get((os.uname().machine, ctypes.sizeof(ctypes.c_void_p)))
    if number is not None:
        return _checked(libc.syscall(ctypes.c_long(number), ctypes.c_int(folder), buffer, size))
    named = getattr(libc, "getdents64", None)
    if named is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return _checked(named(ctypes.c_int(folder), buffer, size))


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


def bare_mount(path: bytes) -> int:
    """The root of the mount at ``path``, cloned and mounted nowhere: nothing is mounted over any part of it.

    Raises OSError where it is refused.  Source: open_tree(2); needs CAP_SYS_ADMIN and Linux 5.2.
    """
    tree = _checked(
        _libc().syscall(
            ctypes.c_long(_OPEN_TREE),
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(path),
            ctypes.c_uint(_OPEN_TREE_CLONE | os.O_CLOEXEC),
        )
    )
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=tree)
    finally:
        os.close(tree)


def enter_network(namespace: int) -> None:
    """Put the calling thread, and no other, into the network namespace open at ``namespace``.  Raises OSError.

    Source: setns(2); needs CAP_SYS_ADMIN.
    """
    _checked(_libc().setns(ctypes.c_int(namespace), ctypes.c_int(_CLONE_NEWNET)))


def birth_time(descriptor: int) -> float | None:
    """When the open file was created, in seconds since the epoch; None where the file system does not keep it."""
    buffer = _statx(descriptor)
    if buffer is None or not struct.unpack_from("=I", buffer, 0)[0] & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, 80)
    return float(seconds) + float(nanoseconds) / 1e9


def immutable(descriptor: int) -> bool | None:
    """Whether nobody can change the open file (``chattr +i``); None where the file system does not say."""
    buffer = _statx(descriptor)
    if buffer is None or not struct.unpack_from("=Q", buffer, 56)[0] & _STATX_ATTR_IMMUTABLE:
        return None
    return bool(struct.unpack_from("=Q", buffer, 8)[0] & _STATX_ATTR_IMMUTABLE)


def _statx(descriptor: int) -> bytes | None:
    """The struct statx of an open file; it may be one that was opened with O_PATH."""
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    statx = getattr(_libc(), "statx", None)
    if statx is None or statx(
        ctypes.c_int(descriptor), b"", ctypes.c_int(_AT_EMPTY_PATH), ctypes.c_uint(_STATX_BTIME), buffer
    ):
        return None
    return buffer.raw


def thread_exists(group: int, thread: int) -> None:
    """tgkill(2) with signal 0: whether ``thread`` is one of ``group``.  Raises OSError, ESRCH when it is not."""
    _checked(_libc().syscall(ctypes.c_long(_TGKILL), ctypes.c_int(group), ctypes.c_int(thread), ctypes.c_int(0)))


def sysinfo_threads() -> int:
    """``procs`` of sysinfo(2), 16 bits.  Raises OSError."""
    buffer = ctypes.create_string_buffer(_SYSINFO_BYTES)
    _checked(_libc().syscall(ctypes.c_long(_SYSINFO), buffer))
    (count,) = struct.unpack_from("=H", buffer, 10 * ctypes.sizeof(ctypes.c_long))
    return int(count)


def perf_event_open(attributes: bytes, pid: int, cpu: int) -> int:
    """A descriptor of one event of ``pid`` (-1: of all) on ``cpu``.  ``attributes`` is a struct perf_event_attr.

    Raises OSError.
    """
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _checked(
        _libc().syscall(
            ctypes.c_long(_PERF_EVENT_OPEN),
            buffer,
            ctypes.c_int(pid),
            ctypes.c_int(cpu),
            ctypes.c_int(-1),
            ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC),
        )
    )


def bpf(command: int, attributes: bytes) -> int:
    """bpf(2); ``attributes`` is a union bpf_attr, and what it points to must be kept alive.  Raises OSError."""
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _checked(_libc().syscall(ctypes.c_long(_BPF), ctypes.c_int(command), buffer, ctypes.c_uint(len(attributes))))


def _ptrace(request: int, thread: int, address: object, data: object) -> None:
    _checked(_libc().syscall(ctypes.c_long(_PTRACE), ctypes.c_long(request), ctypes.c_long(thread), address, data))


def ptrace_seize(thread: int) -> None:
    """Trace ``thread`` without stopping it and without options: when the tracing thread ends, it is traced no more.

    Raises OSError: EPERM where it is refused or somebody traces it already, ESRCH when it has gone.
    """
    _ptrace(_PTRACE_SEIZE, thread, None, None)


def ptrace_interrupt(thread: int) -> None:
    """Have a traced thread stop as soon as it runs.  Raises OSError, ESRCH when it has ended."""
    _ptrace(_PTRACE_INTERRUPT, thread, None, None)


def ptrace_registers(thread: int, kind: int, limit: int) -> bytes:
    """One set of registers (``NT_*``) of a stopped thread, at most ``limit`` bytes.  Raises OSError.

    How many bytes there are tells a 32-bit thread from a 64-bit one.
    """
    buffer = ctypes.create_string_buffer(limit)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), limit)  # struct iovec
    _ptrace(_PTRACE_GETREGSET, thread, ctypes.c_long(kind), ctypes.byref(vector))
    return buffer.raw[: vector[1]]


def ptrace_detach(thread: int, signal: int) -> None:
    """Let a stopped thread go on, with the ``signal`` it stopped for (0: none).  Raises OSError, ESRCH if killed."""
    _ptrace(_PTRACE_DETACH, thread, None, ctypes.c_long(signal))


def kernel_log(limit: int) -> bytes:
    """The newest ``limit`` bytes of the kernel's log, as lines ``<6>[    1.234567] text``.  Raises OSError."""
    buffer = ctypes.create_string_buffer(limit)
    length = _checked(_libc().klogctl(ctypes.c_int(_SYSLOG_ACTION_READ_ALL), buffer, ctypes.c_int(limit)))
    return buffer.raw[:length]
