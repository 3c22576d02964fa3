"""The objects of a journal file, read where they stand: no index is built, and nothing is mapped into memory.

Everything in the file may be an enemy's: an offset leads into the file or nowhere, chains only lead on (the next array
stands behind the one before), and every length has a bound.

Source: systemd, "Journal File Format", and ``journal-def.h`` (compact files since 252).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.logs.formats.journal.compressed import LZ4, XZ, ZSTD, DamagedError, unpacked
from davy.host import HostError
from davy.host.root import OpenFile
from davy.model.logs import Span

_MAGIC: Final = b"LPKSHHRH"
_HEADER: Final = struct.Struct("<8sIIB7x64x14Q")
_KNOWN_FLAGS: Final = 0x1F
"""Incompatible ones: XZ, LZ4, keyed hashes, ZSTD, compact."""
_COMPACT: Final = 0x10
_DATA, _FIELD, _ENTRY, _ARRAY = 1, 2, 3, 6
_OBJECT: Final = struct.Struct("<BB6xQ")
_DATA_HEAD: Final = struct.Struct("<BB6xQ16xQQQQ")
_FIELD_HEAD: Final = struct.Struct("<BB6xQ8xQQ")
_ENTRY_HEAD: Final = struct.Struct("<Bx6xQQQQ16s")
_ARRAY_HEAD: Final = struct.Struct("<Bx6xQQ")
_ENTRY_ITEMS, _ARRAY_ITEMS, _FIELD_PAYLOAD = 64, 24, 40
_DATA_PAYLOAD: Final = 64
_COMPACT_PAYLOAD: Final = 72
_BUCKET: Final = 16
_BUCKETS_LIMIT: Final = 4096
"""Of the table of field names that are looked at; systemd makes 333."""
_FIELDS_LIMIT: Final = 20_000
"""Names of fields that are looked through: whoever writes to the journal may make up any."""
_ITEMS_LIMIT: Final = 1024
"""Fields of one entry; systemd allows as many."""
_ARRAYS_LIMIT: Final = 4096
"""Arrays of a chain; each is twice as long as the one before."""
_BLOCK: Final = 1 << 15
_BLOCKS_LIMIT: Final = 256
VALUE_LIMIT: Final = 64 << 10
"""Bytes of one value that are read."""
_PACKED_LIMIT: Final = 1 << 20
"""Bytes of a compressed value that are read."""


class Entry(NamedTuple):
    """One entry: when journald got it, and where its fields stand."""

    offset: int
    size: int
    realtime: int
    """In microseconds since the epoch."""
    monotonic: int
    """In microseconds since the boot, on a clock that nobody sets and that stands still while the host sleeps."""
    boot: bytes


class Data(NamedTuple):
    """One field with one value, and the entries that have it."""

    flags: int
    size: int
    next_value: int
    """Where the field's next value stands."""
    entry: int
    array: int
    entries: int


class Part(NamedTuple):
    """One array of a chain: the number of its first entry, where its offsets stand, and how many."""

    first: int
    offset: int
    length: int


class JournalFile:
    """An open journal file.  Everything raises `DamagedError` for what is none, and `HostError`."""

    def __init__(self, file: OpenFile, size: int) -> None:
        self._file, self._size = file, size
        self._blocks: dict[int, bytes] = {}
        head = file.pread(_HEADER.size, 0)
        if len(head) < _HEADER.size or head[:8] != _MAGIC:
            raise DamagedError("it is no journal")
        (_, _, flags, self.state, _, _, _, _, self._field_table, self._field_table_bytes, _, _, self.n_entries, _, _,
         self.array, self._begin, self._end) = _HEADER.unpack(head)  # fmt: skip
        if flags & ~_KNOWN_FLAGS:
            raise DamagedError(f"it is of a newer format (flags {flags:#x})")
        self._compact = bool(flags & _COMPACT)
        self._item = 4 if self._compact else 8
        self._entry_item = 4 if self._compact else 16
        self._payload = _COMPACT_PAYLOAD if self._compact else _DATA_PAYLOAD

    @property
    def span(self) -> Span | None:
        """From its first entry to its last, as its header says."""
        return Span(self._begin / 1e6, self._end / 1e6) if self.n_entries and self._begin <= self._end else None

    def entry(self, offset: int) -> Entry:
        kind, size, _, realtime, monotonic, boot = _ENTRY_HEAD.unpack(self._read(offset, _ENTRY_HEAD.size))
        if kind != _ENTRY or size < _ENTRY_ITEMS:
            raise DamagedError(f"no entry stands at {offset}")
        return Entry(offset, size, realtime, monotonic, boot)

    def items(self, entry: Entry) -> tuple[int, ...]:
        """Where the fields of an entry stand."""
        count = min((entry.size - _ENTRY_ITEMS) // self._entry_item, _ITEMS_LIMIT)
        raw = self._read(entry.offset + _ENTRY_ITEMS, count * self._entry_item)
        if self._compact:
            return struct.unpack(f"<{count}I", raw)
        return struct.unpack(f"<{count * 2}Q", raw)[::2]

    def data(self, offset: int) -> Data:
        kind, flags, size, next_value, entry, array, entries = _DATA_HEAD.unpack(self._read(offset, _DATA_HEAD.size))
        if kind != _DATA or size < self._payload:
            raise DamagedError(f"no value stands at {offset}")
        return Data(flags, size - self._payload, next_value, entry, array, entries)

    def value(self, offset: int, data: Data, limit: int = VALUE_LIMIT) -> bytes:
        """``FIELD=value``, at most so many bytes of it."""
        if data.flags & (XZ | LZ4 | ZSTD):
            return unpacked(data.flags, self._read(offset + self._payload, min(data.size, _PACKED_LIMIT)), limit)
        return self._read(offset + self._payload, min(data.size, limit))

    def values(self, name: bytes) -> Iterator[tuple[int, Data]]:
        """Where the values of a field stand, the latest first."""
        at = self._field(name)
        while at:
            data = self.data(at)
            yield at, data
            at = data.next_value

    def _field(self, name: bytes) -> int:
        left = _FIELDS_LIMIT
        buckets = min(self._field_table_bytes // _BUCKET, _BUCKETS_LIMIT)
        for head, _ in struct.iter_unpack("<QQ", self._read(self._field_table, buckets * _BUCKET)):
            at = head
            while at:
                left -= 1
                if not left:
                    raise DamagedError("it has too many fields")
                kind, _, size, following, first = _FIELD_HEAD.unpack(self._read(at, _FIELD_HEAD.size))
                if kind != _FIELD:
                    raise DamagedError(f"no field stands at {at}")
                if size - _FIELD_PAYLOAD == len(name) and self._read(at + _FIELD_PAYLOAD, len(name)) == name:
                    return int(first)
                at = following
        return 0

    def parts(self, array: int, count: int) -> Iterator[Part]:
        """The arrays of a chain that has so many entries."""
        number = 0
        for _ in range(_ARRAYS_LIMIT):
            if not array or number >= count:
                return
            kind, size, following = _ARRAY_HEAD.unpack(self._read(array, _ARRAY_HEAD.size))
            if kind != _ARRAY or size <= _ARRAY_ITEMS or array + size > self._size:
                raise DamagedError(f"no array of entries stands at {array}")
            length = min((size - _ARRAY_ITEMS) // self._item, count - number)
            yield Part(number, array + _ARRAY_ITEMS, length)
            if following and following <= array:
                raise DamagedError("its arrays of entries lead back")
            number, array = number + length, following

    def item(self, part: Part, number: int) -> int:
        """Where the entry of that number, counted from the array's first, stands; 0 if it is not written yet."""
        return int.from_bytes(self._read(part.offset + number * self._item, self._item), "little")

    def _read(self, offset: int, size: int) -> bytes:
        if offset % 4 or offset + size > self._size:
            raise DamagedError(f"it refers to what is not there, at {offset}")
        block, begin = divmod(offset, _BLOCK)
        if begin + size > _BLOCK:
            data = self._file.pread(size, offset)
        else:
            held = self._blocks.get(block)
            if held is None:
                if len(self._blocks) >= _BLOCKS_LIMIT:
                    self._blocks.clear()
                held = self._blocks[block] = self._file.pread(_BLOCK, block * _BLOCK)
            data = held[begin : begin + size]
        if len(data) < size:
            raise DamagedError("it ends too early")
        return data


FAULTS: Final = (DamagedError, HostError)
