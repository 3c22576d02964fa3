"""JSON, each plain value by its path: ``auth.enabled``, ``hosts.0``.  Comments and commas too many are let pass.

Of ``{"hosts": ["tcp://0.0.0.0:2375"]}`` the key is ``hosts.0``; ``null`` is an empty value.

Source: RFC 8259; docs.docker.com (daemon.json).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair

_TOKEN: Final = re.compile(
    r"""(?P<space>[\s\0]+|//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<text>"(?:[^"\\\n]|\\.)*+"?)|(?P<mark>[\[\]{},:])|(?P<word>[^\s\[\]{},:"]+)""",
    re.DOTALL | re.VERBOSE,
)


def json_pairs(text: str) -> Iterator[Pair]:
    """The plain values in their order."""
    path: list[str | int] = []
    key: str | None = None
    line = 1
    for token in _TOKEN.finditer(text):
        start, word = line, token[0]
        line += word.count("\n")
        if token["space"]:
            continue
        if word in ("{", "["):
            if len(path) >= DEPTH_LIMIT:
                return
            _counted(path)
            path.append("" if word == "{" else -1)
            key = None
        elif word in ("}", "]"):
            if path:
                path.pop()
            key = None
        elif word == ":":
            if path and isinstance(path[-1], str):
                path[-1] = key or ""
            key = None
        elif word != ",":
            value = _plain(word)
            if path and path[-1] == "" and text[token.end() : token.end() + 64].lstrip().startswith(":"):
                key = value
                continue
            _counted(path)
            yield Pair(".".join(map(str, path)), value[:LINE_CHARACTERS], start)
            _leave(path)
        if word in ("}", "]"):
            _leave(path)


def _counted(path: list[str | int]) -> None:
    """Counts the value that begins, where it stands in a list."""
    if path and isinstance(path[-1], int):
        path[-1] += 1


def _leave(path: list[str | int]) -> None:
    """After a value in an object the next key may come."""
    if path and isinstance(path[-1], str):
        path[-1] = ""


def _plain(word: str) -> str:
    if not word.startswith('"'):
        return "" if word == "null" else word
    try:
        found = json.loads(word)
    except ValueError:
        found = word.strip('"')
    return found if isinstance(found, str) else word
