"""What is mounted over that by which others see: ``/proc/PID``, files of the kernel's, programs.

The mount table itself cannot be covered where Davy reads it through a procfs of its own.  What containers, service
managers and sandboxes mount over ``/proc`` is honest, and is no cover here.

Source: proc_pid_mountinfo(5), mount_namespaces(7), lxcfs(1), the masked and read-only paths of the OCI runtime
specification, systemd.exec(5) (ProtectKernelTunables=, ProtectKernelLogs=), systemd-nspawn(1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from davy.collect.concealment.forgery import Shown, difference
from davy.host import Gone, Host, HostError, Kernel
from davy.host.mount_tree import MountTree, below
from davy.host.mounts import Mount, parse_mountinfo
from davy.host.packages import PackageDatabase, packages
from davy.host.stat import parse_stat
from davy.knowledge.honest_mounts import emulated, emulator, masked, untelling, usual
from davy.knowledge.observers import observer
from davy.model.concealment import Cover, CoverKind
from davy.model.facts import Gap, ProcessKey

_MOUNTINFO_LIMIT: Final = 16 << 20
_FILE_LIMIT: Final = 4 << 20
_PROGRAM_LIMIT: Final = 64 << 20
_COVERS_LIMIT: Final = 1000
_COMPARED_LIMIT: Final = 64
"""So many files of the kernel's are compared, and so many programs."""

_INITIAL_PID_NAMESPACE: Final = 0xEFFFFFFC
"""Its inode in every kernel.  Source: include/linux/proc_ns.h, PROC_PID_INIT_INO."""
_PROCESS: Final = re.compile(r"/proc/(\d{1,10})(?:/.*)?")
_PROGRAM: Final = re.compile(r"/(?:usr/(?:local/)?)?(?:s?bin|lib(?:32|64|x32|exec)?)/.+")


def first_look(host: Host, kernel: Kernel) -> Mapping[str, Shown]:
    """What covered files of the kernel's show as the window begins, by mount point; `covers` compares it with the end.

    Costs the reading of one file where nothing is covered.
    """
    try:
        tree = _own_tree(kernel)
    except HostError:
        return {}  # `covers` says so
    return _shown(host, kernel, _files_of_the_kernel(tree, kernel))


def covers(host: Host, kernel: Kernel, earlier: Mapping[str, Shown]) -> Iterator[Cover | Gap]:
    """Everything mounted over a process's folder, a file of the kernel's or a program, in mount order.

    That of the first process's mount namespace, too, where it is another.  ``earlier`` is what `first_look` saw.
    """
    try:
        tree = _own_tree(kernel)
    except HostError as error:
        yield Gap("covers", "the mount table", str(error))
        return
    trees = [(tree, False)]
    try:
        firsts = _tree(kernel, "1/mountinfo")
        if {mount.mount_id for mount in firsts.mounts}.isdisjoint(mount.mount_id for mount in tree.mounts):
            trees.append((firsts, True))  # a mount is in one namespace only
    except Gone:
        pass
    except HostError as error:
        yield Gap("covers", "the mounts that process 1 sees", str(error))
    ours = _ours(host, kernel)
    foreign = kernel.procfs.own and not ours and _ends_in_proc(tree)
    if foreign:
        yield Gap("covers", "the ordinary /proc", "another pid namespace's: what it shows was not compared")
    told = _Telling(host, kernel, earlier, ours=ours, foreign=foreign)
    seen: set[tuple[str, tuple[int, int], str]] = set()
    for each, elsewhere in trees:
        for mount, kind in _covering(each, host, kernel, elsewhere=elsewhere):
            what = (mount.point, mount.device, mount.root)
            if elsewhere and what in seen:
                continue  # our namespace was made from that one
            if len(seen) >= _COVERS_LIMIT:
                yield Gap("covers", "the rest", f"more than {_COVERS_LIMIT}")
                return
            seen.add(what)
            yield from told.cover(each, mount, kind, elsewhere=elsewhere)


def _own_tree(kernel: Kernel) -> MountTree:
    return _tree(kernel, "self/mountinfo")


def _tree(kernel: Kernel, name: str) -> MountTree:
    return MountTree(parse_mountinfo(os.fsdecode(kernel.procfs.read(name, _MOUNTINFO_LIMIT))))


def _ours(host: Host, kernel: Kernel) -> bool:
    """Whether the ordinary ``/proc`` can be compared with one of Davy's own, of the same pid namespace."""
    try:
        return kernel.procfs.own and host.root.readlink("/proc/self") == kernel.procfs.link("self")
    except HostError:
        return False


def _contained(kernel: Kernel) -> bool:
    """Whether Davy runs in another pid namespace than the machine's first, as in a container."""
    try:
        return kernel.procfs.inode("self/ns/pid")[1] != _INITIAL_PID_NAMESPACE
    except HostError:
        return False


def _covering(tree: MountTree, host: Host, kernel: Kernel, *, elsewhere: bool) -> Iterator[tuple[Mount, CoverKind]]:
    """The mounts of one table that cover something, and what; those that no path leads to any more cover nothing."""
    contained, seen_through = _contained(kernel), _ends_in_proc(tree)
    for mount in tree.mounts:
        kind = _kind(tree, mount, contained=contained)
        if kind is None or not tree.reachable(mount) or (seen_through and mount.point == "/proc"):
            continue
        if kind is not CoverKind.PROGRAM or _covers_a_file(host, mount, elsewhere=elsewhere):
            yield mount, kind


def _ends_in_proc(tree: MountTree) -> bool:
    """Whether ``/proc`` is a whole procfs, whatever it was mounted over."""
    top = tree.topmost("/proc")
    return top is not None and _whole_proc(top)


def _files_of_the_kernel(tree: MountTree, kernel: Kernel) -> list[Mount]:
    contained = _contained(kernel)
    return [
        mount
        for mount in tree.mounts
        if _kind(tree, mount, contained=contained) is CoverKind.KERNEL_FILE and tree.reachable(mount)
    ]


def _kind(tree: MountTree, mount: Mount, *, contained: bool) -> CoverKind | None:
    """What a mount covers; None for one that is honest, by what it is and where.

    What stands at the same point on a cover is one, whatever it is.
    """
    place = _place(mount.point)
    if place is None:
        return None
    stack = [mount, *(one for one in tree.ancestors(mount) if one.point == mount.point)]
    for one in stack:
        parent = tree.parent(one)
        if parent is not None and not _honest(one, parent, place, contained=contained):
            return place
    return None


def _place(point: str) -> CoverKind | None:
    if _PROCESS.fullmatch(point):
        return CoverKind.PROCESS
    if below(point, "/proc"):
        names = point.split("/")
        return None if len(names) > 2 and untelling(names[2]) else CoverKind.KERNEL_FILE
    if below(point, "/sys/module") or (below(point, "/sys/fs/cgroup") and point != "/sys/fs/cgroup"):
        return CoverKind.KERNEL_FILE
    return CoverKind.PROGRAM if _PROGRAM.fullmatch(point) else None


def _whole_proc(mount: Mount) -> bool:
    return mount.point == "/proc" and mount.filesystem == "proc" and mount.root == "/"


def _honest(mount: Mount, parent: Mount, place: CoverKind, *, contained: bool) -> bool:
    """Whether a mount is one of those that runtimes and service managers make."""
    if _same_thing(mount, parent) or _whole_proc(mount):
        return True
    if place is not CoverKind.KERNEL_FILE:
        return False
    point = mount.point
    if point.startswith("/sys/fs/cgroup/"):
        return parent.filesystem not in ("cgroup", "cgroup2") or mount.filesystem in ("cgroup", "cgroup2", "fuse.lxcfs")
    if mount.filesystem == "proc" and point == f"/proc{mount.root}":
        return True  # the same file of another procfs
    if contained and emulator(mount.filesystem, mount.source) and emulated(point):
        return True
    return masked(point, mount.root) or usual(point, mount.filesystem)


def _same_thing(mount: Mount, parent: Mount) -> bool:
    """Whether a mount is a bind of what lies below it: made to be read-only, it hides nothing."""
    inner = os.path.relpath(mount.point, parent.point)
    expected = parent.root if inner == "." else os.path.join(parent.root, inner)
    return mount.device == parent.device and mount.filesystem == parent.filesystem and mount.root == expected


def _covers_a_file(host: Host, mount: Mount, *, elsewhere: bool) -> bool:
    """Whether what is mounted among the programs is a file, as far as it can be looked at."""
    if not elsewhere:
        try:
            return host.root.lstat(mount.point).regular
        except HostError:
            pass  # such as one that may never answer
    return observer(os.path.basename(mount.point))


def _shown(host: Host, kernel: Kernel, mounts: list[Mount]) -> dict[str, Shown]:
    """What the covered files show now, those that cannot be read left out."""
    found: dict[str, Shown] = {}
    if not kernel.procfs.own:
        return found
    for point in dict.fromkeys(mount.point for mount in mounts[:_COMPARED_LIMIT]):
        if not point.startswith("/proc/"):
            continue
        name = point.removeprefix("/proc/")
        try:
            before = kernel.procfs.read(name, _FILE_LIMIT)
            ordinary = host.root.read(point, _FILE_LIMIT)
            time = kernel.uptime()
            found[point] = Shown(time, before, ordinary, kernel.procfs.read(name, _FILE_LIMIT))
        except HostError:
            continue
    return found


class _Telling:
    """Covers, with what can be told of them."""

    def __init__(self, host: Host, kernel: Kernel, earlier: Mapping[str, Shown], *, ours: bool, foreign: bool) -> None:
        self._host, self._kernel, self._earlier, self._ours, self._foreign = host, kernel, earlier, ours, foreign
        self._left = _COMPARED_LIMIT

    def cover(self, tree: MountTree, mount: Mount, kind: CoverKind, *, elsewhere: bool) -> Iterator[Cover | Gap]:
        """The cover that a mount is."""
        process = _PROCESS.fullmatch(mount.point)
        pid = int(process[1]) if process else None
        visible = not elsewhere and tree.topmost(mount.point) is mount
        forged = None
        if visible and kind is CoverKind.PROGRAM:
            forged = self._replaced(mount)
        elif visible and kind is CoverKind.KERNEL_FILE:
            if not self._kernel.procfs.own:
                yield Gap("covers", mount.point, "covered by a mount, and no procfs of our own to compare it with")
            elif mount.point == "/proc":
                forged = self._whole(mount.point)
            elif self._ours and mount.point.startswith("/proc/"):
                forged = self._forged(mount)
        yield Cover(
            kind=kind,
            point=mount.point,
            mount_id=mount.mount_id,
            parent_id=mount.parent_id,
            filesystem=mount.filesystem,
            source=mount.source,
            root=mount.root,
            device=mount.device,
            pid=pid,
            hides=self._hides(pid) if pid is not None else None,
            forged=forged,
            origin=self._origin(tree, mount) if visible else None,
            elsewhere=elsewhere,
        )

    def _hides(self, pid: int) -> str | None:
        """The living process whose folder is covered, seen through Davy's own procfs."""
        if not self._kernel.procfs.own or self._foreign:
            return None  # unseen below the cover, or a pid of another namespace
        try:
            return ProcessKey(pid, parse_stat(self._kernel.procfs.read(f"{pid}/stat")).start_ticks).subject
        except HostError:
            return None

    def _forged(self, mount: Mount) -> str | None:
        name = mount.point.removeprefix("/proc/")
        try:
            below_it = self._kernel.procfs.names(name)
        except HostError:
            below_it = None
        if below_it is not None:
            return self._unlisted(mount.point, below_it)
        second = _shown(self._host, self._kernel, [mount]).get(mount.point)
        if second is None:
            return self._no_file(mount.point)
        first = self._earlier.get(mount.point) or second
        return difference(name, first, second, self._kernel.ticks_per_second)

    def _no_file(self, point: str) -> str | None:
        """What stands where the kernel has a file, and is none."""
        try:
            return None if self._host.root.lstat(point).regular else "is no file where the kernel has one"
        except HostError:
            return None

    def _unlisted(self, point: str, names: list[str]) -> str | None:
        """Names of a folder of the kernel's that the cover does not have."""
        try:
            missing = sorted(set(names) - set(self._host.root.names(point)))
        except HostError:
            return None
        return f"does not have {', '.join(missing[:5])}" if missing else None

    def _whole(self, point: str) -> str | None:
        try:
            shown = {name for name in self._host.root.names(point) if name.isdigit()}
            missing = {str(pid) for pid in self._kernel.procfs.pids()} - shown
            missing &= {str(pid) for pid in self._kernel.procfs.pids()}
        except HostError:
            return None
        return f"shows {len(missing)} processes fewer than the kernel has" if missing else None

    def _replaced(self, mount: Mount) -> str | None:
        """Whether the file that is mounted over a program is another than its package installed."""
        self._left -= 1
        if self._left < 0:
            return None
        owner = self._owner(mount.point)
        if owner is None:
            return None
        try:
            digest = self._host.root.digest(mount.point, _PROGRAM_LIMIT, self._packages.kinds)
            if digest is None or self._packages.unmodified(mount.point, owner, digest) is not False:
                return None
        except HostError:
            return None
        return f"is another file than the package {owner} installed"

    @cached_property
    def _packages(self) -> PackageDatabase:
        return packages(self._host.root, forgiving=True)

    def _owner(self, path: str) -> str | None:
        """The installed package that put a file there."""
        return self._packages.owners([path]).get(path)

    def _origin(self, tree: MountTree, mount: Mount) -> str | None:
        """Where the mounted file lies by its own name, found through another mount of its file system."""
        if mount.root == "/" or mount.may_hang:
            return None
        homes = [
            one
            for one in tree.mounts
            if one.device == mount.device and one.mount_id != mount.mount_id and below(mount.root, one.root)
            if not one.may_hang and tree.reachable(one) and not below(one.point, mount.point)
        ]
        for home in sorted(homes, key=lambda one: -len(one.root)):
            path = os.path.normpath(os.path.join(home.point, os.path.relpath(mount.root, home.root)))
            try:
                here, there = self._host.root.lstat(mount.point), self._host.root.lstat(path)
            except HostError:
                continue
            if here.regular and (here.device, here.inode) == (there.device, there.inode):
                return None if self._owner(path) else path
        return None
