"""Arch Linux's packages: a folder for each, with its paths (``files``) and a manifest of their contents (``mtree``).

Source: alpm's ``lib/libalpm/be_local.c``, pacman(8), PKGBUILD(5) for ``backup``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from typing import Final

from davy.host.digests import Digest, SumKind
from davy.host.errors import Gone, HostError, Refused
from davy.host.packages.lists import Lists, Parts
from davy.host.packages.mtree import Mtree
from davy.host.packages.protocol import Diversion, Expected, Sum
from davy.host.root import Root

_LOCAL: Final = "/var/lib/pacman/local"
_FILE_LIMIT: Final = 32 << 20
_TOTAL_LIMIT: Final = 256 << 20
_MANIFESTS_LIMIT: Final = 512 << 20
"""Bytes of all manifests, which are as many as three million paths."""


def pacman_catalogue(root: Root) -> PacmanCatalogue | None:
    try:
        root.stat(_LOCAL)
    except Gone:
        return None
    return PacmanCatalogue(root)


class PacmanCatalogue:
    """A package that cannot be read owns nothing."""

    kinds = frozenset({SumKind.SHA256, SumKind.MD5})

    def __init__(self, root: Root) -> None:
        self._root = root
        self._lists = Lists(self._every_list, self._list)
        self._opened: tuple[str, bytes, Mtree | None] = ("", b"", None)

    def diversions(self) -> Sequence[Diversion]:
        return ()

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        lines = {line: path for path in wanted if path != b"/" for line in (path[1:], path[1:] + b"/")}
        for line, package in self._lists.holders(lines.keys()):
            yield lines[line], package

    def _every_list(self) -> Parts:
        left = _TOTAL_LIMIT
        for package in self._folders:
            for part in self._list(package):
                left -= sum(map(len, part))
                yield package, part
            if left < 0:
                raise Refused(f"{_LOCAL}: more than {_TOTAL_LIMIT >> 20} MiB of lists")

    def _list(self, package: str) -> Iterator[list[bytes]]:
        try:
            data = self._whole(package, "files")
        except HostError:
            return
        yield _listed(data)

    def entry(self, package: str, path: bytes) -> Expected | None:
        files, manifest = self._contents(package)
        told = manifest.entry(path[1:]) if manifest else None
        backup = _backup(files, path[1:])
        if told is None and backup is None:
            return None
        return Expected(
            package=package,
            sum=told.sum if told else backup,
            mode=told.mode if told else None,
            target=told.target if told else None,
            configuration=backup is not None,
        )

    def listed(self, package: str) -> Iterator[bytes]:
        files, _ = self._contents(package)
        for line in filter(None, _listed(files)):
            yield b"/" + line.rstrip(b"/")

    def twin(self, digest: Digest) -> tuple[str, bytes] | None:
        sought = bytes.fromhex(digest.sha256)
        for package, sums in self._sums.items():
            if sought in sums and (manifest := self._manifest(package)):
                for path, told in manifest.sha256():
                    if told == sought:
                        return package, b"/" + path
        return None

    @cached_property
    def _folders(self) -> dict[str, str]:
        """The folder of each package: ``NAME-VERSION-RELEASE``, the last two without a hyphen."""
        parted = ((name.rsplit("-", 2), name) for name in self._root.names(_LOCAL))
        return {parts[0]: name for parts, name in parted if len(parts) == 3}

    def _contents(self, package: str) -> tuple[bytes, Mtree | None]:
        """The list and the manifest of a package; those of the last are kept."""
        if self._opened[0] != package:
            try:
                files = self._whole(package, "files")
            except Gone:
                files = b""
            self._opened = (package, files, self._manifest(package))
        return self._opened[1:]

    def _manifest(self, package: str) -> Mtree | None:
        try:
            return Mtree(self._whole(package, "mtree"))
        except Gone:
            return None

    def _whole(self, package: str, name: str) -> bytes:
        path = f"{_LOCAL}/{self._folders.get(package, package)}/{name}"
        data = self._root.read(path, _FILE_LIMIT)
        if len(data) == _FILE_LIMIT:
            raise Refused(f"{path}: larger than {_FILE_LIMIT >> 20} MiB")
        return data

    @cached_property
    def _sums(self) -> dict[str, bytes]:
        """The raw sums of all files of each package, one after the other; kept."""
        found, left = {}, _MANIFESTS_LIMIT
        for package in self._folders:
            try:
                manifest = self._manifest(package)
            except HostError:
                continue
            if manifest:
                left -= manifest.size
                if left < 0:
                    raise Refused(f"{_LOCAL}: more than {_MANIFESTS_LIMIT >> 20} MiB of manifests")
                found[package] = b"".join(told for _, told in manifest.sha256())
        return found


def _listed(files: bytes) -> list[bytes]:
    """The paths, without their first slash; those of folders end with one."""
    return files.partition(b"%FILES%\n")[2].partition(b"\n\n")[0].split(b"\n")


def _backup(files: bytes, path: bytes) -> Sum | None:
    """The sum of ``path`` if it is among the files that are kept where their administrator changed them."""
    section = b"\n" + files.partition(b"%BACKUP%\n")[2].partition(b"\n\n")[0]
    md5 = section.partition(b"\n" + path + b"\t")[2].partition(b"\n")[0]
    return Sum.listed(SumKind.MD5, md5)
