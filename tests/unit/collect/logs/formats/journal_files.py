"""Writes journal files as systemd does, small ones, for tests: every layout and compression, and whole or broken.

What is written is read by ``journalctl --file`` too; hashes are not computed, for nobody looks values up by them here.

Source: systemd, "Journal File Format".
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable, Mapping

from backports import zstd

HEADER = struct.Struct("<8sIIB7x16s16s16s16s21Q2IQ")
HEADER_SIZE = 272
XZ, LZ4, ZSTD = 1, 2, 4
INCOMPATIBLE = {XZ: 1, LZ4: 2, ZSTD: 8}
BUCKETS = 16
COMPRESS_FROM = 64

Fields = Mapping[str, str | bytes]


def lz4_block(data: bytes) -> bytes:
    """One block; of a run of equal bytes at the end all but the first and the last five are a copy."""
    run = len(data) - len(data.rstrip(data[-1:]))
    if run < 20:
        return lz4_sequence(data, None)
    first = len(data) - run + 1
    return lz4_sequence(data[:first], run - 6) + lz4_sequence(data[-5:], None)


def lz4_sequence(literals: bytes, match: int | None) -> bytes:
    more = 0 if match is None else match - 4
    token = bytes([min(len(literals), 15) << 4 | min(more, 15)])
    copy = b"" if match is None else struct.pack("<H", 1) + lz4_length(more)
    return token + lz4_length(len(literals)) + literals + copy


def lz4_length(length: int) -> bytes:
    return b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255]) if length >= 15 else b""


def packed(kind: int, data: bytes) -> bytes:
    if kind == XZ:
        return lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_NONE)
    if kind == ZSTD:
        return zstd.compress(data)
    return struct.pack("<Q", len(data)) + lz4_block(data)


class Chain:
    """One growing chain of arrays."""

    def __init__(self) -> None:
        self.first = 0
        self.arrays: list[tuple[int, int]] = []
        self.count = 0


class Writer:
    def __init__(self, *, compact: bool = True, compression: int = 0, state: int = 1) -> None:
        self.compact, self.compression = compact, compression
        self.out = bytearray(HEADER_SIZE)
        self.state = state
        self.field_table = self._object(5, bytes(16 * BUCKETS))
        self.data_table = self._object(4, bytes(16 * BUCKETS))
        self.fields: dict[bytes, int] = {}
        self.values: dict[bytes, tuple[int, Chain]] = {}
        self.main = Chain()
        self.times: list[int] = []
        self.entries: list[int] = []

    def _object(self, kind: int, body: bytes, flags: int = 0) -> int:
        self.out += bytes(-len(self.out) % 8)
        at = len(self.out)
        self.out += struct.pack("<BB6xQ", kind, flags, 16 + len(body)) + body
        return at

    def put(self, at: int, number: int, form: str = "<Q") -> None:
        struct.pack_into(form, self.out, at, number)

    def _field(self, name: bytes) -> int:
        if name not in self.fields:
            bucket = self.field_table + 16 + 16 * (len(name) % BUCKETS)
            before = struct.unpack_from("<Q", self.out, bucket)[0]
            self.fields[name] = self._object(2, struct.pack("<QQQ", 0, before, 0) + name)
            self.put(bucket, self.fields[name])
            self.put(bucket + 8, self.fields[name])
        return self.fields[name]

    def _value(self, name: str, value: str | bytes) -> tuple[int, Chain]:
        raw = name.encode() + b"=" + (value if isinstance(value, bytes) else value.encode())
        if raw in self.values:
            return self.values[raw]
        field = self._field(name.encode())
        before = struct.unpack_from("<Q", self.out, field + 32)[0]
        flags = self.compression if len(raw) >= COMPRESS_FROM else 0
        body = packed(flags, raw) if flags else raw
        head = struct.pack("<QQQQQQ", 0, 0, before, 0, 0, 0) + (bytes(8) if self.compact else b"")
        at = self._object(1, head + body, flags)
        self.put(field + 32, at)
        self.values[raw] = at, Chain()
        return self.values[raw]

    def _link(self, chain: Chain, entry: int) -> int | None:
        """Adds to a chain; where its first array stands if that is new."""
        size, form = (4, "<I") if self.compact else (8, "<Q")
        held = sum(length for _, length in chain.arrays)
        new = None
        if chain.count == held:
            length = max(4, held * 2)
            array = self._object(6, bytes(8 + length * size))
            if chain.arrays:
                self.put(chain.arrays[-1][0] + 16, array)
            else:
                new = array
            chain.arrays.append((array, length))
            held += length
        array, length = chain.arrays[-1]
        self.put(array + 24 + (chain.count - (held - length)) * size, entry, form)
        chain.count += 1
        return new

    def add(self, time: float, fields: Fields) -> int:
        """Where the entry stands."""
        values = [self._value(*each) for each in fields.items()]
        micros = round(time * 1e6)
        items = b"".join(struct.pack("<I", at) if self.compact else struct.pack("<QQ", at, 0) for at, _ in values)
        number = len(self.times) + 1
        body = struct.pack("<QQQ16sQ", number, micros, number, b"b" * 16, 0) + items
        entry = self._object(3, body)
        self.times.append(micros)
        self.entries.append(entry)
        self._link(self.main, entry)
        for at, chain in values:
            if not chain.first:
                chain.first = entry
                self.put(at + 40, entry)
            else:
                new = self._link(chain, entry)
                if new:
                    self.put(at + 48, new)
            self.put(at + 56, chain.count + 1)
        return entry

    def seal(self) -> None:
        self._object(7, bytes(48))

    def file(self) -> bytes:
        main = self.main.arrays[0][0] if self.main.arrays else 0
        incompatible = (16 if self.compact else 0) | INCOMPATIBLE.get(self.compression, 0)
        times = self.times or [0]
        HEADER.pack_into(
            self.out, 0, b"LPKSHHRH", 0, incompatible, self.state, b"f" * 16, b"m" * 16, b"b" * 16, b"s" * 16,
            HEADER_SIZE, len(self.out) - HEADER_SIZE, self.data_table + 16, 16 * BUCKETS, self.field_table + 16,
            16 * BUCKETS, 0, len(self.times) * 4, len(self.times), len(self.times), 1, main, times[0], times[-1],
            0, len(self.values), len(self.fields), 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        return bytes(self.out)


def journal(entries: Iterable[tuple[float, Fields]], *, compact: bool = True, compression: int = 0) -> bytes:
    writer = Writer(compact=compact, compression=compression)
    for time, fields in entries:
        writer.add(time, fields)
    return writer.file()
