"""The manifest that pacman keeps of each package, compressed: a line per path with its type, mode, sums and link.

    /set type=file uid=0 gid=0 mode=644
    ./usr/bin/tool time=1700000000.0 mode=755 size=9 md5digest=... sha256digest=...

Source: mtree(5), alpm's ``lib/libalpm/be_local.c``, libarchive's ``archive_write_set_format_mtree.c``.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.host.digests import SumKind
from davy.host.errors import Refused
from davy.host.packages.protocol import Sum

_LIMIT: Final = 64 << 20
"""Bytes of one manifest: about a quarter of a million paths."""
_QUOTED: Final = re.compile(rb"[^!-~]|[#=\\]")
_ESCAPED: Final = re.compile(rb"\\([0-3][0-7]{2})")
_SET: Final = b"\n/set "
_SHA256: Final = re.compile(rb"^\./([^ \n]*) [^\n]*\bsha256digest=([0-9a-f]{64})\b", re.MULTILINE)
_INHERITED: Final = frozenset((b"type", b"mode"))
"""What a line does not say itself is said by the last ``/set`` before it that does."""
_KINDS: Final = ((b"sha256digest", SumKind.SHA256), (b"md5digest", SumKind.MD5))


class MtreeEntry(NamedTuple):
    """What a manifest says of one path."""

    sum: Sum | None
    mode: int | None
    target: str | None
    """Where a link points."""


class Mtree:
    """One manifest.  Raises `Refused` when it is none, or too large."""

    def __init__(self, compressed: bytes) -> None:
        decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            self._text = b"\n" + decompressor.decompress(compressed, _LIMIT) + b"\n"
        except zlib.error as error:
            raise Refused(f"a manifest that is not compressed as one: {error}") from None
        if not decompressor.eof and len(self._text) > _LIMIT:
            raise Refused(f"a manifest of more than {_LIMIT >> 20} MiB")

    @property
    def size(self) -> int:
        return len(self._text)

    def entry(self, path: bytes) -> MtreeEntry | None:
        """Of a path without its first slash."""
        name = b"\n./" + _QUOTED.sub(lambda char: b"\\%03o" % char[0][0], path) + b" "
        start = self._text.find(name)
        if start < 0:
            return None
        told = self._words(start + len(name))
        before = start
        while not told.keys() >= _INHERITED and (before := self._text.rfind(_SET, 0, before + 1)) >= 0:
            told = self._words(before + len(_SET)) | told
        target = told.get(b"link") if told.get(b"type") == b"link" else None
        return MtreeEntry(_sum(told), _mode(told), None if target is None else os.fsdecode(_unquoted(target)))

    def _words(self, start: int) -> dict[bytes, bytes]:
        """The ``name=value`` words from there to the end of the line."""
        words = self._text[start : self._text.find(b"\n", start)].split(b" ")
        return dict(word.split(b"=", 1) for word in words if b"=" in word)

    def sha256(self) -> Iterator[tuple[bytes, bytes]]:
        """Path, without its first slash, and raw sum of each file."""
        for found in _SHA256.finditer(self._text):
            yield _unquoted(found[1]), bytes.fromhex(found[2].decode())


def _unquoted(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda octal: bytes((int(octal[1], 8),)), text)


def _sum(told: dict[bytes, bytes]) -> Sum | None:
    listed = (Sum.listed(kind, told.get(word, b"")) for word, kind in _KINDS)
    return next(filter(None, listed), None)


def _mode(told: dict[bytes, bytes]) -> int | None:
    try:
        return int(told[b"mode"], 8) & 0o7777
    except (KeyError, ValueError):
        return None
