"""What one pass hands to the next: the subjects worth a closer look."""

from __future__ import annotations

from msgspec import Struct


class Subjects(Struct, frozen=True):
    """The processes whose costly facts are wanted."""

    processes: frozenset[str]
    sockets: frozenset[int] = frozenset()
    """Inodes of sockets whose holder is wanted."""
