"""bbolt files as the library writes them: metadata twice, trees of branches and leaves, small buckets in place."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

PAGE = 4096
Tree = Mapping[bytes, "bytes | Tree"]


def fnv(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def meta(number: int, top: int, transaction: int, *, page: int = PAGE) -> bytes:
    fields = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, page, 0, top, 0, 2, 99, transaction)
    return (struct.pack("<QHHI", number, 4, 0, 0) + fields + struct.pack("<Q", fnv(fields))).ljust(page, b"\0")


def leaf(number: int, pairs: Sequence[tuple[int, bytes, bytes]], *, pages: int = 1) -> bytes:
    """A page of (flags, key, value)."""
    head, body, at = struct.pack("<QHHI", number, 2, len(pairs), pages - 1), b"", 16 * len(pairs)
    for count, (flags, key, value) in enumerate(pairs):
        head += struct.pack("<IIII", flags, at - 16 * count, len(key), len(value))
        body += key + value
        at += len(key) + len(value)
    return head + body


def branch(number: int, below: Sequence[int]) -> bytes:
    elements = b"".join(struct.pack("<IIQ", 16 * (len(below) - count), 0, page) for count, page in enumerate(below))
    return struct.pack("<QHHI", number, 1, len(below), 0) + elements


class _Writer:
    def __init__(self, page: int, fanout: int) -> None:
        self.page, self.fanout, self.pages = page, fanout, {2: struct.pack("<QHHI", 2, 16, 0, 0).ljust(page, b"\0")}
        self.next = 3

    def add(self, made: bytes, number: int) -> int:
        self.pages[number] = made.ljust(-(-len(made) // self.page) * self.page, b"\0")
        return number

    def take(self, pages: int = 1) -> int:
        self.next += pages
        return self.next - pages

    def bucket(self, tree: Tree) -> bytes:
        small = sum(len(key) + len(value) + 16 for key, value in tree.items()) < self.page // 4
        if small and all(isinstance(value, bytes) for value in tree.values()):
            return struct.pack("<QQ", 0, 0) + leaf(0, self.pairs(tree))
        return struct.pack("<QQ", self.tree(tree), 0)

    def pairs(self, tree: Tree) -> list[tuple[int, bytes, bytes]]:
        return [
            (0, key, value) if isinstance(value, bytes) else (1, key, self.bucket(value))
            for key, value in sorted(tree.items())
        ]

    def tree(self, tree: Tree) -> int:
        pairs = self.pairs(tree)
        parts = [pairs[start : start + self.fanout] for start in range(0, len(pairs), self.fanout)] or [[]]
        numbers = []
        for part in parts:
            pages = -(-len(leaf(0, part)) // self.page)
            number = self.take(pages)
            numbers.append(self.add(leaf(number, part, pages=pages), number))
        if len(numbers) == 1:
            return numbers[0]
        number = self.take()
        return self.add(branch(number, numbers), number)


def bolt_file(tree: Tree, *, page: int = PAGE, fanout: int = 50) -> bytes:
    """A database that holds a tree of buckets.  The older metadata know an empty one."""
    writer = _Writer(page, fanout)
    empty = writer.tree({})
    top = writer.tree(tree)
    pages = writer.pages | {0: meta(0, top, 8, page=page), 1: meta(1, empty, 7, page=page)}
    return b"".join(pages[number] for number in sorted(pages))
