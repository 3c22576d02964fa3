"""Compressed logs, unpacked piece by piece within bounds: a few kilobytes may claim to hold a petabyte."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from davy.collect.logs.zstd import decompressor
from davy.host.root import OpenFile

PIECE: Final = 1 << 20
"""Bytes that are unpacked at a time."""
_INPUT: Final = 256 << 10
_MEMORY: Final = 128 << 20
"""Bytes that a decompressor may take for itself."""


class BrokenError(Exception):
    """It cannot be unpacked any further, and why."""


class _Unpacking(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the shape of the others."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(31)

    eof = property(lambda self: self._object.eof)
    needs_input = property(lambda self: not self._object.unconsumed_tail)
    unused_data = property(lambda self: self._object.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)


_MAKERS: Final[dict[str, Callable[[], Any]]] = {
    ".gz": _Gzip,
    ".xz": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
    ".bz2": bz2.BZ2Decompressor,
    ".zst": decompressor,
}


def packed(path: str) -> str | None:
    """The ending of a compressed file's name."""
    return next((ending for ending in _MAKERS if path.endswith(ending)), None)


def unpacked(file: OpenFile, ending: str) -> Iterator[bytes]:
    """What a compressed file holds, in pieces of at most `PIECE`.  Raises `BrokenError` and `HostError`."""
    at, waiting = 0, b""
    while True:
        unpacking: _Unpacking = _MAKERS[ending]()
        while not unpacking.eof:
            if unpacking.needs_input and not waiting:
                waiting = file.pread(_INPUT, at)
                at += len(waiting)
                if not waiting:
                    raise BrokenError("it ends too early")
            try:
                piece = unpacking.decompress(waiting, PIECE)
            except Exception as error:  # each library has its own
                raise BrokenError(f"it is damaged: {error}") from None
            waiting = b""
            if piece:
                yield piece
        waiting = unpacking.unused_data.lstrip(b"\0")
        if not waiting:
            waiting = file.pread(_INPUT, at).lstrip(b"\0")
            at += _INPUT
        if not waiting:
            return
