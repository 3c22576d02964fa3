"""Alpine's packages: one text of stanzas, a line per folder (``F:``), file (``R:``), mode (``a:``) and sum (``Z:``).

A link has the sum of where it points, and nothing says that it is one.

Source: apk-tools' ``doc/apk-package.5.scd`` and ``src/database.c``; the Alpine wiki's "Apk spec".
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from typing import Final, NamedTuple

from davy.host.digests import Digest, SumKind
from davy.host.errors import Gone, Refused
from davy.host.packages.protocol import Diversion, Expected, Sum
from davy.host.root import Root

_PLACES: Final = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_LIMIT: Final = 64 << 20
_FILES_LIMIT: Final = 1_000_000
_KINDS: Final = {b"Q1": (SumKind.SHA1, 20), b"Q2": (SumKind.SHA256, 32)}
_ORDINARY_MODE: Final = 0o644
_LINK_MODE: Final = 0o777


def apk_catalogue(root: Root) -> ApkCatalogue | None:
    for place in _PLACES:
        try:
            root.stat(place)
        except Gone:
            continue
        return ApkCatalogue(root, place)
    return None


class _File(NamedTuple):
    package: str
    told: bytes
    """Its lines after the one with its name."""


class ApkCatalogue:
    """The whole text is kept, by path."""

    kinds = frozenset({SumKind.SHA1, SumKind.SHA256})

    def __init__(self, root: Root, place: str) -> None:
        self._root, self._place = root, place

    def diversions(self) -> Sequence[Diversion]:
        return ()

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        for path in wanted & self._files.keys():
            yield path, self._files[path].package

    def entry(self, package: str, path: bytes) -> Expected | None:
        file = self._files.get(path)
        if file is None or file.package != package:
            return None
        told = file.told.split(b"\n")
        mode, sum_ = _mode(told), next((_sum(line[2:]) for line in told if line.startswith(b"Z:")), None)
        return Expected(
            package=package, sum=sum_, target_sum=sum_ if mode == _LINK_MODE else None, mode=mode,
            configuration=path.startswith(b"/etc/"),
        )  # fmt: skip

    def listed(self, package: str) -> Iterator[bytes]:
        for path, file in self._files.items():
            if file.package == package:
                yield path

    def twin(self, digest: Digest) -> tuple[str, bytes] | None:
        lines = {
            b"Z:" + mark + base64.b64encode(bytes.fromhex(told))
            for mark, (kind, size) in _KINDS.items()
            if len(told := digest.of(kind)) == 2 * size
        }
        for path, file in self._files.items():
            theirs = file.told.split(b"\n")
            if not lines.isdisjoint(theirs) and _mode(theirs) != _LINK_MODE:
                return file.package, path
        return None

    @cached_property
    def _files(self) -> dict[bytes, _File]:
        """By path; what two packages list is the first's."""
        data = self._root.read(self._place, _LIMIT)
        if len(data) == _LIMIT:
            raise Refused(f"{self._place}: larger than {_LIMIT >> 20} MiB")
        found: dict[bytes, _File] = {}
        for stanza in data.split(b"\n\n"):
            head, *folders = (b"\n" + stanza).split(b"\nF:")
            package = os.fsdecode(head.partition(b"\nP:")[2].partition(b"\n")[0])
            if package:
                for folder in folders:
                    _, *files = folder.split(b"\nR:")
                    prefix = b"/%s/" % folder.partition(b"\n")[0] if folder[:1].strip() else b"/"
                    for line in files:
                        name, _, told = line.partition(b"\n")
                        found.setdefault(prefix + name, _File(package, told))
            if len(found) > _FILES_LIMIT:
                raise Refused(f"{self._place}: more than {_FILES_LIMIT} files")
        return found


def _mode(told: Sequence[bytes]) -> int:
    """Of a line ``a:0:0:755`` or ``a:0:0:755:Q1...``; files of the ordinary mode have none."""
    fields = next((line for line in told if line.startswith(b"a:")), b"").split(b":")
    try:
        return int(fields[3], 8) & 0o7777
    except (IndexError, ValueError):
        return _ORDINARY_MODE


def _sum(told: bytes) -> Sum | None:
    kind, size = _KINDS.get(told[:2], (None, 0))
    try:
        raw = base64.b64decode(told[2:], validate=True)
    except binascii.Error:
        return None
    return Sum(kind, raw.hex()) if kind and len(raw) == size else None
