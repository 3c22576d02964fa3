"""Packages of an image that was put together without dpkg, as distroless ones are: named as Debian names them.

There are no lists: a package owns the files of which it has sums.

Source: deb-md5sums(5), distroless' ``/var/lib/dpkg/status.d``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from typing import Final

from davy.host.digests import Digest, SumKind
from davy.host.errors import Gone, Refused
from davy.host.packages.protocol import Diversion, Expected, Sum
from davy.host.root import Root

_FOLDER: Final = "/var/lib/dpkg/status.d"
_SUFFIX: Final = ".md5sums"
_TOTAL_LIMIT: Final = 32 << 20


def static_catalogue(root: Root) -> StaticCatalogue | None:
    try:
        root.stat(_FOLDER)
    except Gone:
        return None
    return StaticCatalogue(root)


class StaticCatalogue:
    """The sums of all packages are kept: such images are small."""

    kinds = frozenset({SumKind.MD5})

    def __init__(self, root: Root) -> None:
        self._root = root

    def diversions(self) -> Sequence[Diversion]:
        return ()

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        for package, sums in self._sums.items():
            for path in wanted & sums.keys():
                yield path, package

    def entry(self, package: str, path: bytes) -> Expected | None:
        listed = Sum.listed(SumKind.MD5, self._sums.get(package, {}).get(path, b""))
        return Expected(package=package, sum=listed) if listed else None

    def listed(self, package: str) -> Iterator[bytes]:
        yield from self._sums.get(package, ())

    def twin(self, digest: Digest) -> tuple[str, bytes] | None:
        return next(
            (
                (package, path)
                for package, sums in self._sums.items()
                for path, md5 in sums.items()
                if digest.md5 and md5 == digest.md5.encode()
            ),
            None,
        )

    @cached_property
    def _sums(self) -> dict[str, dict[bytes, bytes]]:
        left, found = _TOTAL_LIMIT, {}
        for name in self._root.names(_FOLDER):
            if not name.endswith(_SUFFIX):
                continue
            data = self._root.read(f"{_FOLDER}/{name}", left)
            left -= len(data)
            if not left:
                raise Refused(f"{_FOLDER}: more than {_TOTAL_LIMIT >> 20} MiB of sums")
            found[name.removesuffix(_SUFFIX)] = {
                b"/" + line[34:].removeprefix(b"./"): line[:32] for line in data.split(b"\n") if line[32:34] == b"  "
            }
        return found
