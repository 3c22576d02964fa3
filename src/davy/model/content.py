"""Content: what stands in files, scripts, program images and memory, by the rules that found it there."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Place(StrEnum):
    """Where a content was read."""

    IMAGE = "image"
    """The executable file of a running process, deleted or never on disk though it may be."""
    SCRIPT = "script"
    """The script that an interpreter runs."""
    FILE = "file"
    """A file on disk that nobody needs to run."""
    MEMORY = "memory"
    """The memory of a running process."""
    COMMAND_LINE = "command line"


class ContentHit(Struct, frozen=True, kw_only=True):
    """A rule of `davy.knowledge.matching` whose condition a content meets."""

    rule: str
    """The rule's id; ``own:NAME`` for one of the owner's own YARA rules."""
    subject: str
    """Whose content it is: a process, or a file that nobody runs."""
    place: Place
    path: str | None = None
    """The file it was read from."""
    offset: int = 0
    """Of the first pattern: in the file, or in memory."""
    text: str = ""
    """What stands there, at most some 160 bytes of it."""
    patterns: tuple[str, ...] = ()
    """Names of the rule's patterns that were found."""
    family: str | None = None
