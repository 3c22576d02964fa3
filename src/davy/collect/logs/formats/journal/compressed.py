"""Values that the journal keeps compressed: XZ, LZ4 or ZSTD, unpacked no further than is wanted.

Source: systemd, ``src/basic/compress.c`` (LZ4: the length in 8 bytes, then one block); LZ4 block format description.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from typing import Final

from davy.collect.logs.zstd import decompressor

XZ, LZ4, ZSTD = 1, 2, 4
"""The flags of an object."""
_MEMORY: Final = 128 << 20
"""Bytes that a decompressor may take for itself."""
_LZ4_LENGTH: Final = 8
_SHORTEST_MATCH: Final = 4
_GOES_ON: Final = 15


class DamagedError(Exception):
    """It is not what the format says, and why."""


def unpacked(flags: int, data: bytes, limit: int) -> bytes:
    """At most ``limit`` bytes of what is in ``data``.  Raises `DamagedError`, also where a library is missing."""
    unpack = _UNPACKING.get(flags & (XZ | LZ4 | ZSTD))
    if unpack is None:
        raise DamagedError("a value is compressed in an unknown way")
    try:
        return unpack(data, limit)
    except DamagedError:
        raise
    except Exception as error:  # each library has its own
        raise DamagedError(f"a compressed value is damaged: {error}") from None


def _xz(data: bytes, limit: int) -> bytes:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY).decompress(data, limit)


def _zstd(data: bytes, limit: int) -> bytes:
    try:
        unpacking = decompressor()
    except ImportError:
        raise DamagedError("zstd is not installed") from None
    found: bytes = unpacking.decompress(data, limit)
    return found


def _lz4(data: bytes, limit: int) -> bytes:
    """One block: runs of literal bytes, each followed by a copy of what stands so far back."""
    out = bytearray()
    at, end = _LZ4_LENGTH, len(data)
    limit = min(limit, int.from_bytes(data[:_LZ4_LENGTH], "little"))
    while at < end and len(out) < limit:
        token = data[at]
        literals, at = _length(data, at + 1, token >> 4)
        out += data[at : at + literals]
        at += literals
        if at + 2 > end:
            break
        back = int.from_bytes(data[at : at + 2], "little")
        match, at = _length(data, at + 2, token & 15)
        match = min(match + _SHORTEST_MATCH, limit)
        if not 0 < back <= len(out):
            raise DamagedError("a compressed value is damaged: it refers to what is not there")
        run = out[len(out) - back : len(out) - back + match]
        out += (run * (match // len(run) + 1))[:match]
    return bytes(out[:limit])


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    if length == _GOES_ON:
        more = 255
        while more == 255:
            more = data[at]
            length, at = length + more, at + 1
    return length, at


_UNPACKING: Final[dict[int, Callable[[bytes, int], bytes]]] = {XZ: _xz, LZ4: _lz4, ZSTD: _zstd}
