"""Texts within texts: what a command decodes before it runs it.  Pure; never raises.

Base64, base32, hexadecimal, backslash escapes, turned around or compressed, one within another.  A text is only taken
for encoded where a decoder is named beside it, or where it is written in escapes; and what comes out must be text.

Source: RFC 4648, base64(1), xxd(1), printf(1), bash(1) (``echo -e``, ``$'...'``), Python's base64 and zlib,
``decode_base64`` of Perl, ``base64_decode`` of PHP; the write-ups of the families.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from davy.knowledge.arguments import DEPTH_LIMIT, TEXT_LIMIT

DECODED_LIMIT: Final = 16
"""Texts that are decoded out of one."""
_LEAST: Final = 4
"""Characters of a text worth telling."""
_PRINTABLE: Final = 0.9
_PRINTED: Final = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
_INFLATE: Final = re.compile(r"\b(?:g?unzip|gzip|zcat|zlib|inflate|decompress|gzinflate|gzuncompress)\b", re.IGNORECASE)
_BACKWARDS: Final = re.compile(r"\b(?:rev|strrev|reverse|reversed)\b|\[::-1\]")
_ESCAPES: Final = re.compile(r"(?:\\{1,2}(?:x[0-9a-fA-F]{1,2}|0?[0-3][0-7]{2})){4,}")
_ESCAPE: Final = re.compile(r"\\{1,2}(?:x([0-9a-fA-F]{1,2})|0?([0-3][0-7]{2}))")
_FOLDED: Final = re.compile(r"(?<=[A-Za-z0-9+/])[ \t]*\\?\n[ \t]*(?=[A-Za-z0-9+/]{8})")
"""Where one text goes on in the next line, as base64(1) folds it at 76 characters."""


class _Encoding(NamedTuple):
    decoder: re.Pattern[str]
    """Names one who decodes it."""
    text: re.Pattern[str]
    decode: Callable[[str], bytes]


def _base64(text: str) -> bytes:
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "=" * (-len(text) % 4))


def _base32(text: str) -> bytes:
    text = text.upper().rstrip("=")
    return base64.b32decode(text + "=" * (-len(text) % 8))


def _hexadecimal(text: str) -> bytes:
    return bytes.fromhex(text[: len(text) - len(text) % 2])


_ENCODINGS: Final = (
    _Encoding(
        re.compile(r"base64|b64", re.IGNORECASE),
        re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,}={0,2}"),
        _base64,
    ),
    _Encoding(re.compile(r"base32|b32", re.IGNORECASE), re.compile(r"(?<![A-Z2-7=])[A-Z2-7]{16,}={0,6}"), _base32),
    _Encoding(
        re.compile(r"\bxxd\b|unhex|fromhex|hex2bin|base16|\bH\*|\bhex\b", re.IGNORECASE),
        re.compile(r"(?<![0-9a-zA-Z])[0-9a-fA-F]{16,}(?![0-9a-zA-Z])"),
        _hexadecimal,
    ),
)


def decoded(text: str) -> tuple[str, ...]:
    """The texts that are encoded in ``text``, and those in them, each once; at most `DECODED_LIMIT`."""
    found: dict[str, None] = {}
    pending = [(text[:TEXT_LIMIT], 0)]
    while pending and len(found) < DECODED_LIMIT:
        outer, depth = pending.pop(0)
        for inner in _inner(outer):
            if inner not in found and inner != outer and len(found) < DECODED_LIMIT:
                found[inner] = None
                if depth < DEPTH_LIMIT:
                    pending.append((inner, depth + 1))
    return tuple(found)


def _inner(text: str) -> Iterator[str]:
    compressed, backwards = bool(_INFLATE.search(text)), bool(_BACKWARDS.search(text))
    for escapes in _ESCAPES.finditer(text):
        yield from _told(_unescaped(escapes[0]), compressed=compressed)
    for encoding in _ENCODINGS:
        if not encoding.decoder.search(text):
            continue
        for spelled in dict.fromkeys((text, _FOLDED.sub("", text))):
            for one in encoding.text.finditer(spelled):
                for spelling in (one[0], one[0][::-1]) if backwards else (one[0],):
                    try:
                        data = encoding.decode(spelling)
                    except (binascii.Error, ValueError):
                        continue
                    yield from _told(data, compressed=compressed)


def _unescaped(text: str) -> bytes:
    return bytes(int(one[1], 16) if one[1] else int(one[2], 8) & 0xFF for one in _ESCAPE.finditer(text))


def _told(data: bytes, *, compressed: bool) -> Iterator[str]:
    """The text that some bytes are, compressed or not; nothing where they are none."""
    if compressed:
        for wbits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
            try:
                data = zlib.decompressobj(wbits).decompress(data, TEXT_LIMIT) or data
                break
            except zlib.error:
                continue
    data = data[:TEXT_LIMIT]
    printed = sum(byte in _PRINTED for byte in data)
    if len(data) >= _LEAST and printed >= _PRINTABLE * len(data):
        yield data.decode("utf-8", "replace")
