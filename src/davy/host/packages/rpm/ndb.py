"""The ndb database of rpm, ``Packages.db``, as SUSE has it: a table of slots, and the headers they lead to.

Source: rpm's ``lib/backend/ndb/rpmpkg.c``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from davy.host.errors import Refused
from davy.host.packages.rpm.stores import BLOB_LIMIT, PACKAGES_LIMIT, TOTAL_LIMIT
from davy.host.root import OpenFile, Root

_HEAD: Final = struct.Struct("<4sIII16x")
_SLOT: Final = struct.Struct("<4sIII")
_BLOB: Final = struct.Struct("<4sIII")
_PAGE: Final = 4096
_BLOCK: Final = 16


class NdbStore:
    """Places are the number of the package and the block where its header begins."""

    def __init__(self, root: Root, path: str) -> None:
        self._root, self.path = root, path

    def headers(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        left = TOTAL_LIMIT
        with self._root.opened(self.path) as file:
            for place in self._places(file):
                blob = self._blob(file, place)
                left -= len(blob)
                if left < 0:
                    raise Refused(f"{self.path}: more than Davy reads")
                yield place, blob

    def header(self, place: tuple[int, int]) -> bytes:
        with self._root.opened(self.path) as file:
            return self._blob(file, place)

    def _places(self, file: OpenFile) -> Iterator[tuple[int, int]]:
        head = file.pread(_HEAD.size, 0)
        if len(head) < _HEAD.size:
            raise Refused(f"{self.path}: is cut off")
        magic, version, _, slot_pages = _HEAD.unpack(head)
        if magic != b"RpmP" or version:
            raise Refused(f"{self.path}: not an ndb database that Davy knows")
        if slot_pages * _PAGE // _SLOT.size > PACKAGES_LIMIT:
            raise Refused(f"{self.path}: more than {PACKAGES_LIMIT} packages")
        table = file.pread(slot_pages * _PAGE - _HEAD.size, _HEAD.size)
        for magic, package, block, _ in _SLOT.iter_unpack(table[: len(table) // _SLOT.size * _SLOT.size]):
            if magic == b"Slot" and block:
                yield package, block

    def _blob(self, file: OpenFile, place: tuple[int, int]) -> bytes:
        package, block = place
        head = file.pread(_BLOB.size, block * _BLOCK)
        if len(head) < _BLOB.size:
            raise Refused(f"{self.path}: is cut off")
        magic, owner, _, length = _BLOB.unpack(head)
        if magic != b"BlbS" or owner != package or length > BLOB_LIMIT:
            raise Refused(f"{self.path}: is damaged")
        return file.pread(length, block * _BLOCK + _BLOB.size)
