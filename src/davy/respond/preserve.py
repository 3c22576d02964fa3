"""Keep the evidence of a stopped process: what it ran, said, mapped and talked to.  Capped, private, never run."""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from typing import Final

from davy.host import HostError, Kernel
from davy.host.stat import parse_stat
from davy.model.plan import Target

_SECONDS: Final = 2.0
_PROGRAM_LIMIT: Final = 64 << 20
_TEXT_LIMIT: Final = 1 << 20
_MEMORY_LIMIT: Final = 32 << 20
_STRINGS_LIMIT: Final = 2 << 20
_FILES: Final = ("cmdline", "environ", "status", "stat", "maps", "cgroup", "limits", "net/tcp", "net/tcp6")
_LINKS_LIMIT: Final = 1024
_STRING: Final = re.compile(rb"[\x20-\x7e]{6,}")


def preserve(kernel: Kernel, target: Target, folder: int, reserve: int = 0) -> tuple[str, ...]:
    """Write the evidence of one process into an open folder; what could not be kept is said, not raised.

    Its program and its memory are only kept where ``reserve`` bytes stay free.
    """
    procfs, pid = kernel.procfs, target.pid
    missing: list[str] = []
    try:
        if parse_stat(procfs.read(f"{pid}/stat")).start_ticks != target.start_ticks:
            return ("gone",)
    except HostError:
        return ("gone",)
    deadline = time.monotonic() + _SECONDS
    for name in _FILES:
        try:
            _write(folder, f"{pid}-{name.replace('/', '-')}", procfs.read(f"{pid}/{name}", _TEXT_LIMIT))
        except (HostError, OSError) as error:
            missing.append(f"{name}: {error}")
    try:
        _write(folder, f"{pid}-files", "\n".join(_descriptors(kernel, pid)).encode("utf-8", "surrogateescape"))
    except OSError as error:
        missing.append(f"files: {error}")
    try:
        _program(kernel, pid, folder, deadline, _room(folder) - reserve)
    except (HostError, OSError) as error:
        missing.append(f"program: {error}")
    try:
        if _room(folder) - reserve < _STRINGS_LIMIT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _write(folder, f"{pid}-strings", _strings(kernel, pid, deadline))
    except (HostError, OSError) as error:
        missing.append(f"memory: {error}")
    return tuple(missing)


def _write(folder: int, name: str, data: bytes) -> None:
    descriptor = os.open(
        name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
    )
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def _descriptors(kernel: Kernel, pid: int) -> list[str]:
    rows = []
    with suppress(HostError):
        for number in kernel.procfs.names(f"{pid}/fd")[:_LINKS_LIMIT]:
            with suppress(HostError):
                rows.append(f"{number} {kernel.procfs.link(f'{pid}/fd/{number}')}")
    return rows


def _room(folder: int) -> int:
    found = os.fstatvfs(folder)
    return found.f_bavail * found.f_frsize


def _program(kernel: Kernel, pid: int, folder: int, deadline: float, room: int) -> None:
    """The program's file, read through the process, so that a deleted one is kept too."""
    source = kernel.procfs.open(f"{pid}/exe")
    try:
        if os.fstat(source).st_size > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copy = os.open(
            f"{pid}-program",
            os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o600,
            dir_fd=folder,
        )
        try:
            left = _PROGRAM_LIMIT
            while left > 0 and time.monotonic() < deadline and (chunk := os.read(source, min(left, 1 << 20))):
                os.write(copy, chunk)
                left -= len(chunk)
        finally:
            os.close(copy)
    finally:
        os.close(source)


def _strings(kernel: Kernel, pid: int, deadline: float) -> bytes:
    """Printable strings of its private writable memory."""
    found: list[bytes] = []
    size, left = 0, _MEMORY_LIMIT
    memory = kernel.procfs.open(f"{pid}/mem")
    try:
        for line in kernel.procfs.read(f"{pid}/maps", 4 << 20).splitlines():
            fields = line.split()
            if len(fields) < 5 or not fields[1].startswith(b"rw") or left <= 0 or time.monotonic() > deadline:
                continue
            start, _, end = fields[0].partition(b"-")
            begin, length = int(start, 16), min(int(end, 16) - int(start, 16), left)
            try:
                data = os.pread(memory, length, begin)
            except OSError:
                continue
            left -= len(data)
            for match in _STRING.finditer(data):
                size += len(match[0]) + 1
                if size > _STRINGS_LIMIT:
                    return b"\n".join(found)
                found.append(match[0])
    finally:
        os.close(memory)
    return b"\n".join(found)
