"""Content: what stands in files, scripts, program images and memory, by the rules that found it there."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from davy.model.facts import FileKey


class Place(StrEnum):
    """Where a content was read."""

    IMAGE = "image"
    """A program (ELF), run or not, deleted or never on disk though it may be."""
    SCRIPT = "script"
    """A text that an interpreter runs, or would."""
    FILE = "file"
    """Any other file: a configuration, a log, a text."""
    MEMORY = "memory"
    """The memory of a running process."""
    COMMAND_LINE = "command line"


class ContentHit(Struct, frozen=True, kw_only=True):
    """A rule of `davy.knowledge.matching` whose condition a content meets."""

    rule: str
    """The rule's id; ``own:NAME`` for one of the owner's own YARA rules."""
    subject: str
    """Whose content it is: a process (its memory), or a file, be it run or not."""
    place: Place
    path: str | None = None
    """The file it was read from."""
    device: int | None = None
    inode: int | None = None
    """Of that file: which processes run it is told by these."""
    offset: int = 0
    """Of the first pattern: in the file, or in memory."""
    text: str = ""
    """What stands there, at most some 160 bytes of it."""
    patterns: tuple[str, ...] = ()
    """Names of the rule's patterns that were found."""
    family: str | None = None

    @property
    def file(self) -> FileKey | None:
        return FileKey(self.device, self.inode) if self.device is not None and self.inode is not None else None
