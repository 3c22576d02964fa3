"""Where programs lie: folders that anyone may write to, and folders that hide."""

from __future__ import annotations

import os
from typing import Final

from davy.knowledge.programs import honest_hidden

_TEMPORARY: Final = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/run/lock/", "/var/lock/", "/run/user/")
_DEVICES: Final = "/dev/"
_OPEN_FILES: Final = ("/dev/fd/", "/dev/stdin", "/proc/")
"""Names of what a process has open: they say nothing of where it lies."""


def open_file(path: str) -> bool:
    """Whether a path only names what a process has open, as ``bash <(...)`` does."""
    return path.startswith(_OPEN_FILES)


def temporary_folder(path: str) -> str | None:
    """The world-writable folder that ``path`` lies below; also ``/dev`` itself, where no program belongs."""
    if open_file(path):
        return None
    for folder in _TEMPORARY:
        if path.startswith(folder):
            return folder.rstrip("/")
    return "/dev" if path.startswith(_DEVICES) else None


def installed_place(path: str) -> bool:
    """Whether only packages put programs there, as far as a path says."""
    return path.startswith(("/usr/", "/bin/", "/sbin/", "/lib")) and not path.startswith("/usr/local/")


def open_folder(folder: str) -> bool:
    """Whether a folder is itself one where anyone may write, and not one that somebody made there."""
    return temporary_folder(f"{folder}/x") == folder


def hidden_folder(path: str) -> str | None:
    """The first hidden folder or hidden name on the way to ``path``, unless an honest tool keeps its programs there."""
    if honest_hidden(path):
        return None
    parts = path.split("/")
    for depth, part in enumerate(parts):
        if part.startswith(".") and part not in (".", ".."):
            return "/".join(parts[: depth + 1])
    return None


def odd_place(path: str) -> bool:
    """Whether a program that lies there is worth a look."""
    return temporary_folder(path) is not None or hidden_folder(path) is not None


def in_a_home(path: str) -> bool:
    """Whether a person or root keeps it at home."""
    return path.startswith(("/home/", "/root/"))


def base(path: str) -> str:
    return os.path.basename(path)
