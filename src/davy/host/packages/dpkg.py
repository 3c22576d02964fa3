"""Debian's packages, named as ``dpkg -S`` names them: ``coreutils``, ``libc6:amd64``.

Lists of paths and sums are files of the package's name; diversions, and the sums of configuration files as the package
brought them, are kept for all packages together.  Of links it is only known that they are there.

Source: dpkg(1), dpkg-divert(1), deb-md5sums(5), deb-conffiles(5), dpkg's ``lib/dpkg/dump.c`` and ``fields.c``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from typing import Final

from davy.host.digests import Digest, SumKind
from davy.host.errors import Gone, HostError, Refused
from davy.host.packages.lists import Lists, Parts
from davy.host.packages.protocol import Diversion, Expected, Sum
from davy.host.root import Root

_INFO: Final = "/var/lib/dpkg/info"
_DIVERSIONS: Final = "/var/lib/dpkg/diversions"
_STATUS: Final = "/var/lib/dpkg/status"
_FILE_LIMIT: Final = 16 << 20
_TOTAL_LIMIT: Final = 64 << 20
_PIECE: Final = 1 << 20
_CONFFILES: Final = re.compile(rb"\nConffiles:((?:\n .*)*)")
_CONFFILE: Final = re.compile(rb"(?:([0-9a-f]{32})|newconffile)((?: obsolete| remove-on-upgrade)*)")


def dpkg_catalogue(root: Root) -> DpkgCatalogue | None:
    try:
        root.stat(_INFO)
    except Gone:
        return None
    return DpkgCatalogue(root)


class DpkgCatalogue:
    """A list that cannot be read owns nothing."""

    kinds = frozenset({SumKind.MD5})

    def __init__(self, root: Root) -> None:
        self._root = root
        self._lists = Lists(self._every_list, self._list)
        self._read_sums: dict[str, bytes] = {}
        self._left = _TOTAL_LIMIT

    def diversions(self) -> Sequence[Diversion]:
        try:
            lines = os.fsdecode(self._root.read(_DIVERSIONS)).split("\n")
        except Gone:
            return ()
        return tuple(map(Diversion, lines[::3], lines[1::3], lines[2::3]))

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        return self._lists.holders(wanted)

    def _every_list(self) -> Parts:
        for package, data in self._files(".list"):
            for part in _parts(data):
                yield package, part

    def _list(self, package: str) -> Iterator[list[bytes]]:
        try:
            data = self._whole(f"{package}.list")
        except HostError:
            return
        yield from _parts(data)

    def entry(self, package: str, path: bytes) -> Expected | None:
        if conffile := _conffile(self._conffiles.get(package, b""), path):
            md5, marks = conffile.groups()
            kept = Sum.listed(SumKind.MD5, md5 or b"")
            return Expected(package=package, sum=kept, configuration=True, optional=bool(marks))
        listed = Sum.listed(SumKind.MD5, _listed_sum(self._sums_of(package), path) or b"")
        return Expected(package=package, sum=listed) if listed else None

    def listed(self, package: str) -> Iterator[bytes]:
        for part in self._list(package):
            yield from (path for path in part if path.startswith(b"/") and path != b"/.")

    def twin(self, digest: Digest) -> tuple[str, bytes] | None:
        if not digest.md5:
            return None
        line = b"\n" + digest.md5.encode() + b"  "
        for package, sums in self._all_sums.items():
            if (start := sums.find(line)) >= 0:
                start += len(line)
                return package, b"/" + sums[start : sums.find(b"\n", start)]
        return None

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

    def _sums_of(self, package: str) -> bytes:
        """The sums of one package, each of whose lines begins with a newline here; kept."""
        if "_all_sums" in self.__dict__:
            return self._all_sums.get(package, b"")
        if package not in self._read_sums:
            try:
                sums = b"\n" + self._whole(f"{package}.md5sums") + b"\n"
            except Gone:
                sums = b""
            self._read_sums[package] = sums
            self._left -= len(sums)
            if self._left < 0:
                self._read_sums, self._left = {package: sums}, _TOTAL_LIMIT
        return self._read_sums[package]

    @cached_property
    def _all_sums(self) -> dict[str, bytes]:
        """All sums, kept: about 10 MB on a host with 760 packages."""
        return {package: b"\n" + data + b"\n" for package, data in self._files(".md5sums")}

    @cached_property
    def _conffiles(self) -> dict[str, bytes]:
        """What the status of each package says of its configuration files, each line beginning with a newline."""
        try:
            data = self._root.read(_STATUS, _TOTAL_LIMIT)
        except Gone:
            return {}
        if len(data) == _TOTAL_LIMIT:
            raise Refused(f"{_STATUS}: larger than {_TOTAL_LIMIT >> 20} MiB")
        found: dict[str, bytes] = {}
        for stanza in data.split(b"\n\n"):
            if lines := _CONFFILES.search(stanza):
                name = _field(stanza, b"Package")
                found.setdefault(name, lines[1])
                found[f"{name}:{_field(stanza, b'Architecture')}"] = lines[1]
        return found


def _field(stanza: bytes, name: bytes) -> str:
    _, found, rest = (b"\n" + stanza).partition(b"\n" + name + b": ")
    return os.fsdecode(rest.partition(b"\n")[0].strip()) if found else ""


def _conffile(lines: bytes, path: bytes) -> re.Match[bytes] | None:
    """The sum and the marks of one configuration file."""
    _, found, rest = (lines + b"\n").partition(b"\n " + path + b" ")
    return _CONFFILE.fullmatch(rest.partition(b"\n")[0]) if found else None


def _parts(data: bytes) -> Iterator[list[bytes]]:
    """The lines of ``data``, some at a time to bound what is in memory at once."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _PIECE)
        end = len(data) if end < 0 else end
        yield data[start:end].split(b"\n")
        start = end + 1


def _listed_sum(sums: bytes, path: bytes) -> bytes | None:
    """The sum of ``path`` in the lines of an md5sums file, each of which begins with a newline here."""
    name = b"  " + path[1:] + b"\n"
    found = sums.find(name)
    while found >= 0:
        if found >= 33 and sums[found - 33] == ord("\n"):
            return sums[found - 32 : found]
        found = sums.find(name, found + 1)
    return None
