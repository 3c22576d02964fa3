"""What container runtimes, service managers and sandboxes mount over ``/proc`` and ``/sys``, and mean well.

Source: the masked and read-only paths of the OCI runtime specification and of Docker and Podman, lxcfs(1), sysbox,
systemd-nspawn(1), systemd.exec(5) (ProtectKernelTunables=, ProtectKernelLogs=), firejail(1).
"""

from __future__ import annotations

import re
from typing import Final

_EMULATORS: Final = frozenset({"lxcfs", "sysboxfs"})
_EMULATED: Final = re.compile(
    r"/proc/(?:cpuinfo|diskstats|loadavg|meminfo|slabinfo|stat|swaps|uptime|pressure(?:/.*)?|sys(?:/.*)?)"
    r"|/sys/module/nf_conntrack/parameters"
)
_UNTELLING: Final = frozenset(
    {"acpi", "apm", "asound", "bus", "config.gz", "driver", "fs", "irq", "kcore", "key-users", "keys", "kmsg",
     "latency_stats", "sched_debug", "scsi", "sysrq-trigger", "timer_list", "timer_stats"}
)  # fmt: skip
_MASKED: Final = frozenset({"/proc/kallsyms", "/proc/interrupts", "/proc/vmallocinfo", "/proc/slabinfo"})
_MASK: Final = re.compile(r"(?:.*/)?(?:null|inaccessible/\w+|firejail\.ro\.(?:file|dir))")
_NAMES: Final = re.compile(r"/proc/sys/kernel/(?:random/boot_id|hostname|domainname|cap_last_cap)")


def emulator(filesystem: str, source: str) -> bool:
    """Whether a mount claims to be of a file system that answers for the kernel in containers."""
    return filesystem.startswith("fuse") and (source in _EMULATORS or filesystem.removeprefix("fuse.") in _EMULATORS)


def emulated(point: str) -> bool:
    """Whether an emulator answers for what is at ``point``."""
    return _EMULATED.fullmatch(point) is not None


def untelling(name: str) -> bool:
    """Whether a name in ``/proc`` is one that runtimes mask or protect, and in which nobody looks for a process."""
    return name in _UNTELLING


def masked(point: str, root: str) -> bool:
    """Whether what is mounted at ``point`` only makes it unreadable, as runtimes do there.

    ``root`` is the path within the file system that is mounted.
    """
    return point in _MASKED and _MASK.fullmatch(root) is not None


def usual(point: str, filesystem: str) -> bool:
    """Whether such a file system belongs there: formats of programs, and a machine's names in its containers."""
    formats = point == "/proc/sys/fs/binfmt_misc" and filesystem in ("autofs", "binfmt_misc")
    return formats or _NAMES.fullmatch(point) is not None
