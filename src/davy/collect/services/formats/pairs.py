"""What every reader of a configuration file gives, and the bounds that all of them keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

LINE_CHARACTERS: Final = 8192
"""What is looked at of one line; the rest of it says nothing."""
PAIRS_LIMIT: Final = 20_000
"""Settings that are taken from one file."""
DEPTH_LIMIT: Final = 32
"""Blocks within blocks; what lies deeper is passed over."""
_COMMENT: Final = re.compile(r"(?:^|[ \t])#")


class Pair(NamedTuple):
    """One setting as a file says it."""

    key: str
    value: str
    line: int
    """From 1."""


def numbered(text: str, comments: str = "") -> Iterator[tuple[int, str]]:
    """The lines with their numbers, each cut to the limit and without blanks at its end.

    Empty ones and those that begin with one of ``comments`` are left out, if any are given.
    """
    for number, line in enumerate(text.replace("\0", " ").split("\n"), 1):
        if not comments or (line and line[0] not in comments):
            yield number, line[:LINE_CHARACTERS].rstrip()


def bare(value: str) -> str:
    """A value without its quotes, or without the comment after it where it has none."""
    value = value.strip()
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        while end > 0 and value[end - 1] == "\\" and value[0] == '"':
            end = value.find(value[0], end + 1)
        return value[1:end].replace('\\"', '"') if end > 0 else value[1:]
    found = _COMMENT.search(value)
    return value[: found.start()].strip() if found else value
