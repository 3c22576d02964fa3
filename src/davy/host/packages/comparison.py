"""Whether what lies at a path is what its package installed there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

from davy.host.digests import digest_of_bytes
from davy.host.errors import HostError
from davy.host.packages.protocol import Expected, Provenance
from davy.host.root import Root

_FILE_LIMIT: Final = 64 << 20
"""Bytes of one file."""
_HASHED_LIMIT: Final = 1 << 30
"""Bytes of all files."""
_LINKS_LIMIT: Final = 8
"""Links followed one after the other."""


class Comparison:
    """Compares files with their packages', until so many bytes are read that it stops, and says None."""

    def __init__(
        self,
        root: Root,
        owners: Callable[[Iterable[str]], dict[str, str]],
        entry: Callable[[str, str], Expected | None],
    ) -> None:
        """``owners`` and ``entry`` say who owns paths, and what a package keeps of a path."""
        self._root, self._owners, self._entry = root, owners, entry
        self._left = _HASHED_LIMIT

    def provenance(self, paths: Iterable[str], links_left: int = _LINKS_LIMIT) -> dict[str, Provenance]:
        found = dict.fromkeys(paths, Provenance())
        led: dict[str, str] = {}
        owners = self._owners(found)
        for path, owner in sorted(owners.items(), key=itemgetter(1, 0)):  # a package at a time
            unmodified = self._unmodified(path, owner)
            if isinstance(unmodified, str):
                led[path], unmodified = unmodified, None
            found[path] = Provenance(owner, unmodified)
        if led and links_left:
            ends = self.provenance(led.values(), links_left - 1)
            found |= {path: Provenance(owners[path], ends[end].unmodified) for path, end in led.items()}
        return found

    def _unmodified(self, path: str, owner: str) -> bool | str | None:
        """Whether the file is as it should be; of a link that is, the path that it leads to."""
        expected = self._entry(path, owner) or Expected(package=owner)
        if expected.sum is None or expected.target_sum is not None:
            try:
                return self._of_link(path, self._root.readlink(path), expected)
            except HostError:
                if expected.target is not None:
                    return None if self._unreadable(path) else False
        return self._of_content(path, expected)

    def _of_link(self, path: str, target: str, expected: Expected) -> bool | str:
        if expected.target not in (None, target):
            return False
        if expected.target_sum is not None:
            digest = digest_of_bytes(os.fsencode(target), (expected.target_sum.kind,))
            if not expected.target_sum.agrees(digest):
                return False
        return os.path.normpath(os.path.join(os.path.dirname(path), target))

    def _unreadable(self, path: str) -> bool:
        """Whether it is not even known what there is."""
        try:
            self._root.lstat(path)
        except HostError:
            return True
        return False

    def _of_content(self, path: str, expected: Expected) -> bool | None:
        if expected.sum is None:
            return None
        try:
            digest = self._root.digest(path, min(_FILE_LIMIT, self._left), (expected.sum.kind,))
        except HostError:
            return None
        if digest is None:
            return None
        self._left -= digest.size
        return expected.sum.agrees(digest)
