"""Values in brackets, as YAML, TOML and Python write them: ``[a, "b"]``, ``{a: 1}``, ``{'a' = 'b'}``.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair

_TOKEN: Final = re.compile(
    r""""(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[\[\]{}(),]|[:=](?=[\s\[{("'])|\#[^\n]*|[^\s\[\]{}(),:=\#"']+|[:=\#]""",
    re.DOTALL,
)
_OPEN: Final = "[{("
_CLOSE: Final = "]})"


def flow(key: str, text: str) -> Iterator[tuple[str, str]]:
    """The keys and plain values of one value in brackets; ``key.0``, ``key.1`` of a list.  Never raises."""
    path: list[str] = [key]
    counts: list[int | None] = []
    words: list[str] = []
    name: str | None = None
    for token in _TOKEN.findall(text):
        if token.startswith("#"):
            continue
        if token in _OPEN:
            if counts:
                path.append(_next(counts, name))
            counts.append(None if token == "{" else 0)
            name, words = None, []
            if len(counts) > DEPTH_LIMIT:
                return
        elif token in _CLOSE or token == ",":
            if words and counts:
                yield ".".join([*path, _next(counts, name)]), " ".join(words)
            name, words = None, []
            if token != ",":
                if counts:
                    counts.pop()
                if counts:
                    path.pop()
                else:
                    return
        elif token in ":=" and counts and counts[-1] is None and words:
            name, words = " ".join(words), []
        else:
            words.append(_plain(token))


def _next(counts: list[int | None], name: str | None) -> str:
    """The name of the next value: its own, or its place in the list."""
    count = counts[-1]
    if count is None:
        return name or ""
    counts[-1] = count + 1
    return str(count)


def _plain(token: str) -> str:
    return token[1:].removesuffix(token[0]) if token[0] in "\"'" else token


def left_open(text: str) -> int:
    """How many brackets a text opens more than it closes."""
    tokens = _TOKEN.findall(text)
    return sum(token in _OPEN for token in tokens) - sum(token in _CLOSE for token in tokens)


class Begun(NamedTuple):
    """A value in brackets that goes on in the next line."""

    key: str
    text: str
    line: int
    open: int

    def going_on(self, line: str) -> Begun:
        return Begun(self.key, f"{self.text}\n{line}", self.line, self.open + left_open(line))

    @property
    def ended(self) -> bool:
        return self.open <= 0 or len(self.text) > LINE_CHARACTERS

    def pairs(self) -> Iterator[Pair]:
        return (Pair(key, value, self.line) for key, value in flow(self.key, self.text))


def begun(key: str, text: str, line: int) -> Begun:
    """The value whose brackets open in this line."""
    return Begun(key, text, line, left_open(text))
