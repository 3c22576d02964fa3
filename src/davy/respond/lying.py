"""Where a file lies that a process sees: among a container's own files, or on the host, which may need it.

A path, a control group and a folder's name are words of whoever runs there.  By which mount a file is reached, and
what of which file system that mount shows, is the kernel's.

Source: proc_pid_mountinfo(5), proc_pid_fdinfo(5) (``mnt_id``).
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final, NamedTuple

from davy.host import DirectoryRoot, Host, HostError, Kernel, Refused
from davy.host.mounts import Mount, parse_mountinfo
from davy.host.procfs import FILE_LIMIT
from davy.model.containers import Container

_LAYERED: Final = frozenset({"overlay", "aufs"})
"""File systems that keep what is changed in them apart from what they were laid over."""


class Lying(NamedTuple):
    """Where a file lies."""

    outside: str | None
    """Its path on the host; None where no mount of the host's shows it."""
    own: bool
    """Whether it is one of the files that a container was made of, which nobody else has."""


def lying(host: Host, kernel: Kernel, root: DirectoryRoot, pid: int, path: str, container: Container | None) -> Lying:
    """Where the regular file lies that is at ``path``, without links, in the root of a process.

    Raises `HostError`, also where the process has a root of which the kernel tells no mount.
    """
    with root.open_regular(path) as descriptor:
        information = os.fsdecode(kernel.procfs.read(f"self/fdinfo/{descriptor}"))
        found = os.fstat(descriptor)
    number = next((int(line.split()[1]) for line in information.splitlines() if line.startswith("mnt_id:")), None)
    mount = next((one for one in _mounts(kernel, str(pid)) if one.mount_id == number), None)
    if mount is None or not _below(path, mount.point):
        raise Refused(f"{path}: of what it is a file cannot be told")
    there = _joined(mount.root, path.removeprefix(mount.point.rstrip("/")))
    if mount.point == "/" and mount.filesystem in _LAYERED:
        return Lying(None, own=True)
    for one in _mounts(kernel, "self"):
        if one.device == mount.device and _below(there, one.root):
            outside = _joined(one.point, there.removeprefix(one.root.rstrip("/")))
            with suppress(HostError):
                seen = host.root.lstat(outside)
                if (seen.device, seen.inode) == (found.st_dev, found.st_ino):
                    return Lying(outside, own=_made_of(host, container, outside))
    return Lying(None, own=False)


def _made_of(host: Host, container: Container | None, outside: str) -> bool:
    """Whether a file lies where a runtime of root's keeps a container's files."""
    layer = container.layer if container is not None else None
    if container is None or not layer or not layer.strip("/") or container.state_file is None:
        return False
    try:
        return host.root.lstat(container.state_file).uid == 0 and _below(outside, layer)
    except HostError:
        return False


def _mounts(kernel: Kernel, pid: str) -> tuple[Mount, ...]:
    return parse_mountinfo(os.fsdecode(kernel.procfs.read(f"{pid}/mountinfo", FILE_LIMIT)))


def _below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


def _joined(folder: str, rest: str) -> str:
    return f"{folder.rstrip('/')}/{rest.strip('/')}".rstrip("/") or "/"
