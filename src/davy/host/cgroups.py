"""Where the unified control group hierarchy is, who is in a group, and every group there is.

Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, Documentation/admin-guide/cgroup-v1/cgroups.rst.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from msgspec import Struct

from davy.host.errors import Gone, HostError, Refused, mapped
from davy.host.mounts import Mount, parse_mountinfo
from davy.host.procfs import Procfs
from davy.host.syscalls import bare_mount

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOUNTINFO_LIMIT: Final = 4 << 20
_MEMBERS_LIMIT: Final = 4 << 20
_CHUNK: Final = 1 << 16
_NO_MEMBERS: Final = frozenset({errno.EOPNOTSUPP, errno.ENODEV})
"""What reading answers in a threaded group, and in one that has gone."""
GROUPS_LIMIT: Final = 20_000
DEPTH_LIMIT: Final = 64


def _mounts(procfs: Procfs) -> tuple[Mount, ...]:
    return parse_mountinfo(os.fsdecode(procfs.read("self/mountinfo", _MOUNTINFO_LIMIT)))


def cgroup_mount(procfs: Procfs) -> str | None:
    """The mount point of cgroup2; it may be the second of two hierarchies.  None where there is none."""
    try:
        mounts = _mounts(procfs)
    except HostError:
        return None
    return next((mount.point for mount in mounts if mount.filesystem == "cgroup2" and mount.root == "/"), None)


def members_of(group: str) -> list[int]:
    """Pids of the processes in a control group; none when it has gone."""
    try:
        with open(os.path.join(group, "cgroup.procs")) as file:
            return [int(line) for line in file if line.strip().isdigit()]
    except OSError:
        return []


class Group(Struct, frozen=True):
    """One control group, as it was when it was looked at."""

    path: str
    """As ``/proc/PID/cgroup`` has it: ``/`` is the root."""
    pids: tuple[int, ...]
    """Its processes, those of groups below it not among them.  None in a threaded group: its root lists them."""
    strangers: int
    """How many more it has that have no pid in our pid namespace."""
    cpu_seconds: float | None
    """What it and the groups below it have taken since it was made; None where that is not counted (version 1)."""
    threads: tuple[int, ...] | None = None
    """Its threads; None when they were not asked for."""


class Groups(Struct, frozen=True):
    """Every control group of one hierarchy."""

    version: int
    groups: tuple[Group, ...]
    """Each after the one it is in."""
    whole: bool
    """Whether there were no more than Davy looks at, and all could be read."""
    bare: bool
    """Whether they were read below everything that somebody may have mounted over one of them."""


def hierarchy(mounts: tuple[Mount, ...]) -> tuple[Mount, int] | None:
    """The mount to read groups from, and its version: the unified one, or else systemd's named one, or else any."""
    unified = [mount for mount in mounts if mount.filesystem == "cgroup2"]
    older = [mount for mount in mounts if mount.filesystem == "cgroup"]
    named = [mount for mount in older if "name=systemd" in mount.options.split(",")]
    for version, some in ((2, unified), (1, named), (1, older)):
        if some:
            return min(some, key=lambda mount: len(mount.root)), version
    return None


def parse_ids(data: bytes) -> tuple[tuple[int, ...], int]:
    """The ids in ``cgroup.procs``, and how many zeros; a line that is no number is passed over."""
    ids = [int(line) for line in data.split() if len(line) <= 10 and line.isdigit()]
    known = tuple(number for number in ids if number)
    return known, len(ids) - len(known)


def parse_usage(data: bytes) -> float | None:
    """``usage_usec`` of ``cpu.stat``, in seconds; None when it is not there."""
    for line in data.splitlines():
        name, _, value = line.partition(b" ")
        if name == b"usage_usec" and len(value) <= 20 and value.isdigit():
            return int(value) / 1e6
    return None


def every_group(
    procfs: Procfs, *, threads: bool = False, limit: int = GROUPS_LIMIT, depth: int = DEPTH_LIMIT
) -> Groups:
    """All control groups with their processes, and their threads when asked.

    Raises `Gone` where no hierarchy is mounted, `Refused` where something else is mounted over it.
    """
    found = hierarchy(_mounts(procfs))
    if found is None:
        raise Gone("control groups: no hierarchy is mounted")
    mount, version = found
    root, bare = _root(mount)
    try:
        walk = _Walk(version, threads, limit, depth)
        walk.into(root, mount.root, 0)
    finally:
        os.close(root)
    return Groups(version, tuple(walk.groups), walk.whole, bare)


def _root(mount: Mount) -> tuple[int, bool]:
    point = os.fsencode(mount.point)
    try:
        try:
            root, bare = bare_mount(point), True
        except OSError:
            root, bare = os.open(point, _FOLDER), False
    except OSError as error:
        raise mapped(error, mount.point) from None
    if os.fstat(root).st_dev != os.makedev(*mount.device):
        os.close(root)
        raise Refused(f"{mount.point}: something else is mounted over the control groups")
    return root, bare


class _Walk:
    """One descent.  Folders are opened below their parent, so that no link and no renaming leads elsewhere."""

    def __init__(self, version: int, threads: bool, limit: int, depth: int) -> None:
        self._cpu = version == 2
        self._threads = ("cgroup.threads" if version == 2 else "tasks") if threads else None
        self._limit, self._depth = limit, depth
        self.groups: list[Group] = []
        self.whole = True

    def into(self, folder: int, path: str, depth: int) -> None:
        if len(self.groups) >= self._limit or depth > self._depth:
            self.whole = False
            return
        self._look(folder, path)
        try:
            if os.fstat(folder).st_nlink == 2:
                return  # a group has one more link for each below it
            with os.scandir(folder) as entries:
                below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            self.whole = False
            return
        for name in below:
            try:
                inner = os.open(name, _FOLDER, dir_fd=folder)
            except FileNotFoundError:
                continue
            except OSError:
                self.whole = False
                continue
            try:
                self.into(inner, f"{path.rstrip('/')}/{name}", depth + 1)
            finally:
                os.close(inner)

    def _look(self, folder: int, path: str) -> None:
        pids, strangers = parse_ids(self._read(folder, "cgroup.procs", _MEMBERS_LIMIT))
        usage = parse_usage(self._read(folder, "cpu.stat", _CHUNK)) if self._cpu else None
        threads = parse_ids(self._read(folder, self._threads, _MEMBERS_LIMIT))[0] if self._threads else None
        self.groups.append(Group(path, pids, strangers, usage, threads))

    def _read(self, folder: int, name: str, limit: int) -> bytes:
        """Empty when the group has gone, or is a threaded one that lists no processes."""
        try:
            file = os.open(name, _FILE, dir_fd=folder)
        except FileNotFoundError:
            return b""
        except OSError:
            self.whole = False
            return b""
        chunks, left = [], limit
        try:
            while left > 0 and (data := os.read(file, min(left, _CHUNK))):
                chunks.append(data)
                left -= len(data)
        except OSError as error:
            if error.errno not in _NO_MEMBERS:
                self.whole = False
        finally:
            os.close(file)
        if left <= 0:
            self.whole = False
        return b"".join(chunks)
