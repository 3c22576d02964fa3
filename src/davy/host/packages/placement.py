"""Where a listed file lies: folders merged into ``/usr``, and diversions.

A list may have either name of a file that lies in a merged folder, and either name may be asked for.

Source: file-hierarchy(7), Debian's and Arch's usrmerge, Fedora's merge of ``sbin`` into ``bin``, dpkg-divert(1).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from davy.host.errors import HostError
from davy.host.packages.protocol import Diversion
from davy.host.root import Root

_MERGED: Final = {
    "/usr/sbin": ("/usr/bin",),
    "/usr/lib64": ("/usr/lib",),
    "/bin": ("/usr/bin",),
    "/sbin": ("/usr/sbin", "/usr/bin"),
    "/lib": ("/usr/lib",),
    "/lib64": ("/usr/lib64", "/usr/lib"),
    "/lib32": ("/usr/lib32",),
    "/libo32": ("/usr/libo32",),
    "/libx32": ("/usr/libx32",),
}
"""Folders that may be links, and where those links may lead; a link elsewhere moves nothing that a package owns."""


class Listing(NamedTuple):
    """A path under which a database may list a file, and the packages whose listing counts."""

    path: str
    only: str | None = None
    never: str | None = None

    def counts(self, package: str) -> bool:
        name = package.partition(":")[0]
        return self.only in (None, name) and self.never != name


class Placement:
    """Between the paths that are listed and those where the files are."""

    def __init__(self, root: Root, diversions: Sequence[Diversion]) -> None:
        self._folders = _merged_folders(root)
        self._diversions = tuple(
            Diversion(self.merged(original), self.merged(target), package) for original, target, package in diversions
        )

    def merged(self, path: str) -> str:
        """The name of the same file by which no link leads to it."""
        for folder, real in self._folders:
            if path.startswith(folder):
                return real + path[len(folder) :]
        return path

    def _spellings(self, merged: str) -> Iterator[str]:
        """The names of one file, first that by which no link leads to it."""
        yield merged
        for folder, real in self._folders:
            if merged.startswith(real):
                yield folder + merged[len(real) :]

    def listings(self, path: str) -> Iterator[Listing]:
        """Where to look for the owner of what is at ``path``."""
        if not path.startswith("/") or "\n" in path:
            return
        merged = self.merged(path)
        only = next((d.package for d in self._diversions if d.original == merged), None)
        yield from (Listing(spelling, only=only) for spelling in self._spellings(merged))
        for diversion in self._diversions:
            if diversion.target == merged:
                for spelling in self._spellings(diversion.original):
                    yield Listing(spelling, never=diversion.package)

    def installed(self, path: str, package: str) -> str:
        """Where the file is that ``package`` lists as ``path``."""
        if not self._diversions:
            return path
        merged, name = self.merged(path), package.partition(":")[0]
        return next((d.target for d in self._diversions if d.original == merged and d.package != name), path)


def _merged_folders(root: Root) -> tuple[tuple[str, str], ...]:
    """Each folder that is a link, with where it leads in the end; both end with a slash."""
    real: dict[str, str] = {}
    for folder, homes in _MERGED.items():  # those below /usr first: others may lead to them
        try:
            target = os.path.normpath(os.path.join(os.path.dirname(folder), root.readlink(folder)))
        except HostError:
            continue
        if target in homes:
            real[folder] = real.get(target, target)
    return tuple((f"{folder}/", f"{target}/") for folder, target in real.items())
