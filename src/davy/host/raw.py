"""System calls made past every library that could answer in the kernel's place, and what the loader has loaded.

A preloaded library answers for functions of the C library that a program looks up by name.  Here the one function
``syscall`` is taken from the C library itself (dlsym(3) on its own handle), and everything else is asked of the kernel.

Source: syscall(2), getdents64(2), proc_pid_maps(5), link.h of glibc and dynlink.c of musl (``struct link_map``).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from msgspec import Struct

_AT_FDCWD: Final = -100
_CHUNK: Final = 1 << 16
_OBJECTS_LIMIT: Final = 4096
_ENTRIES_LIMIT: Final = 1024
_DT_NEEDED: Final = 1
_DT_STRTAB: Final = 5


class _Numbers(NamedTuple):
    read: int
    openat: int
    close: int
    getdents64: int
    mount: int
    unshare: int
    setns: int
    execve: int


_GENERIC: Final = _Numbers(
    read=63, openat=56, close=57, getdents64=61, mount=40, unshare=97, setns=268, execve=221
)  # fmt: skip
_BY_MACHINE: Final = {
    "x86_64": _Numbers(
        read=0,
        openat=257,
        close=3,
        getdents64=217,
        mount=165,
        unshare=272,
        setns=308,
        execve=59,
    ),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
}
"""By the machine's name.  Source: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h."""


@cache
def _numbers() -> _Numbers:
    numbers = _BY_MACHINE.get(os.uname().machine)
    if numbers is None or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, "the numbers of this machine's system calls are not known")
    return numbers


@cache
def _c_library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libc.so.6", use_errno=True)
    except OSError:
        return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int | bytes | ctypes.Array[Any] | None) -> int:
    given = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    function = _c_library().syscall
    function.restype = ctypes.c_long
    result = int(function(ctypes.c_long(number), *given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def read(path: bytes, limit: int) -> bytes:
    """At most ``limit`` bytes of a file, as the kernel gives them.  Raises OSError; may block on what is no file."""
    numbers = _numbers()
    descriptor = _call(numbers.openat, _AT_FDCWD, path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0)
    try:
        buffer, chunks, left = ctypes.create_string_buffer(_CHUNK), [], limit
        while left > 0 and (count := _call(numbers.read, descriptor, buffer, min(left, _CHUNK))):
            chunks.append(buffer.raw[:count])
            left -= count
        return b"".join(chunks)
    finally:
        _call(numbers.close, descriptor)


def names(path: bytes, limit: int) -> list[bytes]:
    """At most ``limit`` names of a folder as the kernel lists them, without ``.`` and ``..``.  Raises OSError."""
    numbers = _numbers()
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = _call(numbers.openat, _AT_FDCWD, path, flags, 0)
    try:
        buffer = ctypes.create_string_buffer(_CHUNK)
        found: list[bytes] = []
        while len(found) < limit and (count := _call(numbers.getdents64, descriptor, buffer, _CHUNK)):
            found += _entries(buffer.raw[:count])
        return found[:limit]
    finally:
        _call(numbers.close, descriptor)


def _entries(data: bytes) -> Iterator[bytes]:
    """The names in what getdents64(2) has written."""
    offset = 0
    while offset + 19 <= len(data):
        (length,) = struct.unpack_from("=H", data, offset + 16)
        name = data[offset + 19 : offset + length].split(b"\0", 1)[0]
        if name not in (b".", b".."):
            yield name
        if length < 19:
            return
        offset += length


def open_path(path: bytes, flags: int) -> int:
    """A descriptor that is *not* closed on exec unless ``flags`` say so.  Raises OSError."""
    return _call(_numbers().openat, _AT_FDCWD, path, flags, 0)


def execve(program: bytes, arguments: Sequence[bytes], environment: Mapping[bytes, bytes]) -> None:
    """Become another program.  Returns only by raising OSError."""
    words = (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None)
    pairs = [name + b"=" + value for name, value in environment.items()]
    _call(_numbers().execve, program, words, (ctypes.c_char_p * (len(pairs) + 1))(*pairs, None))


def mount(source: bytes | None, target: bytes, flags: int) -> None:
    """mount(2) without a file system type.  Raises OSError."""
    _call(_numbers().mount, source, target, None, flags, None)


def unshare(flags: int) -> None:
    """Raises OSError."""
    _call(_numbers().unshare, flags)


def setns(descriptor: int, kind: int) -> None:
    """Raises OSError."""
    _call(_numbers().setns, descriptor, kind)


class MappedFile(Struct, frozen=True):
    """One line of ``/proc/PID/maps`` that maps a file."""

    start: int
    end: int
    rights: str
    """As the kernel writes them: ``r-xp``."""
    offset: int
    path: str

    @property
    def executable(self) -> bool:
        return "x" in self.rights

    @property
    def readable(self) -> bool:
        return self.rights.startswith("r")


def parse_maps(data: bytes) -> list[MappedFile]:
    """The mappings of files, in order of their addresses; a path keeps the kernel's `` (deleted)``."""
    found = []
    for line in data.splitlines():
        fields = line.split(None, 5)
        if len(fields) < 6 or not fields[5].startswith(b"/"):
            continue
        start, _, end = fields[0].partition(b"-")
        found.append(
            MappedFile(int(start, 16), int(end, 16), os.fsdecode(fields[1]), int(fields[2], 16), os.fsdecode(fields[5]))
        )
    return found


class Loaded(NamedTuple):
    """One object in the loader's list: the program itself, a library, the vdso."""

    name: str
    base: int
    dynamic: int
    """The address of its dynamic section."""


def loaded_objects() -> list[Loaded]:
    """What the dynamic loader has loaded into this process, in its own order: the program, what was preloaded, what
    the program needs, what came later.

    Nothing is read but this process's memory.  Raises OSError where the list's form is not known.
    """
    if struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, "the loader's list is only known for 64 bits")
    found: list[Loaded] = []
    here = ctypes.CDLL(None)._handle
    while here and len(found) < _OBJECTS_LIMIT:
        base, name, dynamic, here = struct.unpack("=QQQQ", ctypes.string_at(here, 32))
        found.append(Loaded(os.fsdecode(ctypes.string_at(name)) if name else "", base, dynamic))
    return found


def needed(of: Loaded) -> list[str]:
    """The libraries that an object in memory asks for, by the names it gives them (DT_NEEDED)."""
    offsets: list[int] = []
    strings = 0
    for index in range(_ENTRIES_LIMIT if of.dynamic else 0):
        tag, value = struct.unpack("=qQ", ctypes.string_at(of.dynamic + 16 * index, 16))
        if tag == 0:
            break
        if tag == _DT_NEEDED:
            offsets.append(value)
        elif tag == _DT_STRTAB:
            strings = value if value >= of.base else value + of.base  # musl leaves it as it is in the file
    return [os.fsdecode(ctypes.string_at(strings + offset)) for offset in offsets] if strings else []
