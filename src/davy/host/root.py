"""A root of files: the live ``/``, a mounted image or container, or a tree in memory.

Reads are bounded, never block on a FIFO or a device, and never follow a link out of the root.
Paths are absolute within the root; text is decoded with ``surrogateescape``.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

from msgspec import Struct

from davy.host import holes
from davy.host.digests import IDENTITY, Digest, SumKind, digest_of, digest_of_bytes
from davy.host.errors import Gone, Refused, mapped
from davy.host.mounts import hanging_points, parse_mountinfo
from davy.host.procfs import FILE_LIMIT, Procfs
from davy.host.syscalls import (
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    birth_time,
    immutable,
    openat2,
)

READ_LIMIT: Final = 1 << 20
"""Bytes read of one file unless the caller says otherwise."""
NAMES_LIMIT: Final = 20_000
"""Names listed of one folder."""
_LINKS_LIMIT: Final = 40


class FileStat(Struct, frozen=True, kw_only=True):
    """What stat(2) says, times in seconds since the epoch."""

    mode: int
    uid: int = 0
    gid: int = 0
    device: int = 0
    inode: int = 0
    links: int = 1
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    birth: float | None = None
    immutable: bool | None = None
    """Whether nobody can change it (``chattr +i``); None where that was not asked or the file system does not say."""

    @property
    def mtime(self) -> float:
        return self.mtime_ns / 1e9

    @property
    def ctime(self) -> float:
        return self.ctime_ns / 1e9

    @property
    def regular(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def link(self) -> bool:
        return stat.S_ISLNK(self.mode)


class OpenFile(Protocol):
    """A regular file that is read piecewise."""

    size: int
    """Bytes it had when it was opened."""

    def pread(self, size: int, offset: int) -> bytes:
        """The bytes at ``offset``, fewer than ``size`` only where the file ends.  Raises `HostError`."""

    def fill(self, buffer: memoryview, offset: int) -> int:
        """The same into a buffer that is used again and again; how many they were.  Raises `HostError`."""

    def data(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts between that are no holes."""


class Root(Protocol):
    """What collectors may ask of a file tree.  Every method raises `HostError`."""

    live: bool

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """At most ``limit`` bytes of a regular file, links followed within the root."""

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted."""

    def stat(self, path: str) -> FileStat:
        """Of what the path leads to, links followed within the root."""

    def lstat(self, path: str) -> FileStat:
        """Of the name itself, its last link not followed; with `FileStat.immutable`."""

    def readlink(self, path: str) -> str:
        """Where a symbolic link points, as it is written."""

    def digest(self, path: str, limit: int, kinds: Iterable[SumKind] = IDENTITY) -> Digest | None:
        """Hashes of a regular file, those of ``kinds``; None when it is larger than ``limit`` bytes."""

    def opened(self, path: str) -> AbstractContextManager[OpenFile]:
        """A regular file to read in pieces, links followed within the root."""


def file_stat(result: os.stat_result, birth: float | None = None, *, locked: bool | None = None) -> FileStat:
    return FileStat(
        mode=result.st_mode, uid=result.st_uid, gid=result.st_gid, device=result.st_dev, inode=result.st_ino,
        links=result.st_nlink, size=result.st_size, mtime_ns=result.st_mtime_ns, ctime_ns=result.st_ctime_ns,
        birth=birth, immutable=locked,
    )  # fmt: skip


class _Descriptor:
    """An `OpenFile` of the kernel's."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor, self._path = descriptor, path
        self.size = os.fstat(descriptor).st_size

    def pread(self, size: int, offset: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise mapped(error, self._path) from None

    def fill(self, buffer: memoryview, offset: int) -> int:
        try:
            return os.preadv(self._descriptor, [buffer], offset)
        except OSError as error:
            raise mapped(error, self._path) from None

    def data(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        return holes.data(self._descriptor, begin, end)


class DirectoryRoot:
    """The tree below a folder; ``/`` makes it the live host's."""

    def __init__(self, directory: str) -> None:
        self.live = os.path.realpath(directory) == "/"
        try:
            self._fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise mapped(error, directory) from None
        self._hanging: tuple[str, ...] = ()
        self._kernel_resolves = True
        try:
            with open("/proc/self/mountinfo", "rb") as mountinfo:
                points = hanging_points(parse_mountinfo(os.fsdecode(mountinfo.read(4 << 20))))
        except OSError:
            return
        below = os.path.realpath(directory).rstrip("/")
        self._hanging = tuple(
            point[len(below) :]
            for point in points
            if point.startswith(f"{below}/") and (self.live or point != f"{below}/")
        )

    @classmethod
    def of_process(cls, procfs: Procfs, pid: int) -> DirectoryRoot:
        """What a process sees as ``/``, with its mounts: a container's files.  Raises `HostError`."""
        mounts = parse_mountinfo(os.fsdecode(procfs.read(f"{pid}/mountinfo", FILE_LIMIT)))
        root = cls.__new__(cls)
        root.live, root._kernel_resolves, root._hanging = False, True, hanging_points(mounts)
        if "/" in root._hanging:
            raise Refused(f"{pid}/root: on a network or FUSE file system, which may never answer")
        root._fd = procfs.open(f"{pid}/root")
        return root

    def close(self) -> None:
        """Let go of the folder; nothing can be read afterwards."""
        os.close(self._fd)

    def _open(self, path: str, flags: int) -> int:
        if self._kernel_resolves and not self._hangs(path):
            resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (RESOLVE_NO_SYMLINKS if self._hanging else 0)
            try:
                return openat2(self._fd, os.fsencode(path).lstrip(b"/") or b".", flags, resolve)
            except OSError as error:
                if error.errno in (errno.ENOSYS, errno.EPERM):
                    self._kernel_resolves = False
                elif not (self._hanging and error.errno == errno.ELOOP):
                    raise
        return self._open_by_component(path, flags)

    def _hangs(self, path: str) -> bool:
        """Whether a path without links lies on a mount that may hang."""
        return bool(self._hanging) and f"/{os.path.normpath(path).lstrip('/')}/".startswith(self._hanging)

    def _open_by_component(self, path: str, flags: int) -> int:
        """The same without openat2(2), or where a link may lead to a mount that may hang."""
        todo = [part for part in path.split("/") if part not in ("", ".")][::-1]
        follow_last = not flags & os.O_NOFOLLOW
        chain, names, links = [os.dup(self._fd)], [""], 0
        try:
            while todo:
                part = todo.pop()
                if part == "..":
                    if len(chain) > 1:
                        os.close(chain.pop())
                        names.pop()
                    continue
                if f"{'/'.join([*names, part])}/".startswith(self._hanging or ("\0",)):
                    raise OSError(errno.ENOTSUP, "a network or FUSE file system, which may never answer")
                found = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=chain[-1])
                if stat.S_ISLNK(os.fstat(found).st_mode) and (todo or follow_last):
                    target = os.readlink(b"", dir_fd=found)
                    os.close(found)
                    links += 1
                    if links > _LINKS_LIMIT:
                        raise OSError(errno.ELOOP, "too many links")
                    if target.startswith(b"/"):
                        while len(chain) > 1:
                            os.close(chain.pop())
                            names.pop()
                    todo += [p for p in os.fsdecode(target).split("/") if p not in ("", ".")][::-1]
                    continue
                chain.append(found)
                names.append(part)
            if flags & os.O_PATH:
                return os.dup(chain[-1])
            if len(chain) == 1:
                return os.open(".", flags | os.O_CLOEXEC, dir_fd=self._fd)
            return os.open(names[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=chain[-2])
        finally:
            for descriptor in chain:
                os.close(descriptor)

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        try:
            descriptor = self._open(path, flags)
        except OSError as error:
            raise mapped(error, path) from None
        try:
            yield descriptor
        except OSError as error:
            raise mapped(error, path) from None
        finally:
            os.close(descriptor)

    @contextmanager
    def open_folder(self, path: str) -> Iterator[int]:
        """A descriptor to list a folder by; the last link of its path is not followed."""
        with self._opened(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK) as descriptor:
            yield descriptor

    def hangs(self, path: str) -> bool:
        """Whether a path without links is that of a mount that may never answer, or below one: not even looked at."""
        return self._hangs(path)

    @contextmanager
    def open_regular(self, path: str) -> Iterator[int]:
        """A descriptor to read a regular file by; looked at before it is opened, so no device or FIFO is."""
        try:
            looked = self._open(path, os.O_PATH)
            try:
                before = os.fstat(looked)
            finally:
                os.close(looked)
            if not stat.S_ISREG(before.st_mode):
                raise Refused(f"{path}: not a regular file")
            descriptor = self._open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | self._unseen(before))
        except OSError as error:
            raise mapped(error, path) from None
        try:
            now = os.fstat(descriptor)
            if (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino):
                raise Refused(f"{path}: changed while it was opened")
            yield descriptor
        except OSError as error:
            raise mapped(error, path) from None
        finally:
            os.close(descriptor)

    @staticmethod
    def _unseen(file: os.stat_result) -> int:
        """The flag by which reading leaves no access time behind, where we may use it.  Source: open(2), O_NOATIME."""
        return os.O_NOATIME if os.geteuid() in (0, file.st_uid) else 0

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        with self.open_regular(path) as descriptor:
            chunks, left = [], limit
            while left > 0 and (chunk := os.read(descriptor, min(left, 1 << 18))):
                chunks.append(chunk)
                left -= len(chunk)
            return b"".join(chunks)

    def names(self, path: str) -> list[str]:
        with (
            self._opened(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK) as descriptor,
            os.scandir(descriptor) as it,
        ):
            found = []
            for entry in it:
                found.append(entry.name)
                if len(found) > NAMES_LIMIT:
                    raise Refused(f"{path}: more than {NAMES_LIMIT} names")
            return sorted(found)

    def stat(self, path: str) -> FileStat:
        with self._opened(path, os.O_PATH) as descriptor:
            return file_stat(os.fstat(descriptor), birth_time(descriptor))

    def lstat(self, path: str) -> FileStat:
        with self._opened(path, os.O_PATH | os.O_NOFOLLOW) as descriptor:
            return file_stat(os.fstat(descriptor), birth_time(descriptor), locked=immutable(descriptor))

    def readlink(self, path: str) -> str:
        with self._opened(path, os.O_PATH | os.O_NOFOLLOW) as descriptor:
            try:
                return os.fsdecode(os.readlink(b"", dir_fd=descriptor))
            except OSError as error:
                if error.errno == errno.ENOENT:
                    raise Refused(f"{path}: not a link") from None
                raise

    def digest(self, path: str, limit: int, kinds: Iterable[SumKind] = IDENTITY) -> Digest | None:
        with self.open_regular(path) as descriptor:
            return digest_of(descriptor, limit, kinds)

    @contextmanager
    def opened(self, path: str) -> Iterator[OpenFile]:
        with self.open_regular(path) as descriptor:
            yield _Descriptor(descriptor, path)


class Entry(Struct, frozen=True):
    """A file of a `MemoryRoot`: its content, or where the link points."""

    content: bytes = b""
    mode: int = 0o100644
    uid: int = 0
    gid: int = 0
    mtime: float = 0.0
    target: str | None = None
    immutable: bool | None = None


class InMemory:
    """An `OpenFile` of bytes that are there already."""

    def __init__(self, content: bytes) -> None:
        self._content, self.size = content, len(content)

    def pread(self, size: int, offset: int) -> bytes:
        return self._content[offset : offset + size]

    def fill(self, buffer: memoryview, offset: int) -> int:
        part = self._content[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        return len(part)

    def data(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        yield begin, min(end, self.size)


class MemoryRoot:
    """A tree in memory, for tests: absolute path to content or `Entry`.  Folders exist by their files."""

    def __init__(self, files: Mapping[str, bytes | str | Entry]) -> None:
        self.live = False
        self._files = {
            path: value if isinstance(value, Entry) else Entry(value.encode() if isinstance(value, str) else value)
            for path, value in files.items()
        }
        self._folders = {"/"}
        for path in self._files:
            parent = os.path.dirname(path)
            while parent not in self._folders:
                self._folders.add(parent)
                parent = os.path.dirname(parent)

    def _resolved(self, path: str, follow_last: bool = True) -> str:
        todo = [part for part in path.split("/") if part not in ("", ".")][::-1]
        here, links = "", 0
        while todo:
            part = todo.pop()
            if part == "..":
                here = os.path.dirname(here) if here else ""
                continue
            entry = self._files.get(f"{here}/{part}")
            if entry is not None and entry.target is not None and (todo or follow_last):
                links += 1
                if links > _LINKS_LIMIT:
                    raise Refused(f"{path}: too many links")
                if entry.target.startswith("/"):
                    here = ""
                todo += [p for p in entry.target.split("/") if p not in ("", ".")][::-1]
                continue
            here = f"{here}/{part}"
        return here or "/"

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        entry = self._entry(self._resolved(path), path)
        if not stat.S_ISREG(entry.mode):
            raise Refused(f"{path}: not a regular file")
        return entry.content[:limit]

    def _entry(self, resolved: str, path: str) -> Entry:
        entry = self._files.get(resolved)
        if entry is None:
            if resolved in self._folders:
                raise Refused(f"{path}: Is a directory")
            raise Gone(f"{path}: No such file or directory")
        return entry

    def names(self, path: str) -> list[str]:
        folder = self._resolved(path)
        if folder not in self._folders:
            raise Gone(f"{path}: No such file or directory")
        prefix = folder.rstrip("/") + "/"
        return sorted(
            {
                other[len(prefix) :].split("/")[0]
                for other in (*self._files, *self._folders)
                if other.startswith(prefix) and other != prefix
            }
        )

    def _stat(self, resolved: str, path: str) -> FileStat:
        if resolved in self._folders:
            return FileStat(mode=0o040755)
        entry = self._entry(resolved, path)
        mode = 0o120777 if entry.target is not None else entry.mode
        return FileStat(
            mode=mode, uid=entry.uid, gid=entry.gid, size=len(entry.content), device=1,
            inode=1 + sorted(self._files).index(resolved), mtime_ns=int(entry.mtime * 1e9),
            ctime_ns=int(entry.mtime * 1e9), immutable=entry.immutable,
        )  # fmt: skip

    def stat(self, path: str) -> FileStat:
        return self._stat(self._resolved(path), path)

    def lstat(self, path: str) -> FileStat:
        return self._stat(self._resolved(path, follow_last=False), path)

    def readlink(self, path: str) -> str:
        target = self._entry(self._resolved(path, follow_last=False), path).target
        if target is None:
            raise Refused(f"{path}: not a link")
        return target

    def digest(self, path: str, limit: int, kinds: Iterable[SumKind] = IDENTITY) -> Digest | None:
        content = self.read(path, limit + 1)
        if len(content) > limit:
            return None
        return digest_of_bytes(content, kinds)

    @contextmanager
    def opened(self, path: str) -> Iterator[OpenFile]:
        entry = self._entry(self._resolved(path), path)
        if not stat.S_ISREG(entry.mode):
            raise Refused(f"{path}: not a regular file")
        yield InMemory(entry.content)
