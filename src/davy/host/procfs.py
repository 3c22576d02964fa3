"""The process file system, read for speed: one open per file, relative to one descriptor.

Davy mounts a procfs of its own, detached (see fsmount(2)), so what somebody mounted over ``/proc/PID`` or
``/proc/stat`` is not there.  Where the kernel refuses that, the ordinary ``/proc`` is read and `own` is False.
Folders are listed by getdents64, so what a preloaded library takes out of readdir(3) is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from davy.host.errors import Gone, HostError, Refused, mapped
from davy.host.mounts import covered_processes, parse_mountinfo
from davy.host.sweeps import folder_entries, numbered, read_files
from davy.host.syscalls import detached_procfs

_CHUNK: Final = 16_384
_MOUNTINFO_LIMIT: Final = 16 << 20
FILE_LIMIT: Final = 4 << 20


class Procfs(Protocol):
    """What collectors may ask of a procfs.  Names are relative to it: ``stat``, ``123/exe``."""

    own: bool

    def pids(self) -> list[int]:
        """Every process that a listing shows, by getdents64(2)."""

    def listed(self) -> list[int]:
        """The same by readdir(3) of the C library, which whatever is preloaded can answer for."""

    def names(self, path: str) -> list[str]: ...

    def read(self, path: str, limit: int = _CHUNK) -> bytes:
        """At most ``limit`` bytes.  Raises `Gone` when the process has vanished, `Denied` when it may not be read."""

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes | HostError]:
        """As `read`, many small files at once and in order; what could not be read is the error in its place."""

    def link(self, path: str) -> str: ...

    def inode(self, path: str) -> tuple[int, int]:
        """Device and inode of what a magic link (``exe``, ``ns/pid``) leads to."""

    def open(self, path: str) -> int:
        """A descriptor to read what a magic link (``exe``) leads to, be it unlinked; the caller closes it.

        It may be no regular file: look before reading.
        """


class LiveProcfs:
    """The running kernel's."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Of our own, or the one whose root is open at ``descriptor``.

        Where there is none of our own, what lies below a mount over a process is refused: it may never answer.
        """
        self._covered: frozenset[int] = frozenset()
        if descriptor is not None:
            self.fd, self.own = descriptor, False
            return
        try:
            self.fd = detached_procfs()
            self.own = True
        except OSError:
            try:
                self.fd = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise mapped(error, "/proc") from None
            self.own = False
            self._covered = covered_processes(
                parse_mountinfo(os.fsdecode(self.read("self/mountinfo", _MOUNTINFO_LIMIT)))
            )

    def close(self) -> None:
        """Let go of it; nothing can be read afterwards."""
        os.close(self.fd)

    def _look(self, path: str) -> str:
        """``path``, unless a mount over a process is there.  Raises `Refused`."""
        if self._covered:
            head = path.partition("/")[0]
            if head.isdigit() and int(head) in self._covered:
                raise Refused(f"{path}: something is mounted over it")
        return path

    def pids(self) -> list[int]:
        try:
            return numbered(self.fd)
        except OSError as error:
            raise mapped(error, "/proc") from None

    def listed(self) -> list[int]:
        try:
            os.lseek(self.fd, 0, os.SEEK_SET)
            return [int(name) for name in os.listdir(self.fd) if name.isdigit()]
        except OSError as error:
            raise mapped(error, "/proc") from None

    def names(self, path: str) -> list[str]:
        try:
            folder = os.open(self._look(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        except OSError as error:
            raise mapped(error, path) from None
        try:
            return [os.fsdecode(entry.name) for entry in folder_entries(folder).entries]
        except OSError as error:
            raise mapped(error, path) from None
        finally:
            os.close(folder)

    def read(self, path: str, limit: int = _CHUNK) -> bytes:
        try:
            descriptor = os.open(self._look(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self.fd)
        except OSError as error:
            raise mapped(error, path) from None
        try:
            data = os.read(descriptor, min(limit, _CHUNK))
            if limit <= _CHUNK or not data:
                return data
            chunks, left = [data], limit - len(data)
            while left > 0 and (data := os.read(descriptor, min(left, 1 << 18))):
                chunks.append(data)
                left -= len(data)
            return b"".join(chunks)
        except OSError as error:
            raise mapped(error, path) from None
        finally:
            os.close(descriptor)

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes | HostError]:
        if self._covered:
            yield from map(self._one, paths)
            return
        texts = read_files(self.fd, [os.fsencode(path) for path in paths], _CHUNK)
        for path, text in zip(paths, texts, strict=True):
            yield text if isinstance(text, bytes) else mapped(OSError(text, os.strerror(text)), path)

    def _one(self, path: str) -> bytes | HostError:
        try:
            return self.read(path)
        except HostError as error:
            return error

    def link(self, path: str) -> str:
        try:
            return os.readlink(self._look(path), dir_fd=self.fd)
        except OSError as error:
            raise mapped(error, path) from None

    def inode(self, path: str) -> tuple[int, int]:
        try:
            result = os.stat(self._look(path), dir_fd=self.fd)
        except OSError as error:
            raise mapped(error, path) from None
        return result.st_dev, result.st_ino

    def open(self, path: str) -> int:
        try:
            return os.open(self._look(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=self.fd)
        except OSError as error:
            raise mapped(error, path) from None


class RecordedProcfs:
    """Answers written down beforehand, for tests: path to content, or to ``->`` and where a link leads."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self.own = True
        self._files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    def pids(self) -> list[int]:
        return sorted({int(path.split("/")[0]) for path in self._files if path.split("/")[0].isdigit()})

    def listed(self) -> list[int]:
        return self.pids()

    def names(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        found = sorted({other[len(prefix) :].split("/")[0] for other in self._files if other.startswith(prefix)})
        if not found:
            raise Gone(f"{path}: No such file or directory")
        return found

    def _answer(self, path: str) -> bytes:
        try:
            return self._files[path]
        except KeyError:
            raise Gone(f"{path}: No such file or directory") from None

    def read(self, path: str, limit: int = _CHUNK) -> bytes:
        return self._answer(path)[:limit]

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes | HostError]:
        for path in paths:
            try:
                yield self.read(path)
            except HostError as error:
                yield error

    def link(self, path: str) -> str:
        answer = self._answer(path)
        if not answer.startswith(b"->"):
            raise Gone(f"{path}: not a link")
        return os.fsdecode(answer[2:].strip())

    def inode(self, path: str) -> tuple[int, int]:
        return 0, 1 + sorted(self._files).index(path) if path in self._files else 0

    def open(self, path: str) -> int:
        raise Gone(f"{path}: recorded by name only")


def ordinary_procfs(own: Procfs) -> LiveProcfs | None:
    """The ``/proc`` that is mounted, as every program of the host reads it; None where it is none of ours.

    It may be another pid namespace's, which says nothing of our processes, or no procfs at all: a file system that
    never answers.  So its mount is looked at first, by an ``own`` procfs.
    """
    try:
        folder = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fields = own.read(f"self/fdinfo/{folder}").split()
        number = int(fields[fields.index(b"mnt_id:") + 1])
        mounts = parse_mountinfo(os.fsdecode(own.read("self/mountinfo", _MOUNTINFO_LIMIT)))
        if not any(mount.mount_id == number and mount.filesystem == "proc" for mount in mounts):
            return None
        if os.readlink("self", dir_fd=folder) != str(os.getpid()):
            return None
        return LiveProcfs(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder))
    except (OSError, HostError, ValueError):
        return None
    finally:
        os.close(folder)
