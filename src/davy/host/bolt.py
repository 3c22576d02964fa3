"""A bbolt database, read as a file: the keys and values of its buckets, within bounds, without its lock.

Two pages of metadata say where the tree of the top bucket begins; the later one that is whole counts.  A tree's leaves
hold pairs; a value may be a bucket itself, whose tree begins at a page of its own or, if it is small, stands in place.
Pages are never written in place while somebody may read them, but a writer does not know of us: what it wrote over
meanwhile is met as damage.

Source: go.etcd.io/bbolt (``internal/common``: ``page.go``, ``meta.go``, ``bucket.go``); little-endian machines.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from davy.host.errors import Refused
from davy.host.root import OpenFile, Root

TOTAL_LIMIT: Final = 64 << 20
"""Bytes of pages, keys and values that are read of one database."""
PAGE_LIMIT: Final = 8 << 20
"""Bytes of one page with those that it runs over to."""
_DEPTH_LIMIT: Final = 24
_MAGIC: Final = 0xED0CDAED
_VERSION: Final = 2
_PAGE: Final = struct.Struct("<QHHI")
"""Number, kind, count of elements, how many pages it runs over to."""
_META: Final = struct.Struct("<IIIIQQQQQQ")
"""Magic, version, page size, flags, page and sequence of the top bucket, list of free pages, end, transaction, sum."""
_SUMMED: Final = _META.size - 8
_BRANCH_ELEMENT: Final = struct.Struct("<IIQ")
"""Where its key is, counted from the element; the key's length; the page below."""
_LEAF_ELEMENT: Final = struct.Struct("<IIII")
"""Flags; where its key is, counted from the element; the lengths of key and value."""
_BUCKET: Final = struct.Struct("<QQ")
"""The page where its tree begins, 0 if that follows; a sequence."""
_BRANCH, _LEAF = 0x01, 0x02
_IS_BUCKET: Final = 0x01
_PAGE_SIZES: Final = tuple(1024 << power for power in range(7))


class Bucket(NamedTuple):
    """Where a bucket is: the page where its tree begins, or its only leaf."""

    page: int
    leaf: bytes = b""


class Bolt:
    """An open database.  Methods raise `HostError`."""

    def __init__(self, path: str, file: OpenFile, limit: int) -> None:
        self._path, self._file, self._left = path, file, limit
        metas = [meta for at in (0, *_PAGE_SIZES) if (meta := _meta(file.pread(_PAGE.size + _META.size, at), at))]
        if not metas:
            raise Refused(f"{path}: not a bbolt database")
        latest = max(metas, key=lambda meta: meta.transaction)
        self._size, self.top = latest.page_size, Bucket(latest.top)

    def bucket(self, *keys: bytes) -> Bucket | None:
        """The bucket that keys lead to from the top, if there is one."""
        found = self.top
        for key in keys:
            below = self.value(found, key)
            if not isinstance(below, Bucket):
                return None
            found = below
        return found

    def value(self, bucket: Bucket, key: bytes) -> bytes | Bucket | None:
        """What stands under a key of a bucket."""
        return next((value for other, value in self.items(bucket) if other == key), None)

    def items(self, bucket: Bucket) -> Iterator[tuple[bytes, bytes | Bucket]]:
        """The keys of a bucket, in order, with their values."""
        if bucket.leaf:
            yield from self._leaf(bucket.leaf)
            return
        seen = {bucket.page}
        todo = [(bucket.page, 0)]
        while todo:
            number, depth = todo.pop()
            page = self._page(number)
            kind = _PAGE.unpack_from(page)[1]
            if kind == _LEAF:
                yield from self._leaf(page)
            elif kind == _BRANCH and depth < _DEPTH_LIMIT:
                below = list(_below(page))
                if len(set(below)) < len(below) or not seen.isdisjoint(below):
                    raise Refused(f"{self._path}: its tree is none")
                seen.update(below)
                todo += [(child, depth + 1) for child in reversed(below)]
            else:
                raise Refused(f"{self._path}: its tree is none")

    def _page(self, number: int) -> bytes:
        """A page whole, with those that it runs over to."""
        if number > self._file.size // self._size:
            raise Refused(f"{self._path}: is cut off")
        at = number * self._size
        head = self._file.pread(_PAGE.size, at)
        own, _, _, further = _PAGE.unpack(head)
        size = (further + 1) * self._size
        if own != number:
            raise Refused(f"{self._path}: is damaged")
        if size > PAGE_LIMIT:
            raise Refused(f"{self._path}: a page of more than {PAGE_LIMIT >> 20} MiB")
        self._spend(size)
        page = self._file.pread(size, at)
        if len(page) < size:
            raise Refused(f"{self._path}: is cut off")
        return page

    def _leaf(self, page: bytes) -> Iterator[tuple[bytes, bytes | Bucket]]:
        _, kind, count, _ = _PAGE.unpack_from(page)
        if kind != _LEAF:
            raise Refused(f"{self._path}: is damaged")
        for at in range(_PAGE.size, _PAGE.size + count * _LEAF_ELEMENT.size, _LEAF_ELEMENT.size):
            flags, start, key_size, value_size = _LEAF_ELEMENT.unpack_from(page, at)
            middle = at + start + key_size
            if middle + value_size > len(page):
                raise Refused(f"{self._path}: is damaged")
            self._spend(_LEAF_ELEMENT.size + key_size + value_size)
            value = page[middle : middle + value_size]
            yield page[at + start : middle], _bucket(value) if flags & _IS_BUCKET else value

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Refused(f"{self._path}: more to read than Davy does")


@contextmanager
def bolt(root: Root, path: str, limit: int = TOTAL_LIMIT) -> Iterator[Bolt]:
    """A database while it is open, of which so many bytes are read.  Raises `HostError`, also for what is damaged."""
    with root.opened(path) as file:
        try:
            yield Bolt(path, file, limit)
        except struct.error:
            raise Refused(f"{path}: is damaged") from None


class _Meta(NamedTuple):
    page_size: int
    top: int
    transaction: int


def _meta(data: bytes, at: int) -> _Meta | None:
    """The metadata that stand in a page which begins at ``at``, if they are whole."""
    if len(data) < _PAGE.size + _META.size:
        return None
    magic, version, size, _, top, _, _, _, transaction, checksum = _META.unpack_from(data, _PAGE.size)
    whole = checksum == _fnv(data[_PAGE.size : _PAGE.size + _SUMMED])
    if magic != _MAGIC or version != _VERSION or not whole or size not in _PAGE_SIZES or at not in (0, size):
        return None
    return _Meta(size, top, transaction)


def _fnv(data: bytes) -> int:
    """The sum of metadata: FNV-1a of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def _below(page: bytes) -> Iterator[int]:
    count = _PAGE.unpack_from(page)[2]
    for at in range(_PAGE.size, _PAGE.size + count * _BRANCH_ELEMENT.size, _BRANCH_ELEMENT.size):
        yield _BRANCH_ELEMENT.unpack_from(page, at)[2]


def _bucket(value: bytes) -> Bucket:
    page, _ = _BUCKET.unpack_from(value)
    return Bucket(page) if page else Bucket(0, value[_BUCKET.size :])
