"""Text from a host made safe to show and to store: every byte an enemy chose, none that a terminal obeys."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

_UNSHOWN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def printable(text: str, limit: int = 4096) -> str:
    """``text`` with control characters, direction marks and undecodable bytes written out, at most ``limit`` long."""
    shown = _UNSHOWN.sub(_escaped, text if len(text) <= limit else text[:limit])
    return shown if len(text) <= limit else shown + "…"


def escaped_json(text: str) -> str:
    """A JSON text with the same characters written as JSON escapes; it means the same."""
    return _UNSHOWN.sub(lambda match: match[0] if match[0] == "\n" else json.dumps(match[0])[1:-1], text)


def encodable(value: Any) -> Any:
    """The built-in values of a struct, with what UTF-8 cannot carry written out.  For JSON and for the journal."""
    return _encodable(msgspec.to_builtins(value, builtin_types=(bytes,)))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return printable(value, len(value))
        return value
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(inner) for inner in value]
    return value
