"""The Berkeley DB hash of rpm, ``Packages``, as Red Hat had it until its release 8, and Amazon Linux until 2.

Pages of pairs: a package's number, and its header, which goes on in a chain of further pages.  The order of the pairs
does not matter here, so no bucket is looked for: all pages are gone through.

Source: rpm's ``lib/backend/bdb_ro.cc``; Berkeley DB's ``src/dbinc/db_page.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from davy.host.errors import Refused
from davy.host.packages.rpm.stores import BLOB_LIMIT, PACKAGES_LIMIT, TOTAL_LIMIT
from davy.host.root import OpenFile, Root

_MAGIC: Final = 0x061561
_HASH_PAGES: Final = (2, 13)
_OVERFLOW_PAGE: Final = 7
_ON_PAGE, _OFF_PAGE = 1, 3
_PAGE_HEADER: Final = 26
_FILE_LIMIT: Final = 1 << 30
_BLOCK: Final = 1 << 18


class BerkeleyStore:
    """Places are the first page of a header's chain, and the bytes of the header."""

    def __init__(self, root: Root, path: str) -> None:
        self._root, self.path = root, path

    def headers(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        left = TOTAL_LIMIT
        with self._pages() as pages:
            for place in pages.chains():
                left -= place[1]
                if left < 0:
                    raise Refused(f"{self.path}: more than Davy reads")
                yield place, pages.chain(place)

    def header(self, place: tuple[int, int]) -> bytes:
        with self._pages() as pages:
            return pages.chain(place)

    @contextmanager
    def _pages(self) -> Iterator[_Pages]:
        with self._root.opened(self.path) as file:
            try:
                yield _Pages(self.path, file)
            except (struct.error, IndexError):
                raise Refused(f"{self.path}: is damaged") from None


class _Pages:
    def __init__(self, path: str, file: OpenFile) -> None:
        self._path = path
        head = file.pread(512, 0)
        self._order = next((order for order in "<>" if struct.unpack_from(f"{order}I", head, 12)[0] == _MAGIC), "")
        if not self._order:
            raise Refused(f"{path}: not a Berkeley DB hash")
        self._size, self._last = (struct.unpack_from(f"{self._order}I", head, at)[0] for at in (20, 32))
        if self._size not in (512 << shift for shift in range(8)):
            raise Refused(f"{path}: pages of an impossible size")
        if self._size * self._last > _FILE_LIMIT:
            raise Refused(f"{path}: larger than {_FILE_LIMIT >> 30} GiB")
        self._file = file
        self._block, self._block_at = b"", 0

    def _page(self, number: int) -> bytes:
        start = number * self._size - self._block_at
        if start < 0 or start + self._size > len(self._block):
            self._block_at, start = number * self._size, 0
            self._block = self._file.pread(_BLOCK, self._block_at)
        return self._block[start : start + self._size]

    def chains(self) -> Iterator[tuple[int, int]]:
        """First page and length of each value that did not fit the page of its pair, as no header does."""
        words, pairs_left = struct.Struct(f"{self._order}II"), PACKAGES_LIMIT
        for number in range(1, self._last + 1):
            page = self._page(number)
            if len(page) < self._size:
                return
            if page[25] in _HASH_PAGES:
                (entries,) = struct.unpack_from(f"{self._order}H", page, 20)
                offsets = struct.unpack_from(f"{self._order}{entries}H", page, _PAGE_HEADER)
                pairs_left -= entries // 2
                if pairs_left < 0:
                    raise Refused(f"{self._path}: more than {PACKAGES_LIMIT} packages")
                for value in offsets[1::2]:
                    if page[value] == _OFF_PAGE:
                        first, length = words.unpack_from(page, value + 4)
                        yield first, length

    def chain(self, place: tuple[int, int]) -> bytes:
        following, left = place
        if left > BLOB_LIMIT:
            raise Refused(f"{self._path}: a header of more than {BLOB_LIMIT >> 20} MiB")
        parts = []
        for _ in range(left // (self._size - _PAGE_HEADER) + 1):
            page = self._page(following)
            (used,) = struct.unpack_from(f"{self._order}H", page, 22)
            (following,) = struct.unpack_from(f"{self._order}I", page, 16)
            if page[25] != _OVERFLOW_PAGE or not used:
                raise Refused(f"{self._path}: a chain of pages that breaks off")
            parts.append(page[_PAGE_HEADER : _PAGE_HEADER + min(used, left)])
            left -= len(parts[-1])
            if not left:
                return b"".join(parts)
        raise Refused(f"{self._path}: a chain of pages that are not full")
