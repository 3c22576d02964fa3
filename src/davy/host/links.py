"""Where paths lead within a root."""

from __future__ import annotations

import posixpath
from typing import Final

from davy.host.errors import Gone, HostError, Refused
from davy.host.root import Root

_LINKS_LIMIT: Final = 40
_PARTS_LIMIT: Final = 2048
_PATH_LIMIT: Final = 4096
"""Bytes of a path that the kernel looks at: PATH_MAX, see path_resolution(7)."""
_TOLD: Final = 80
_DEPTH: Final = 64
"""Folders on the way to what is found."""


class Links:
    """The symbolic links of one root, each read once.  Source: path_resolution(7)."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._targets: dict[str, str | None] = {}
        self._missing: set[str] = set()
        self._folders: dict[str, str | None] = {}

    def target(self, path: str) -> str | None:
        """Where the last part of ``path`` points as it is written; None when it is no link or cannot be looked at."""
        if path not in self._targets:
            self._targets[path] = None
            try:
                self._targets[path] = self._root.readlink(path)
            except Gone:
                self._missing.add(path)
            except HostError:
                pass
        return self._targets[path]

    def resolve(self, path: str) -> str:
        """The path without links; parts that are not there stay as they are.

        Raises `Refused` for a loop, and for what is longer than a path can be: the text of an enemy's script.
        """
        return self._followed(path, missing=True) or "/"

    def find(self, path: str) -> str | None:
        """The path without links; None as soon as a part of it is not there.  Raises `Refused` for a loop.

        The way to a folder is gone once for all that is looked for in it.
        """
        folder, _, name = path.rpartition("/")
        if name in ("", ".", "..") or path.count("/") > _DEPTH:
            return self._followed(path, missing=False)
        if folder not in self._folders:
            self._folders[folder] = self.find(folder) if folder else ""
        within = self._folders[folder]
        if within is None:
            return None
        here = f"{within.rstrip('/')}/{name}"
        if self.target(here) is not None:
            return self._followed(here, missing=False)
        return None if here in self._missing else here

    def _followed(self, path: str, *, missing: bool) -> str | None:
        if len(path) > _PATH_LIMIT:
            raise Refused(f"{path[:_TOLD]}...: longer than a path can be")
        todo, here, links = path.split("/")[::-1], "", 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                here = posixpath.dirname(here).rstrip("/")
                continue
            target = self.target(f"{here}/{part}")
            if target is None:
                here = f"{here}/{part}"
                if here in self._missing and not missing:
                    return None
                continue
            links += 1
            if links > _LINKS_LIMIT or len(todo) > _PARTS_LIMIT or len(here) > _PATH_LIMIT:
                raise Refused(f"{path}: too many links")
            here = "" if target.startswith("/") else here
            todo += target.split("/")[::-1]
        return here or "/"

    def itself(self, path: str) -> str | None:
        """The last part of a path as a symbolic link, in its folder's own path; None where it is none.

        Raises `Refused` for a loop.
        """
        folder, _, name = path.rpartition("/")
        within = self.find(folder)
        place = f"{(within or '').rstrip('/')}/{name}"
        return place if within is not None and self.target(place) is not None else None
