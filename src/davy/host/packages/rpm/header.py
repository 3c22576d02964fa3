"""The header of an installed rpm package: what it is called, and the files that it brought.

A header is an index of numbered tags and a store of their values, all numbers big-endian:

    il (4 bytes: entries)  dl (4: bytes of the store)  il entries of 16: tag, type, offset, count  then the store

Source: rpm's ``docs/manual/format_header.md``, ``include/rpm/rpmtag.h``, ``rpmfiles.h`` and ``lib/header.c``.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

from davy.host.digests import SumKind
from davy.host.errors import Refused
from davy.host.packages.protocol import Expected, Sum

_INTRO: Final = struct.Struct(">II")
_ENTRY: Final = struct.Struct(">IIII")
_INDEX_LIMIT: Final = 65_536
_FILES_LIMIT: Final = 500_000

_NAME: Final = 1000
_FILE_STATES: Final = 1029
_FILE_MODES: Final = 1030
_FILE_DIGESTS: Final = 1035
_FILE_LINKS: Final = 1036
_FILE_FLAGS: Final = 1037
_FOLDER_NUMBERS: Final = 1116
_BASE_NAMES: Final = 1117
_FOLDER_NAMES: Final = 1118
_DIGEST_KIND: Final = 5011

_NUMBERS: Final = {1: "B", 2: "B", 3: "H", 4: "I"}
"""The types that are numbers, by their widths; of the others only strings are read, which end with NUL."""
_STRINGS: Final = (6, 8, 9)
_KINDS: Final = {1: SumKind.MD5, 2: SumKind.SHA1, 8: SumKind.SHA256, 10: SumKind.SHA512}
"""By the numbers of RFC 4880; a header that names none means the first."""
_NORMAL: Final = 0
"""The state of a file that is installed: not left out, and not replaced by another package's."""
_CONFIGURATION, _MISSING_OK, _GHOST = 1 << 0, 1 << 3, 1 << 6

KINDS: Final = frozenset(_KINDS.values())


class Files(NamedTuple):
    """The paths of one package, each of which is one of its folders and a name."""

    names: bytes
    """One after the other, with NUL between them: so they take least memory."""
    folders: tuple[bytes, ...]
    folder_numbers: tuple[int, ...]

    def among(self, names: frozenset[bytes]) -> Iterator[tuple[int, bytes]]:
        """Number and path of each file with one of these names."""
        if not self.folder_numbers or (len(names) == 1 and not any(name in self.names for name in names)):
            return
        ours = self.names.split(b"\0")
        if common := names.intersection(ours):
            for number, name in enumerate(ours):
                if name in common:
                    yield number, self.folders[self.folder_numbers[number]] + name

    def paths(self) -> Iterator[bytes]:
        for folder, name in zip(self.folder_numbers, self.names.split(b"\0"), strict=False):
            yield self.folders[folder] + name


class Header:
    """One header.  Believes no number that its bytes do not bear out, and raises `Refused`."""

    def __init__(self, blob: bytes) -> None:
        if len(blob) < _INTRO.size:
            raise Refused("an rpm header that is cut off")
        entries, size = _INTRO.unpack_from(blob)
        start = _INTRO.size + entries * _ENTRY.size
        if entries > _INDEX_LIMIT or start + size > len(blob):
            raise Refused("an rpm header that is larger than its bytes")
        self._known_strings: dict[int, tuple[bytes, ...]] = {}
        self._known_numbers: dict[int, tuple[int, ...]] = {}
        self._store = blob[start : start + size]
        self._index = {
            tag: (kind, offset, count) for tag, kind, offset, count in _ENTRY.iter_unpack(blob[_INTRO.size : start])
        }

    @cached_property
    def name(self) -> str:
        return os.fsdecode(self._strings(_NAME)[0])

    @cached_property
    def files(self) -> Files:
        if _BASE_NAMES not in self._index:
            return Files(b"", (), ())
        names, folders = self._strings(_BASE_NAMES), self._strings(_FOLDER_NAMES)
        numbers = self._numbers(_FOLDER_NUMBERS)
        if len(names) != len(numbers) or max(numbers) >= len(folders):
            raise Refused("an rpm header whose files do not fit their folders")
        return Files(b"\0".join(names), folders, numbers)

    def expected(self, number: int) -> Expected:
        """What is known of one of the files."""
        flags, mode = self._number(_FILE_FLAGS, number), self._number(_FILE_MODES, number)
        if self._number(_FILE_STATES, number) not in (None, _NORMAL):
            return Expected(package=self.name, optional=True)
        flags = flags or 0
        link = mode is not None and stat.S_ISLNK(mode)
        return Expected(
            package=self.name,
            sum=None if link or flags & _GHOST else self._sum(number),
            mode=None if mode is None else mode & 0o7777,
            configuration=bool(flags & _CONFIGURATION),
            target=os.fsdecode(self._strings(_FILE_LINKS)[number]) if link else None,
            optional=bool(flags & (_GHOST | _MISSING_OK)),
        )

    @cached_property
    def digests(self) -> tuple[bytes, ...]:
        """The sum of each file in hexadecimal digits; "" where there is none."""
        return self._strings(_FILE_DIGESTS) if _FILE_DIGESTS in self._index else ()

    @cached_property
    def digest_kind(self) -> SumKind | None:
        return _KINDS.get(self._number(_DIGEST_KIND, 0) or 1)

    def _sum(self, number: int) -> Sum | None:
        digest = self.digests[number] if number < len(self.digests) else b""
        return Sum.listed(self.digest_kind, digest) if self.digest_kind else None

    def _strings(self, tag: int) -> tuple[bytes, ...]:
        if tag not in self._known_strings:
            self._known_strings[tag] = self._unpacked_strings(tag)
        return self._known_strings[tag]

    def _unpacked_strings(self, tag: int) -> tuple[bytes, ...]:
        kind, offset, count = self._index.get(tag, (0, 0, 0))
        if kind not in _STRINGS or not 0 < count <= _FILES_LIMIT:
            raise Refused(f"an rpm header without a proper tag {tag}")
        found = self._store[offset:].split(b"\0", count)
        if len(found) <= count:
            raise Refused(f"an rpm header whose tag {tag} is cut off")
        return tuple(found[:count])

    def _numbers(self, tag: int) -> tuple[int, ...]:
        if tag not in self._known_numbers:
            self._known_numbers[tag] = self._unpacked_numbers(tag)
        return self._known_numbers[tag]

    def _unpacked_numbers(self, tag: int) -> tuple[int, ...]:
        kind, offset, count = self._index.get(tag, (0, 0, 0))
        if kind not in _NUMBERS or not 0 < count <= _FILES_LIMIT:
            raise Refused(f"an rpm header without a proper tag {tag}")
        layout = struct.Struct(f">{count}{_NUMBERS[kind]}")
        if offset + layout.size > len(self._store):
            raise Refused(f"an rpm header whose tag {tag} is cut off")
        return layout.unpack_from(self._store, offset)

    def _number(self, tag: int, number: int) -> int | None:
        """One of many; None where the header has no such tag."""
        if tag not in self._index:
            return None
        numbers = self._numbers(tag)
        if number >= len(numbers):
            raise Refused(f"an rpm header with fewer values of tag {tag} than files")
        return numbers[number]
