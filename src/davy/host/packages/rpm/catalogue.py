"""What rpm's headers say of paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from typing import Final, NamedTuple

from davy.host.digests import Digest
from davy.host.errors import Refused
from davy.host.packages.protocol import Diversion, Expected
from davy.host.packages.rpm.header import KINDS, Files, Header
from davy.host.packages.rpm.stores import Store

_FILES_LIMIT: Final = 2_000_000

_Place = tuple[int, int]


class _Package(NamedTuple):
    name: str
    place: _Place
    files: Files


class RpmCatalogue:
    """Of all headers the paths are kept, and of those looked at last the whole.

    A header that cannot be understood owns nothing.
    """

    kinds = KINDS

    def __init__(self, store: Store) -> None:
        self._store = store
        self._opened: dict[_Place, Header] = {}

    def diversions(self) -> Sequence[Diversion]:
        return ()

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        names = frozenset(path.rpartition(b"/")[2] for path in wanted)
        for package in self._packages:
            for _, path in package.files.among(names):
                if path in wanted:
                    yield path, package.name

    def entry(self, package: str, path: bytes) -> Expected | None:
        """Of the first of its namesakes that has the file installed."""
        name, optional = frozenset((path.rpartition(b"/")[2],)), None
        for one in self._named.get(package, ()):
            for number, listed in one.files.among(name):
                if listed == path:
                    found = self._header(one).expected(number)
                    if not found.optional:
                        return found
                    optional = optional or found
        return optional

    def listed(self, package: str) -> Iterator[bytes]:
        for one in self._named.get(package, ()):
            yield from one.files.paths()

    def twin(self, digest: Digest) -> tuple[str, bytes] | None:
        sought = [raw for kind in KINDS if (raw := bytes.fromhex(digest.of(kind)))]
        for package, sums in self._sums:
            if any(raw in sums for raw in sought):
                header = self._header(package)
                told = digest.of(header.digest_kind).encode() if header.digest_kind else b""
                for path, theirs in zip(package.files.paths(), header.digests, strict=False):
                    if theirs and theirs == told:
                        return package.name, path
        return None

    @cached_property
    def _packages(self) -> tuple[_Package, ...]:
        return tuple(self._read())

    def _read(self) -> Iterator[_Package]:
        left = _FILES_LIMIT
        for place, blob in self._store.headers():
            try:
                header = Header(blob)
                package = _Package(header.name, place, header.files)
            except Refused:
                continue
            left -= len(package.files.folder_numbers)
            if left < 0:
                raise Refused(f"{self._store.path}: more than {_FILES_LIMIT} files")
            yield package

    @cached_property
    def _named(self) -> dict[str, list[_Package]]:
        found: dict[str, list[_Package]] = {}
        for package in self._packages:
            found.setdefault(package.name, []).append(package)
        return found

    def _header(self, package: _Package) -> Header:
        if package.place not in self._opened:
            header = Header(self._store.header(package.place))
            if header.name != package.name or header.files != package.files:
                raise Refused(f"{self._store.path}: was changed while it was read")
            self._opened = {package.place: header}
        return self._opened[package.place]

    @cached_property
    def _sums(self) -> tuple[tuple[_Package, bytes], ...]:
        """The raw sums of all files of each package, one after the other; kept."""
        found = []
        for package in self._packages:
            try:
                found.append((package, bytes.fromhex(b"".join(self._header(package).digests).decode("ascii"))))
            except (Refused, ValueError):
                continue
        return tuple(found)
