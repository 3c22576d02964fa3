"""Whether a plain listing shows the processes that the kernel has.  Source: proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
import re
from typing import Final

from davy.host import Host, HostError, Kernel
from davy.host.mounts import parse_mountinfo
from davy.host.procfs import ordinary_pids
from davy.model.concealment import ProcessRow, ProcessTable, View
from davy.model.facts import Gap

_PROCESS_FOLDER: Final = re.compile(r"/proc/(\d+)(?:/|$)")
_MOUNTINFO_LIMIT: Final = 4 << 20


def process_table(host: Host, kernel: Kernel) -> ProcessTable | Gap:
    """Every process of Davy's own procfs, and whether the ordinary ``/proc`` omits it or has it covered by a mount."""
    try:
        mounts = parse_mountinfo(os.fsdecode(host.root.read("/proc/self/mountinfo", _MOUNTINFO_LIMIT)))
        covered = {int(match[1]) for mount in mounts if (match := _PROCESS_FOLDER.match(mount.point))}
        own = set(kernel.procfs.pids())
        missing = own - ordinary_pids()
        missing &= set(kernel.procfs.pids())
        missing -= ordinary_pids()
    except HostError as error:
        return Gap("processes", "the ordinary /proc", str(error))
    kernels = frozenset({View.PIDFD, View.SIGNAL})
    return ProcessTable(
        columns=(View.LISTING, View.OWN_LISTING),
        rows=tuple(
            ProcessRow(
                pid=pid,
                start_ticks=0,
                name="",
                seen=kernels | {View.OWN_LISTING} | (frozenset() if pid in missing else {View.LISTING}),
                missing=frozenset({View.LISTING}) if pid in missing else frozenset(),
                covered=pid in covered,
            )
            for pid in sorted(own)
        ),
    )
