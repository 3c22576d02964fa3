"""A container's files on the host, taken as a root: the folder it lies in, and what of the host is bound into it.

Whoever follows links must do so by `Links`, which keeps them within.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from davy.host.digests import IDENTITY, Digest, SumKind
from davy.host.errors import Gone, Refused
from davy.host.root import READ_LIMIT, FileStat, OpenFile, Root
from davy.model.containers import Bind


def outside(path: str, folder: str | None, binds: Sequence[Bind]) -> str | None:
    """Where a path of a container is on the host; None where it is in no bind and the container has no folder."""
    for bind in sorted(binds, key=lambda one: -len(one.inside)):
        inside = bind.inside.rstrip("/")
        if path == inside or path.startswith(f"{inside}/"):
            return bind.outside.rstrip("/") + path[len(inside) :]
    return None if folder is None else folder.rstrip("/") + path


class Below:
    """The tree that a container sees."""

    def __init__(self, root: Root, folder: str | None, binds: Sequence[Bind] = ()) -> None:
        self.live = False
        self._root, self._folder, self._binds = root, folder, binds

    def _place(self, path: str) -> str:
        found = outside(path, self._folder, self._binds)
        if found is None:
            raise Gone(f"{path}: No such file or directory")
        return found

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        return self._root.read(self._place(path), limit)

    def names(self, path: str) -> list[str]:
        return self._root.names(self._place(path))

    def stat(self, path: str) -> FileStat:
        return self._root.stat(self._place(path))

    def lstat(self, path: str) -> FileStat:
        return self._root.lstat(self._place(path))

    def readlink(self, path: str) -> str:
        try:
            return self._root.readlink(self._place(path))
        except Gone:
            if any(bind.inside.startswith(f"{path.rstrip('/')}/") for bind in self._binds):
                raise Refused(f"{path}: not a link") from None
            raise

    def digest(self, path: str, limit: int, kinds: Iterable[SumKind] = IDENTITY) -> Digest | None:
        return self._root.digest(self._place(path), limit, kinds)

    def opened(self, path: str) -> AbstractContextManager[OpenFile]:
        return self._root.opened(self._place(path))
