"""System tools: the programs by which a person looks at a host, and what became of them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from davy.model.facts import Executable


class Tampering(StrEnum):
    """What is wrong with a packaged program."""

    REPLACED = "replaced"
    """Other content than its package installed."""
    WRAPPED = "wrapped"
    """A script stands where its package installed a program."""
    MISSING = "missing"
    """Its package is installed and the file is not there."""
    RENAMED = "renamed"
    """Its very content lies under another name."""
    LOCKED = "not executable"
    SHADOWED = "shadowed"
    """Another program of its name stands before it in the usual search path."""


class SystemTool(Struct, frozen=True, kw_only=True):
    """A packaged program that is not as its package installed it."""

    path: str
    package: str
    tampering: Tampering
    executable: Executable | None = None
    """What is there now."""
    text: str | None = None
    """The beginning of a script that wraps it; bounded."""
    renamed_to: str | None = None
    """Where the packaged content lies now, if it was found."""
    database: str = ""
    """Whose package it is: ``dpkg``, ``rpm``, ``apk`` or ``pacman``; "" where that is not known."""

    @property
    def subject(self) -> str:
        return f"tool:{self.path}"
