"""Folders where miners lie, because anybody may write there or nobody looks.  Data in ``hot_folders.toml``."""

from __future__ import annotations

import functools
from typing import Literal

from msgspec import Struct

from davy.knowledge.data import read


class HotFolder(Struct, frozen=True, forbid_unknown_fields=True):
    """One folder, or ``~`` for every home; the fields are explained in ``hot_folders.toml``."""

    path: str
    depth: int
    reason: str
    look_at: Literal["everything", "programs"] = "everything"
    hidden_only: bool = False


class HotFolders(Struct, frozen=True, forbid_unknown_fields=True):
    folder: tuple[HotFolder, ...]


@functools.cache
def hot_folders() -> tuple[HotFolder, ...]:
    """All of them, the likeliest first."""
    return read("hot_folders.toml", HotFolders).folder
