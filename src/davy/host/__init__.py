"""The only eyes: files under a root, the kernel, the package database.  Reads, and never changes the host.

A host is a root and, when live, a kernel.  Nothing else in the project opens ``/proc`` to learn a fact, and
no program of the host is run to learn one: on a compromised host they lie.
"""

from __future__ import annotations

from msgspec import Struct

from davy.host.clean_start import Start, started
from davy.host.errors import Denied, Gone, HostError, Refused
from davy.host.kernel import Kernel, LiveKernel, RecordedKernel
from davy.host.root import DirectoryRoot, Entry, MemoryRoot, Root

__all__ = [
    "Denied", "DirectoryRoot", "Entry", "Gone", "Host", "HostError", "Kernel", "LiveKernel", "MemoryRoot",
    "RecordedKernel", "Refused", "Root", "Start", "at", "live",
]  # fmt: skip


class Host(Struct, frozen=True, eq=False):
    """Files, and the kernel when the host is the one Davy runs on."""

    root: Root
    kernel: Kernel | None = None
    start: Start = Start()
    """How Davy itself came to run: whether it had been preloaded."""


def live() -> Host:
    """The host Davy runs on."""
    return Host(DirectoryRoot("/"), LiveKernel(), started())


def at(directory: str) -> Host:
    """A mounted image or a container's file system; nothing in it is read as live."""
    return Host(DirectoryRoot(directory))
