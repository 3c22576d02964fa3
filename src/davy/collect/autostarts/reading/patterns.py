"""Paths by their shape, within a root: ``/etc/postgresql/*/*/postgresql.conf``.  Source: glob(7)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Final

from davy.host import Gone, Host, HostError
from davy.host.links import Links
from davy.model.facts import Gap

MATCHES_LIMIT: Final = 4_000
"""Names that are taken from one folder, and folders that one pattern leads through at a time."""
FOLDERS_LIMIT: Final = 4_000
"""Folders that are listed."""
PARTS_LIMIT: Final = 64
_WILD: Final = re.compile(r"[*?\[]")


class Patterns:
    """Finds what patterns match; each folder is listed once, names with a leading dot count like any other.

    What cannot be listed becomes a gap under the collector's name, once.
    """

    def __init__(self, host: Host, collector: str, links: Links) -> None:
        self._root, self._collector, self._links = host.root, collector, links
        self._names: dict[str, list[str]] = {}
        self._full = False

    def paths(self, *patterns: str, below: str = "") -> Iterator[str | Gap]:
        """The paths, pattern after pattern; the names after the last wildcard need not be there.

        ``below`` is the folder where they begin, taken as it is written.
        """
        for pattern in patterns:
            parts = pattern.strip("/").split("/")
            if len(parts) > PARTS_LIMIT:
                yield Gap(self._collector, pattern, f"more than {PARTS_LIMIT} folders deep")
            else:
                yield from self._below(below, parts)

    def _below(self, folder: str, parts: list[str]) -> Iterator[str | Gap]:
        for depth, part in enumerate(parts):
            if not _WILD.search(part):
                continue
            folder = "/".join([folder, *parts[:depth]])
            found = self._listed(folder)
            if isinstance(found, Gap):
                yield found
                return
            matching = fnmatch.filter(found, part)
            for name in matching[:MATCHES_LIMIT]:
                yield from self._below(f"{folder}/{name}", parts[depth + 1 :])
            if len(matching) > MATCHES_LIMIT:
                yield Gap(self._collector, f"the rest of {folder}", f"more than {MATCHES_LIMIT} names")
            return
        yield "/".join([folder, *parts])

    def _listed(self, folder: str) -> list[str] | Gap:
        """The names in a folder; a gap only the first time."""
        if folder not in self._names:
            if self._full:
                return []
            self._full = len(self._names) == FOLDERS_LIMIT
            if self._full:
                return Gap(self._collector, "the rest of the folders", f"more than {FOLDERS_LIMIT}")
            self._names[folder] = []
            try:
                if self._links.find(folder) is not None:
                    self._names[folder] = self._root.names(folder)
            except Gone:
                pass
            except HostError as error:
                return Gap(self._collector, folder, str(error))
        return self._names[folder]
