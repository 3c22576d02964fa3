"""How far a scan may go: what its owner allows it to ask of the host, and of its processes."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Reach(Struct, frozen=True, kw_only=True):
    """What one scan may do.  Nothing in it changes the host."""

    deep: bool = False
    """Ask for every pid there can be, and all threads: takes seconds."""
    ptrace: bool = True
    """Stop threads of the busiest processes for a tenth of a millisecond at a time, to read their registers."""
    rules: str | None = None
    """A folder of the owner's own YARA rules."""
    state: str | None = None
    """Davy's state folder: keeps the compiled content rules, and is passed by."""


USUAL: Final = Reach()
