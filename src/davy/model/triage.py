"""What one pass hands to the next: the subjects worth a closer look."""

from __future__ import annotations

from msgspec import Struct


class Subjects(Struct, frozen=True):
    """The processes whose costly facts are wanted, and the files of autostarts whose owner is."""

    processes: frozenset[str]
    autostart_paths: frozenset[str]
    sockets: frozenset[int] = frozenset()
    """Inodes of sockets whose holder is wanted."""
