"""The questions, answered from one catalogue and the files themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from davy.host.digests import Digest, SumKind, digest_of_bytes
from davy.host.errors import Gone, HostError, Refused
from davy.host.packages.comparison import Comparison
from davy.host.packages.placement import Listing, Placement
from davy.host.packages.protocol import Catalogue, Expected, Provenance
from davy.host.root import Root

_LISTED_LIMIT: Final = 500_000
"""Paths of one package."""
_EMPTY: Final = {kind: digest_of_bytes(b"", (kind,)).of(kind) for kind in SumKind}


class CatalogueDatabase:
    """The packages of one catalogue."""

    unread: Sequence[str] = ()

    def __init__(self, root: Root, catalogue: Catalogue) -> None:
        self._root, self._catalogue = root, catalogue
        self._known: dict[str, str | None] = {}
        self._twins: dict[Digest, str | None] = {}

    @property
    def kinds(self) -> frozenset[SumKind]:
        return self._catalogue.kinds

    @cached_property
    def _placement(self) -> Placement:
        return Placement(self._root, self._catalogue.diversions())

    def owners(self, paths: Iterable[str]) -> dict[str, str]:
        asked = set(paths)
        if unknown := asked - self._known.keys():
            self._known |= self._found_owners(unknown)
        return {path: owner for path in asked if (owner := self._known[path])}

    def _found_owners(self, paths: set[str]) -> dict[str, str | None]:
        wanted: dict[bytes, list[tuple[str, Listing]]] = {}
        for path in paths:
            for listing in self._placement.listings(path):
                wanted.setdefault(os.fsencode(listing.path), []).append((path, listing))
        found: dict[str, str] = {}
        if wanted:
            for line, package in self._catalogue.holders(wanted.keys()):
                for path, listing in wanted[line]:
                    if listing.counts(package):
                        found.setdefault(path, package)
        return {path: found.get(path) for path in paths}

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:
        entry = self._entry(path, package)
        if entry is None or entry.sum is None:
            return None
        agrees = entry.sum.agrees(digest)
        return agrees or (None if entry.target_sum else agrees)

    def expected(self, path: str) -> Expected | None:
        package = self.owners([path]).get(path)
        return (self._entry(path, package) or Expected(package=package)) if package else None

    def _entry(self, path: str, package: str) -> Expected | None:
        for listing in self._placement.listings(path):
            if listing.counts(package) and (entry := self._catalogue.entry(package, os.fsencode(listing.path))):
                return entry
        return None

    def listed(self, package: str) -> Iterator[str]:
        for count, path in enumerate(self._catalogue.listed(package)):
            if count == _LISTED_LIMIT:
                raise Refused(f"{package}: lists more than {_LISTED_LIMIT} paths")
            yield self._placement.installed(os.fsdecode(path), package)

    def missing(self, paths: Iterable[str]) -> dict[str, str]:
        absent = {path: package for path, package in self.owners(paths).items() if self._absent(path)}
        entries = {path: self._entry(path, package) for path, package in absent.items()}
        return {
            path: package
            for path, package in absent.items()
            if (entry := entries[path]) is None or not (entry.optional or entry.configuration)
        }

    def _absent(self, path: str) -> bool:
        try:
            self._root.lstat(path)
        except Gone:
            return True
        except HostError:
            pass
        return False

    def twin(self, digest: Digest) -> str | None:
        if digest not in self._twins:
            found = None if _of_nothing(digest) else self._catalogue.twin(digest)
            self._twins[digest] = self._placement.installed(os.fsdecode(found[1]), found[0]) if found else None
        return self._twins[digest]

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        return Comparison(self._root, self.owners, self._entry).provenance(paths)


def _of_nothing(digest: Digest) -> bool:
    return any(digest.of(kind) == told for kind, told in _EMPTY.items())
