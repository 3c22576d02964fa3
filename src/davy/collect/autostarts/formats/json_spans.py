"""Where in a JSON text its values stand, so that one can be replaced and every other byte kept.  Pure; never raises.

Source: RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

VALUES_LIMIT: Final = 10_000
"""Members of one object, or elements of one array."""
_DECODER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\r\n]*")


class Value(NamedTuple):
    """One value as it stands in a text."""

    key: str
    """Of a member; empty for an element."""
    value: Any
    start: int
    end: int


def members(text: str, start: int = 0) -> Iterator[Value]:
    """The members of the object that begins at ``start``, as far as it is well-formed; none of anything else."""
    return _values(text, start, "{", "}")


def elements(text: str, start: int = 0) -> Iterator[Value]:
    """The elements of the array that begins at ``start``, as far as it is well-formed; none of anything else."""
    return _values(text, start, "[", "]")


def _values(text: str, start: int, opening: str, closing: str) -> Iterator[Value]:
    here = _after_blank(text, start)
    if text[here : here + 1] != opening:
        return
    here, key = here + 1, ""
    for _ in range(VALUES_LIMIT):
        here = _after_blank(text, here)
        try:
            if closing == "}":
                key, here = _DECODER.raw_decode(text, here)
                here = _after_blank(text, here)
                if not isinstance(key, str) or text[here : here + 1] != ":":
                    return
                here = _after_blank(text, here + 1)
            value, end = _DECODER.raw_decode(text, here)
        except (ValueError, RecursionError):
            return
        yield Value(key, value, here, end)
        here = _after_blank(text, end)
        if text[here : here + 1] != ",":
            return
        here += 1


def _after_blank(text: str, here: int) -> int:
    blank = _BLANK.match(text, here)
    return blank.end() if blank else here
