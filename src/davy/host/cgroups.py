"""Where the unified control group hierarchy is, and who is in a group.  Source: cgroups(7)."""

from __future__ import annotations

import os

from davy.host.errors import HostError
from davy.host.mounts import parse_mountinfo
from davy.host.procfs import Procfs


def cgroup_mount(procfs: Procfs) -> str | None:
    """The mount point of cgroup2; it may be the second of two hierarchies.  None where there is none."""
    try:
        mounts = parse_mountinfo(os.fsdecode(procfs.read("self/mountinfo", 4 << 20)))
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
