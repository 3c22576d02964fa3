"""Whether a plain listing shows what the kernel has.  Source: proc_pid_mountinfo(5), proc_modules(5)."""

from __future__ import annotations

import os
import re
from typing import Final

from davy.host import Gone, Host, HostError, Kernel
from davy.host.mounts import parse_mountinfo
from davy.host.procfs import ordinary_pids
from davy.model.facts import Gap, Views

_PROCESS_FOLDER: Final = re.compile(r"/proc/(\d+)(?:/|$)")
_MOUNTINFO_LIMIT: Final = 4 << 20


def process_views(host: Host, kernel: Kernel) -> Views | Gap:
    """How many processes Davy's own procfs has, and how many the ordinary ``/proc`` omits or has covered by a mount."""
    try:
        mounts = parse_mountinfo(os.fsdecode(host.root.read("/proc/self/mountinfo", _MOUNTINFO_LIMIT)))
        covered = {int(match[1]) for mount in mounts if (match := _PROCESS_FOLDER.match(mount.point))}
        own = set(kernel.procfs.pids())
        listed = ordinary_pids()
        missing = (own - listed) | (own & covered)
        if not missing:
            return Views(len(own), 0)
        still = missing & set(kernel.procfs.pids())
        again = ordinary_pids()
        return Views(len(own), len({pid for pid in still if pid in covered or pid not in again}))
    except HostError as error:
        return Gap("processes", "the ordinary /proc", str(error))


def module_views(host: Host, kernel: Kernel) -> Views | Gap:
    """How many modules are loaded by ``/sys/module``, and how many of them ``/proc/modules`` does not list."""
    try:
        listed = {os.fsdecode(line.split(b" ")[0]) for line in kernel.procfs.read("modules", 1 << 20).splitlines()}
    except Gone:
        return Views(0, 0)  # a kernel without loadable modules
    except HostError as error:
        return Gap("modules", "/proc/modules", str(error))
    try:
        present = {name for name in host.root.names("/sys/module") if _loaded(host, name)}
    except HostError as error:
        return Gap("modules", "/sys/module", str(error))
    return Views(len(present | listed), len(present - listed))


def _loaded(host: Host, module: str) -> bool:
    """A loaded module has a state; a built-in one that only has parameters does not."""
    try:
        host.root.lstat(f"/sys/module/{module}/initstate")
    except HostError:
        return False
    return True
