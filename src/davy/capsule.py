"""Capsules: a snapshot saved to a file (``.davy``), to be judged elsewhere or replayed in a test.

A capsule is one line that says so, and behind it the snapshot as JSON, packed by xz.  Names and command lines that are
not UTF-8 come back byte for byte.  Fields that a newer Davy wrote are passed over, and those that an older one did not
know have their defaults, so facts may only ever be added, with a default.  What is read is an enemy's: it is bounded
before it is unpacked, while it is, and after.
"""

from __future__ import annotations

import lzma
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Struct

from davy import __version__
from davy.model.snapshot import Snapshot

SUFFIX: Final = ".davy"
_FORMAT: Final = 1
_HEAD: Final = b"davy capsule %d\n"
_PACKED_LIMIT: Final = 32 << 20
_TEXT_LIMIT: Final = 64 << 20
_UNPACKING_MEMORY: Final = 80 << 20
_ESCAPE: Final = "\U0010ffff"
"""Stands before what UTF-8 cannot carry, and before itself: a character that nothing means anything by."""
_ESCAPED: Final = re.compile(f"{_ESCAPE}([\U00100000-\U001007ff{_ESCAPE}])")
_UNENCODABLE: Final = re.compile(f"[\ud800-\udfff{_ESCAPE}]")
_LIFT: Final = 0x100000 - 0xD800


class CapsuleError(Exception):
    """A capsule could not be read or written; the message is one clear line."""


class _Content(Struct, frozen=True):
    """What is packed."""

    davy: str
    snapshot: Snapshot


def write(snapshot: Snapshot, file: str) -> None:
    """Save a snapshot to a new file that only its owner may read.  Raises `CapsuleError`, also for a file there is."""
    content = packed(snapshot)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CapsuleError(f"{file}: is there already, and is not overwritten") from None
    except OSError as error:
        raise CapsuleError(f"{file}: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        with suppress(OSError):
            os.unlink(file)
        raise CapsuleError(f"{file}: {error.strerror}") from None


def read(file: str) -> Snapshot:
    """The snapshot in a capsule.  Raises `CapsuleError`."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise CapsuleError(f"{file}: not a regular file")
            content = opened.read(_PACKED_LIMIT + 1)
    except OSError as error:
        raise CapsuleError(f"{file}: {error.strerror}") from None
    try:
        return unpacked(content)
    except CapsuleError as error:
        raise CapsuleError(f"{file}: {error}") from None


def packed(snapshot: Snapshot) -> bytes:
    """The bytes of a capsule.  Raises `CapsuleError` for a snapshot that is too large to be read again."""
    builtins = msgspec.to_builtins(_Content(__version__, snapshot))
    try:
        text = msgspec.json.encode(builtins)
        if _ESCAPE.encode() in text:
            text = msgspec.json.encode(_escaped(builtins))
    except UnicodeEncodeError:
        text = msgspec.json.encode(_escaped(builtins))
    content = _HEAD % _FORMAT + lzma.compress(text, preset=6)
    if len(text) > _TEXT_LIMIT or len(content) > _PACKED_LIMIT:
        raise CapsuleError(f"a snapshot of {len(text) >> 20} MiB is too large for a capsule")
    return content


def unpacked(content: bytes) -> Snapshot:
    """The snapshot in the bytes of a capsule.  Raises `CapsuleError`."""
    head, end, _ = content[:64].partition(b"\n")
    if not end or not head.startswith(b"davy capsule ") or not head.split()[-1].isdigit():
        raise CapsuleError("not a capsule")
    if int(head.split()[-1]) != _FORMAT:
        raise CapsuleError("written by a newer Davy, which this one cannot read")
    if len(content) > _PACKED_LIMIT:
        raise CapsuleError("too large for a capsule")
    text = _unpacked_text(content[len(head) + 1 :])
    try:
        snapshot = msgspec.json.decode(text, type=_Content).snapshot
        if _ESCAPE.encode() in text:
            snapshot = msgspec.convert(_unescaped(msgspec.to_builtins(snapshot)), Snapshot)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise CapsuleError(f"not a snapshot: {str(error)[:200]}") from None
    return snapshot


def _unpacked_text(content: bytes) -> bytes:
    try:
        unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_UNPACKING_MEMORY)
        text = unpacker.decompress(content, _TEXT_LIMIT + 1)
    except (lzma.LZMAError, MemoryError):
        raise CapsuleError("damaged") from None
    if len(text) > _TEXT_LIMIT:
        raise CapsuleError("unpacks to more than a snapshot can be")
    if not unpacker.eof or unpacker.unused_data:
        raise CapsuleError("damaged")
    return text


def _lifted(match: re.Match[str]) -> str:
    return _ESCAPE + (match[0] if match[0] == _ESCAPE else chr(ord(match[0]) + _LIFT))


def _lowered(match: re.Match[str]) -> str:
    return match[1] if match[1] == _ESCAPE else chr(ord(match[1]) - _LIFT)


def _escaped(value: Any) -> Any:
    return _each_text(value, lambda text: _UNENCODABLE.sub(_lifted, text))


def _unescaped(value: Any) -> Any:
    return _each_text(value, lambda text: _ESCAPED.sub(_lowered, text) if _ESCAPE in text else text)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Built-in values with every text in them changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _each_text(inner, change) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each_text(inner, change) for inner in value]
    return value
