"""An sqlite database, read as a file: no statement of its schema is run, no lock is taken, and no library is handed it.

A table is a tree of pages.  A row is a number and its columns; what does not fit the row's page goes on in a chain of
further pages.  Pages that were written lately are in the log beside it (``-wal``).

Source: sqlite.org, "Database File Format" (sections 1.3 to 2.1, 4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from davy.host.errors import Gone, Refused
from davy.host.root import OpenFile, Root

_MAGIC: Final = b"SQLite format 3\0"
_INTERIOR, _LEAF = 0x05, 0x0D
_DEPTH_LIMIT: Final = 24
_COLUMNS_LIMIT: Final = 8
"""Of a row that are read; the schema has five."""
_BLOCK: Final = 1 << 16
_FRAMES_LIMIT: Final = 1 << 18
_WAL_HEADER: Final = struct.Struct(">IIIIQ8x")
_WAL_MAGIC: Final = (0x377F0682, 0x377F0683)
_FRAME: Final = struct.Struct(">IIQ8x")

Place = tuple[int, int]
"""Of a row: a page, and the number of a cell on it."""


class Limits(NamedTuple):
    """What is read of one database."""

    rows: int
    row_bytes: int
    total_bytes: int


@contextmanager
def sqlite_pages(root: Root, path: str, limits: Limits) -> Iterator[Pages]:
    """The pages of a database with its log, while it is open.  Raises `HostError`, also for what is damaged."""
    with ExitStack() as opened:
        file = opened.enter_context(root.opened(path))
        try:
            log: OpenFile | None = opened.enter_context(root.opened(f"{path}-wal"))
        except Gone:
            log = None
        try:
            yield Pages(path, file, log, limits)
        except (struct.error, IndexError):
            raise Refused(f"{path}: is damaged") from None


class Pages:
    """The pages of a database as they are after what its log says."""

    def __init__(self, path: str, file: OpenFile, log: OpenFile | None, limits: Limits) -> None:
        self._path, self._limits = path, limits
        head = file.pread(100, 0)
        if not head.startswith(_MAGIC) or len(head) < 100:
            raise Refused(f"{path}: not an sqlite database")
        (size,) = struct.unpack_from(">H", head, 16)
        self.size = 65_536 if size == 1 else size
        if self.size < 512 or self.size & (self.size - 1):
            raise Refused(f"{path}: pages of an impossible size")
        self._usable = self.size - head[20]
        self._file, self._log = file, log
        self._logged = _logged(path, log, self.size) if log else {}
        self._block, self._block_at = b"", 0
        self._left = limits.total_bytes

    def page(self, number: int) -> bytes:
        if self._log and number in self._logged:
            return self._log.pread(self.size, self._logged[number])
        start = (number - 1) * self.size - self._block_at
        if start < 0 or start + self.size > len(self._block):
            self._block_at, start = (number - 1) * self.size, 0
            self._block = self._file.pread(max(_BLOCK, self.size), self._block_at) if number else b""
        data = self._block[start : start + self.size]
        if len(data) < self.size:
            raise Refused(f"{self._path}: is cut off")
        return data

    def table(self, name: str) -> int:
        """The page where the tree of a table begins."""
        for place in self.cells(1):
            told = list(columns(self.payload(place)))
            if len(told) == 5 and told[:2] == [b"table", name.encode()]:
                return int.from_bytes(told[3], "big")
        raise Refused(f"{self._path}: has no table {name}")

    def cells(self, top: int) -> Iterator[Place]:
        """The places of the rows in the tree below one page."""
        seen = {top}
        todo, cells_left = [(top, 0)], self._limits.rows
        while todo:
            number, depth = todo.pop()
            data = self.page(number)
            start = 100 if number == 1 else 0
            kind, count = data[start], int.from_bytes(data[start + 3 : start + 5], "big")
            if kind == _LEAF:
                cells_left -= count or 1
                if cells_left < 0:
                    raise Refused(f"{self._path}: more than {self._limits.rows} rows")
                yield from ((number, cell) for cell in range(count))
            elif kind == _INTERIOR and depth < _DEPTH_LIMIT:
                pointers = struct.unpack_from(f">{count}H", data, start + 12)
                below = [int.from_bytes(data[at : at + 4], "big") for at in pointers]
                below.append(int.from_bytes(data[start + 8 : start + 12], "big"))
                if len(set(below)) < len(below) or not seen.isdisjoint(below):
                    raise Refused(f"{self._path}: its tree is none")
                seen.update(below)
                todo += [(child, depth + 1) for child in reversed(below)]
            else:
                raise Refused(f"{self._path}: its tree is none")

    def payload(self, place: Place) -> bytes:
        """The row at a place."""
        number, cell = place
        data = self.page(number)
        start = 100 if number == 1 else 0
        if data[start] != _LEAF:
            raise Refused(f"{self._path}: was changed meanwhile")
        (at,) = struct.unpack_from(">H", data, start + 8 + 2 * cell)
        length, at = _varint(data, at)
        _, at = _varint(data, at)
        if length > self._limits.row_bytes:
            raise Refused(f"{self._path}: a row of more than {self._limits.row_bytes >> 20} MiB")
        self._left -= length
        if self._left < 0:
            raise Refused(f"{self._path}: more than {self._limits.total_bytes >> 20} MiB of rows")
        local = self._local(length)
        parts, left = [data[at : at + local]], length - local
        (following,) = struct.unpack_from(">I", data, at + local) if left else (0,)
        while left > 0:
            data = self.page(following)
            following = int.from_bytes(data[:4], "big")
            parts.append(data[4 : min(self._usable, 4 + left)])
            left -= len(parts[-1])
        return b"".join(parts)

    def _local(self, length: int) -> int:
        """How much of a row of that length is on its own page."""
        most = self._usable - 35
        if length <= most:
            return length
        least = (self._usable - 12) * 32 // 255 - 23
        wanted = least + (length - least) % (self._usable - 4)
        return wanted if wanted <= most else least


def _logged(path: str, log: OpenFile, size: int) -> dict[int, int]:
    """Where in the log the last committed version of each page is.

    The salts tell the frames that count from those of earlier times; that their checksums fit is not asked, which only
    matters if the machine went down while a frame was written.
    """
    head = log.pread(_WAL_HEADER.size, 0)
    if len(head) < _WAL_HEADER.size:
        return {}
    magic, _, page_size, _, salts = _WAL_HEADER.unpack(head)
    found: dict[int, int] = {}
    if magic not in _WAL_MAGIC or page_size != size:
        return found
    pending: dict[int, int] = {}
    for frame in range(_FRAMES_LIMIT):
        at = _WAL_HEADER.size + frame * (_FRAME.size + size)
        told = log.pread(_FRAME.size, at)
        if len(told) < _FRAME.size or at + _FRAME.size + size > log.size:
            return found
        number, pages_after_commit, frame_salts = _FRAME.unpack(told)
        if frame_salts != salts:
            return found
        pending[number] = at + _FRAME.size
        if pages_after_commit:
            found |= pending
            pending = {}
    raise Refused(f"{path}-wal: longer than Davy reads")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for count in range(8):
        byte = data[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    return value << 8 | data[at + 8], at + 9


def columns(payload: bytes) -> Iterator[bytes]:
    """The columns of a row, numbers as their bytes."""
    end, at = _varint(payload, 0)
    value = end
    for _ in range(_COLUMNS_LIMIT):
        if at >= end:
            return
        kind, at = _varint(payload, at)
        size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind] if kind < 12 else (kind - 12) // 2
        yield payload[value : value + size]
        value += size
