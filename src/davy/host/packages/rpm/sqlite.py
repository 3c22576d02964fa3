"""The sqlite database of rpm: a header is the last column of a row of its table ``Packages``.

Source: rpm's ``lib/backend/sqlite.cc``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.host.packages.rpm.stores import BLOB_LIMIT, PACKAGES_LIMIT, TOTAL_LIMIT
from davy.host.root import Root
from davy.host.sqlite_pages import Limits, columns, sqlite_pages

_LIMITS: Final = Limits(rows=PACKAGES_LIMIT, row_bytes=BLOB_LIMIT, total_bytes=TOTAL_LIMIT)


class SqliteStore:
    """Places are a page and the number of a cell on it."""

    def __init__(self, root: Root, path: str) -> None:
        self._root, self.path = root, path

    def headers(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        with sqlite_pages(self._root, self.path, _LIMITS) as pages:
            for place in pages.cells(pages.table("Packages")):
                yield place, _last_column(pages.payload(place))

    def header(self, place: tuple[int, int]) -> bytes:
        with sqlite_pages(self._root, self.path, _LIMITS) as pages:
            return _last_column(pages.payload(place))


def _last_column(payload: bytes) -> bytes:
    *_, last = columns(payload) if payload else (b"",)
    return last
