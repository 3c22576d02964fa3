"""The mount table, and the file systems that may never answer.  Source: proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "lustre", "afs", "ocfs2", "gfs2",
     "autofs", "sshfs", "davfs", "ncpfs", "beegfs", "gpfs", "coda"}
)  # fmt: skip
"""File systems whose server may be gone: reading one can block for ever."""

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_PROCESS_FOLDER: Final = re.compile(r"/proc/(\d{1,10})(?:/|$)")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


class Mount(Struct, frozen=True):
    """One line of mountinfo."""

    point: str
    filesystem: str
    source: str
    device: tuple[int, int]
    root: str
    """The path within the file system that is mounted."""
    mount_id: int = 0
    parent_id: int = 0
    """The mount it is mounted on; its own where that is not in this mount namespace."""
    options: str = ""
    """Those of the file system, comma-separated: ``rw,name=systemd``.  Not those of this mount alone."""

    @property
    def may_hang(self) -> bool:
        return self.filesystem in REMOTE or self.filesystem.startswith("fuse")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The mounts of one mount namespace, in mount order; lines of another shape are passed over."""
    mounts = []
    for line in text.split("\n"):  # a path may hold every other end of a line
        before, dash, after = line.partition(" - ")
        fields, tail = before.split(" "), after.split(" ")
        if not dash or len(fields) < 6 or len(tail) < 2:
            continue
        major, _, minor = fields[2].partition(":")
        numbers = (major, minor, fields[0], fields[1])
        if not all(_NUMBER.fullmatch(number) for number in numbers):
            continue
        mounts.append(
            Mount(
                point=_unescaped(fields[4]),
                filesystem=tail[0],
                source=_unescaped(tail[1]),
                device=(int(major), int(minor)),
                root=_unescaped(fields[3]),
                mount_id=int(fields[0]),
                parent_id=int(fields[1]),
                options=_unescaped(tail[2]) if len(tail) > 2 else "",
            )
        )
    return tuple(mounts)


def hanging_points(mounts: tuple[Mount, ...]) -> tuple[str, ...]:
    """Mount points below which Davy does not read: not those where what answers at once is mounted on what may not.

    So systemd has ``binfmt_misc`` mounted on an autofs when somebody first looks.
    """
    over = {(mount.parent_id, mount.point) for mount in mounts if not mount.may_hang}
    return tuple(
        mount.point.rstrip("/") + "/"
        for mount in mounts
        if mount.may_hang and (mount.mount_id, mount.point) not in over
    )


def covered_processes(mounts: tuple[Mount, ...]) -> frozenset[int]:
    """The processes at or below whose folder in ``/proc`` something is mounted, which may never answer."""
    return frozenset(int(found[1]) for mount in mounts if (found := _PROCESS_FOLDER.match(mount.point)))
