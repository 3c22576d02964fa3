"""Lines ``key = value`` or ``Key value`` of servers' files of settings, and where they stand.  Pure; never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_KEY: Final = r"^[ \t]*(?P<key>[A-Za-z_][\w.-]*(?:\[[\w.-]+\])?)(?:[ \t]*=[ \t]*|[ \t]+)"
_SETTING: Final = re.compile(rf"{_KEY}(?P<value>[^\n]*)", re.MULTILINE)
_JOINED: Final = re.compile(rf"{_KEY}(?P<value>(?:[^\\\n]|\\\n|\\[^\n])*)", re.MULTILINE)


class ServerSetting(NamedTuple):
    """One setting, as it is written; ``value`` with its quotes and what stands after them."""

    key: str
    value: str
    start: int
    end: int


def server_settings(text: str, *, joined: bool = False) -> Iterator[ServerSetting]:
    """The settings of a file, one to a line; ``joined`` where a backslash at its end joins the next."""
    for match in (_JOINED if joined else _SETTING).finditer(text):
        yield ServerSetting(match["key"], match["value"].replace("\\\n", " ").strip(), match.start(), match.end())


def unquoted(value: str, comments: str = "#") -> str:
    """A value without the quotes around it, or without the comment after it where it has none."""
    if value[:1] in ("'", '"'):
        quote, pieces, here = value[0], [], 1
        while here < len(value):
            if value[here] == quote:
                if value[here + 1 : here + 2] != quote:
                    break
                here += 1
            elif value[here] == "\\" and here + 1 < len(value):
                here += 1
            pieces.append(value[here])
            here += 1
        return "".join(pieces)
    for mark in comments:
        value = re.split(rf"(?:^|[ \t]){re.escape(mark)}", value, maxsplit=1)[0]
    return value.strip()
