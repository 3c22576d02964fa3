"""The files of a host, and of what is in containers the files by the path that the host has for them.

``/proc/PID/root`` is a link that only the kernel follows, and a root of files follows none of those: behind it lies
another root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from davy.host import DirectoryRoot, Host, Root
from davy.host.digests import IDENTITY, Digest, SumKind
from davy.host.root import READ_LIMIT, FileStat, OpenFile

_BEHIND: Final = re.compile(r"/proc/(\d{1,10})/root(/.*)", re.DOTALL)


class Reaching:
    """A host's root that reaches behind ``/proc/PID/root``, too."""

    def __init__(self, host: Host) -> None:
        self.live = host.root.live
        self._root, self._kernel = host.root, host.kernel
        self._behind: dict[int, Root] = {}

    def _at(self, path: str) -> tuple[Root, str]:
        """The root in which a file lies, and its path there.  Raises `HostError`."""
        found = _BEHIND.fullmatch(path)
        if found is None or self._kernel is None:
            return self._root, path
        pid = int(found[1])
        if pid not in self._behind:
            self._behind[pid] = DirectoryRoot.of_process(self._kernel.procfs, pid)
        return self._behind[pid], found[2]

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        root, there = self._at(path)
        return root.read(there, limit)

    def names(self, path: str) -> list[str]:
        root, there = self._at(path)
        return root.names(there)

    def stat(self, path: str) -> FileStat:
        root, there = self._at(path)
        return root.stat(there)

    def lstat(self, path: str) -> FileStat:
        root, there = self._at(path)
        return root.lstat(there)

    def readlink(self, path: str) -> str:
        root, there = self._at(path)
        return root.readlink(there)

    def digest(self, path: str, limit: int, kinds: Iterable[SumKind] = IDENTITY) -> Digest | None:
        root, there = self._at(path)
        return root.digest(there, limit, kinds)

    def opened(self, path: str) -> AbstractContextManager[OpenFile]:
        root, there = self._at(path)
        return root.opened(there)
