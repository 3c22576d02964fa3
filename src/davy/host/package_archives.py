"""Package archives in a package manager's cache: what a package installs, byte for byte; no package tool is run.

Read are Debian's (``/var/cache/apt/archives/procps_2%3a4.0.2-3_amd64.deb``) and pacman's
(``/var/cache/pacman/pkg/procps-ng-4.0.4-3-x86_64.pkg.tar.zst``), compressed by what this Python knows: gzip, bzip2, xz,
and zstd from Python 3.14 on.

Source: deb(5), ar(5), PKGBUILD(5).
"""

from __future__ import annotations

import bz2
import importlib
import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from davy.host.errors import Gone, Refused
from davy.host.root import Root

_ARCHIVE_LIMIT: Final = 256 << 20
_UNPACKED_LIMIT: Final = 1 << 30
_MEMBERS_LIMIT: Final = 200_000
_CONTENT_LIMIT: Final = 64 << 20
_MEMORY_LIMIT: Final = 256 << 20
_ARCHIVES_LIMIT: Final = 4
"""Versions of one package that are looked through."""
_PIECE: Final = 1 << 12
"""Bytes that are unpacked at once: no format makes more than some hundred MiB of so few."""
_DEBIAN: Final = "/var/cache/apt/archives"
_PACMAN: Final = "/var/cache/pacman/pkg"
_AR: Final = b"!<arch>\n"
_AR_HEADER: Final = 60
_MERGED: Final = ("/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/")


class Archived(NamedTuple):
    """One file of a package archive."""

    archive: str
    member: str
    content: bytes
    mode: int
    """Permission bits."""
    uid: int
    gid: int


def archived(root: Root, package: str, path: str, wanted: Callable[[bytes], bool]) -> Archived | None:
    """What a cached archive of ``package`` has for ``path``, if that is what is ``wanted``.  Raises `HostError`."""
    names = _names_of(path)
    for archive in _archives(root, package):
        try:
            for found in _members(root, archive, lambda name: posixpath.normpath("/" + name) in names):
                if wanted(found.content):
                    return found
        except Refused:
            continue  # one that is damaged or not understood; another may lie beside it
    return None


def member_of(root: Root, archive: str, member: str) -> Archived:
    """One file of an archive, by the name that `archived` gave.  Raises `HostError`."""
    for found in _members(root, archive, lambda name: name == member):
        return found
    raise Gone(f"{archive}: no {member} in it")


def _names_of(path: str) -> frozenset[str]:
    """The names that an archive may have for a path, where ``/bin`` and its like are links into ``/usr``."""
    plain = path.removeprefix("/usr") if path.startswith("/usr/") else path
    return frozenset({path, plain, f"/usr{plain}"}) if plain.startswith(_MERGED) else frozenset({path})


def _archives(root: Root, package: str) -> Iterator[str]:
    """The archives of a package, those of later versions first as far as names tell."""
    name = package.partition(":")[0]
    found = [
        f"{_DEBIAN}/{each}"
        for each in _listed(root, _DEBIAN)
        if each.endswith(".deb") and each.partition("_")[0] == name
    ]
    found += [
        f"{_PACMAN}/{each}"
        for each in _listed(root, _PACMAN)
        if ".pkg.tar" in each and not each.endswith(".sig") and each.rsplit("-", 3)[0] == name
    ]
    yield from sorted(found, reverse=True)[:_ARCHIVES_LIMIT]


def _listed(root: Root, folder: str) -> list[str]:
    try:
        return root.names(folder)
    except Gone:
        return []


def _members(root: Root, archive: str, asked: Callable[[str], bool]) -> Iterator[Archived]:
    """The regular files of an archive that are asked for by their names in it.  Raises `HostError`."""
    data = root.read(archive, _ARCHIVE_LIMIT + 1)
    if len(data) > _ARCHIVE_LIMIT:
        raise Refused(f"{archive}: larger than {_ARCHIVE_LIMIT >> 20} MiB")
    try:
        stream = _Unpacked(_data_of(data) if data.startswith(_AR) else data)
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=0) as tar:
            for count, member in enumerate(tar):
                if count > _MEMBERS_LIMIT:
                    raise Refused(f"{archive}: more than {_MEMBERS_LIMIT} members")
                if not member.isreg() or not asked(member.name) or member.size > _CONTENT_LIMIT:
                    continue
                content = tar.extractfile(member)
                if content is not None:
                    mode = member.mode & 0o7777
                    yield Archived(archive, member.name, content.read(), mode, member.uid, member.gid)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, ValueError, EOFError, OSError) as error:
        raise Refused(f"{archive}: {error}") from None


def _data_of(deb: bytes) -> bytes:
    """The ``data.tar`` of a Debian package, compressed as it is."""
    at = len(_AR)
    while at + _AR_HEADER <= len(deb):
        name, size = deb[at : at + 16].rstrip(), int(deb[at + 48 : at + 58])
        if size < 0:
            break
        at += _AR_HEADER
        if name.startswith(b"data.tar"):
            return deb[at : at + size]
        at += size + size % 2
    raise ValueError("no data.tar in it")


def _decompressor(data: bytes) -> Any:
    """What unpacks ``data``, by its first bytes; None for what is not compressed."""
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31)
    if data.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    if data.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor(memlimit=_MEMORY_LIMIT)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        try:
            return importlib.import_module("compression.zstd").ZstdDecompressor()
        except ImportError:
            raise ValueError("compressed by zstd, which this Python does not know") from None
    return None


class _Unpacked(io.RawIOBase):
    """Compressed bytes as a stream of so many unpacked ones at most.  Its errors are those of the decompressors."""

    def __init__(self, data: bytes) -> None:
        self._decompressor = _decompressor(data)
        self._packed = memoryview(data)
        self._ready = b""
        self._left = _UNPACKED_LIMIT

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        parts: list[bytes] = []
        while (wanted := size - sum(map(len, parts)) if size >= 0 else _PIECE) > 0:
            if not self._ready and not self._more():
                break
            parts.append(self._ready[:wanted])
            self._ready = self._ready[wanted:]
        return b"".join(parts)

    def _more(self) -> bool:
        """Unpack a piece; False at the end."""
        while not self._ready:
            if not self._packed or getattr(self._decompressor, "eof", False):
                return False
            piece, self._packed = bytes(self._packed[:_PIECE]), self._packed[_PIECE:]
            self._ready = self._decompressor.decompress(piece) if self._decompressor else piece
            self._left -= len(self._ready)
            if self._left < 0:
                raise ValueError(f"unpacks to more than {_UNPACKED_LIMIT >> 20} MiB")
        return True
