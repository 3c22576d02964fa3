"""Which installed package a file belongs to, read from the package database itself; no package tool is run.

What it says is worth as much as root's own files are: whoever was root can have changed it as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple, Protocol

from davy.host.errors import Gone, HostError, Refused
from davy.host.root import Digest, Root

_INFO: Final = "/var/lib/dpkg/info"
_STATUS: Final = "/var/lib/dpkg/status"
_CONFFILE: Final = re.compile(rb"^ (/[^ \n]+) ([0-9a-f]{32})$", re.MULTILINE)
_DIVERSIONS: Final = "/var/lib/dpkg/diversions"
_FILE_LIMIT: Final = 16 << 20
_TOTAL_LIMIT: Final = 64 << 20
_PIECE: Final = 1 << 20
_MERGED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32")
_EMPTY_MD5: Final = "d41d8cd98f00b204e9800998ecf8427e"


class Provenance(NamedTuple):
    """Whose a file is.  What is a vendor's is owned, and ``unmodified`` is not False."""

    owner: str | None = None
    unmodified: bool | None = None
    """Whether it is as its package installed it; None where nobody says, or it could not be read."""


class PackageDatabase(Protocol):
    """The installed packages of one root.  Paths are absolute within it; methods raise `HostError`."""

    def owners(self, paths: Iterable[str]) -> dict[str, str]:
        """The package that put each path there; paths that none did are left out.

        The lists are read once per call, whatever the number of paths, and answers are remembered: ask for all
        paths together first, and for single ones afterwards.
        """

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:
        """Whether a file with this ``digest`` is the one that its owner installed at ``path``.

        None when the database does not say: it keeps no sums of configuration files and links.
        """

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        """For each path its owner, and whether what is there now is what its owner installed."""

    def twin(self, md5: str) -> str | None:
        """The path of a packaged file whose content has this MD5 sum (32 lower-case hexadecimal digits), if any.

        An empty file is nobody's twin.
        """


class NoPackages:
    """The database of a root whose packages Davy cannot read: nothing has an owner."""

    def owners(self, paths: Iterable[str]) -> dict[str, str]:  # noqa: ARG002
        return {}

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:  # noqa: ARG002
        return None

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        return dict.fromkeys(paths, Provenance())

    def twin(self, md5: str) -> str | None:  # noqa: ARG002
        return None


def packages(root: Root) -> PackageDatabase:
    """The package database of ``root``, or `NoPackages` when it has none that Davy knows.  Raises `HostError`."""
    try:
        root.stat(_INFO)
    except Gone:
        return NoPackages()
    return DpkgPackages(root)


class _Diversion(NamedTuple):
    """Files of other packages that would come to ``original`` are installed as ``target``."""

    original: str
    target: str
    package: str
    """Whose own files still come to ``original``; ``:`` for the administrator, who has none."""


class _Listing(NamedTuple):
    """A path under which a database may list a file, and the packages whose listing counts."""

    path: str
    only: str | None = None
    never: str | None = None

    def counts(self, package: str) -> bool:
        name = package.partition(":")[0]
        return self.only in (None, name) and self.never != name


class DpkgPackages:
    """Debian's.  Packages are named as ``dpkg -S`` names them, ``libc6:amd64``.

    Diversions are heeded, and so are ``/bin``, ``/sbin`` and ``/lib*`` that are links into ``/usr``: then a list
    may have either name of a file, and either name may be asked for.  A list that cannot be read owns nothing.

    Source: dpkg(1), dpkg-divert(1), deb-md5sums(5), Debian's usrmerge.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._known: dict[str, str | None] = {}
        self._twins: dict[str, str | None] = {_EMPTY_MD5: None}

    def owners(self, paths: Iterable[str]) -> dict[str, str]:
        asked = set(paths)
        self._find_owners(asked - self._known.keys())
        return {path: owner for path in asked if (owner := self._known[path])}

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:
        for spelling in self._spellings(path):
            if (installed := self._configuration.get(spelling)) is not None:
                return installed == digest.md5
        try:
            sums = b"\n" + self._whole(f"{package}.md5sums") + b"\n"
        except Gone:
            return None
        for listing in self._listings(path):
            if listing.counts(package) and (md5 := _listed_sum(sums, listing.path)):
                return md5 == digest.md5.encode()
        return None

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        asked = set(paths)
        owners = self.owners(asked)
        return {path: Provenance(owners.get(path), self._as_installed(path, owners.get(path))) for path in asked}

    def _as_installed(self, path: str, owner: str | None) -> bool | None:
        if owner is None:
            return None
        try:
            digest = self._root.digest(path, _FILE_LIMIT)
            return self.unmodified(path, owner, digest) if digest is not None else None
        except HostError:
            return None

    @cached_property
    def _configuration(self) -> dict[str, str]:
        """MD5 sums of configuration files as they were installed.  Source: deb-conffiles(5), dpkg-query(1)."""
        try:
            status = self._root.read(_STATUS, _FILE_LIMIT)
        except HostError:
            return {}
        return {os.fsdecode(path): md5.decode() for path, md5 in _CONFFILE.findall(status)}

    def twin(self, md5: str) -> str | None:
        if md5 not in self._twins:
            self._twins[md5] = self._find_twin(md5)
        return self._twins[md5]

    def _find_twin(self, md5: str) -> str | None:
        line = b"\n" + md5.encode() + b"  "
        for package, sums in self._sums:
            if (start := sums.find(line)) >= 0:
                start += len(line)
                return self._installed("/" + os.fsdecode(sums[start : sums.find(b"\n", start)]), package)
        return None

    def _find_owners(self, paths: set[str]) -> None:
        wanted: dict[bytes, list[tuple[str, _Listing]]] = {}
        for path in paths:
            for listing in self._listings(path):
                wanted.setdefault(os.fsencode(listing.path), []).append((path, listing))
        found: dict[str, str] = {}
        if wanted:
            lines = set(wanted)
            for package, data in self._files(".list"):
                for line in _lines_among(lines, data):
                    for path, listing in wanted[line]:
                        if listing.counts(package):
                            found.setdefault(path, package)
        self._known |= {path: found.get(path) for path in paths}

    def _files(self, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Package and content of each of its files with this suffix, in the order of their names."""
        left = _TOTAL_LIMIT
        for name in self._root.names(_INFO):
            if not name.endswith(suffix):
                continue
            try:
                data = self._whole(name)
            except HostError:
                continue
            left -= len(data)
            if left < 0:
                raise Refused(f"{_INFO}: more than {_TOTAL_LIMIT >> 20} MiB of {suffix} files")
            yield name.removesuffix(suffix), data

    def _whole(self, name: str) -> bytes:
        data = self._root.read(f"{_INFO}/{name}", _FILE_LIMIT)
        if len(data) == _FILE_LIMIT:
            raise Refused(f"{_INFO}/{name}: larger than {_FILE_LIMIT >> 20} MiB")
        return data

    @cached_property
    def _sums(self) -> tuple[tuple[str, bytes], ...]:
        """All sums, kept: about 10 MB on a host with 760 packages."""
        return tuple((package, b"\n" + data + b"\n") for package, data in self._files(".md5sums"))

    @cached_property
    def _diversions(self) -> tuple[_Diversion, ...]:
        try:
            lines = os.fsdecode(self._root.read(_DIVERSIONS)).split("\n")
        except Gone:
            return ()
        return tuple(
            _Diversion(self._merged(original), self._merged(target), package)
            for original, target, package in zip(lines[::3], lines[1::3], lines[2::3], strict=False)
        )

    @cached_property
    def _merged_folders(self) -> tuple[str, ...]:
        """Those of the top folders that are links to their namesakes below ``/usr``."""
        found = []
        for name in _MERGED:
            try:
                if self._root.readlink(f"/{name}").strip("/") == f"usr/{name}":
                    found.append(f"/{name}/")
            except HostError:
                continue
        return tuple(found)

    def _merged(self, path: str) -> str:
        return "/usr" + path if path.startswith(self._merged_folders) else path

    def _spellings(self, path: str) -> Iterator[str]:
        merged = self._merged(path)
        yield merged
        if merged.removeprefix("/usr").startswith(self._merged_folders):
            yield merged.removeprefix("/usr")

    def _listings(self, path: str) -> Iterator[_Listing]:
        """Where to look for the owner of what is at ``path``."""
        if not path.startswith("/") or "\n" in path:
            return
        merged = self._merged(path)
        only = next((d.package for d in self._diversions if d.original == merged), None)
        yield from (_Listing(spelling, only=only) for spelling in self._spellings(path))
        for diversion in self._diversions:
            if diversion.target == merged:
                for spelling in self._spellings(diversion.original):
                    yield _Listing(spelling, never=diversion.package)

    def _installed(self, path: str, package: str) -> str:
        """Where the file is that ``package`` lists as ``path``."""
        merged, name = self._merged(path), package.partition(":")[0]
        return next((d.target for d in self._diversions if d.original == merged and d.package != name), path)


def _lines_among(wanted: set[bytes], data: bytes) -> Iterator[bytes]:
    """The lines of ``data`` that are ``wanted``, split a piece at a time to bound what is in memory at once."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _PIECE)
        end = len(data) if end < 0 else end
        yield from wanted.intersection(data[start:end].split(b"\n"))
        start = end + 1


def _listed_sum(sums: bytes, path: str) -> bytes | None:
    """The sum of ``path`` in the lines of an md5sums file, each of which begins with a newline here."""
    name = b"  " + os.fsencode(path[1:]) + b"\n"
    found = sums.find(name)
    while found >= 0:
        if found >= 33 and sums[found - 33] == ord("\n"):
            return sums[found - 32 : found]
        found = sums.find(name, found + 1)
    return None
