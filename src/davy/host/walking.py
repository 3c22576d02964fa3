"""Walking a part of a file tree that anybody may have filled: bounded in folders, names and time, never stuck.

Links are not followed, folders are not gone down deeper than asked, and whatever lies on a mount that may never answer
is not even looked at.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from davy.host.errors import HostError
from davy.host.root import DirectoryRoot, FileStat, Root, file_stat

NAMES_LIMIT: Final = 20_000
"""Names looked at in one walk."""
_DEADLINE_EVERY: Final = 256


class Found(Struct, frozen=True):
    """A regular file that a walk came by."""

    path: str
    stat: FileStat


class Walk:
    """The regular files at and below one folder, breadth first."""

    def __init__(
        self,
        root: Root,
        folder: str,
        *,
        depth: int,
        deadline: float,
        hidden_only: bool = False,
        passed: frozenset[tuple[int, int]] = frozenset(),
        names_limit: int = NAMES_LIMIT,
    ) -> None:
        """``hidden_only``: at the first level go into hidden folders only.  ``passed``: folders and files passed by.

        ``deadline`` is a `time.monotonic` time.
        """
        self._root = root
        self._folder = folder
        self._depth = depth
        self._deadline = deadline
        self._hidden_only = hidden_only
        self._passed = passed
        self._left = names_limit
        self.cut_short: str | None = None
        """Why it did not come to its end."""
        self.unread: list[str] = []
        """Folders that could not be listed, and why; that the first is not there is no such thing."""

    def __iter__(self) -> Iterator[Found]:
        todo = deque([(self._folder, 0)])
        while todo and self.cut_short is None:
            folder, level = todo.popleft()
            try:
                for name, found in self._listed(folder):
                    path = f"{folder.rstrip('/')}/{name}"
                    if found.directory:
                        hidden = name.startswith(".")
                        if level < self._depth and (hidden or level or not self._hidden_only):
                            todo.append((path, level + 1))
                    elif found.regular and not (self._hidden_only and not level):
                        yield Found(path, found)
            except HostError as error:
                if level:
                    self.unread.append(str(error))

    def _listed(self, folder: str) -> Iterator[tuple[str, FileStat]]:
        if not isinstance(self._root, DirectoryRoot):
            for name in self._root.names(folder):
                yield name, self._root.lstat(f"{folder.rstrip('/')}/{name}")
            return
        with self._root.open_folder(folder) as descriptor, os.scandir(descriptor) as entries:
            here = os.fstat(descriptor)
            if (here.st_dev, here.st_ino) in self._passed:
                return
            for entry in entries:
                self._left -= 1
                if self._left < 0:
                    self.cut_short = "more names than are looked at"
                    return
                if self._left % _DEADLINE_EVERY == 0 and time.monotonic() > self._deadline:
                    self.cut_short = "its time was over"
                    return
                if entry.is_symlink() or self._root.hangs(f"{folder.rstrip('/')}/{entry.name}"):
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                kept = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
                if kept and (found.st_dev, found.st_ino) not in self._passed:
                    yield entry.name, file_stat(found)
