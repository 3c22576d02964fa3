"""JavaScript cut into tokens, as far as finding a call and where it ends needs.  Pure; never raises.

Source: ECMA-262, 12 (lexical grammar); regular expressions are not told from division.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> "(?:\\.|[^"\\\n])*"? | '(?:\\.|[^'\\\n])*'? | `(?:\\.|[^`\\])*`? )
    | (?P<name> [\w$]+ (?: [ \t]*\.[ \t]*[A-Za-z_$][\w$]* )* )
    | (?P<blank> \s+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_DEPTHS: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_ESCAPE: Final = re.compile(r"\\(?:x(?P<byte>[0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})|(?P<one>.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}


class Token(NamedTuple):
    """A word, a string or a sign; comments and blanks are none."""

    kind: str
    """``name``, ``string`` or ``sign``."""
    text: str
    start: int
    end: int


class Call(NamedTuple):
    """``name(...)``, with what follows it to the end of its statement, if that is a semicolon."""

    name: str
    start: int
    end: int
    arguments: Sequence[Token]
    depth: int
    """In how many brackets it stands."""


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "name":
            yield Token(kind, re.sub(r"\s", "", match[0]), match.start(), match.end())
        elif kind in ("string", "sign"):
            yield Token(kind, match[0], match.start(), match.end())


def calls(found: Sequence[Token], names: frozenset[str]) -> Iterator[Call]:
    """The calls of functions of these names, but not those within another's arguments.

    One that never ends goes to the end.
    """
    place, depth = 0, 0
    while place < len(found) - 1:
        token = found[place]
        if token.kind == "name" and token.text in names and found[place + 1].text == "(":
            last = _closing(found, place + 1)
            end = found[last].end
            if last + 1 < len(found) and found[last + 1].text == ";":
                end = found[last + 1].end
            yield Call(token.text, token.start, end, found[place + 2 : last], depth)
            place = last
        elif token.kind == "sign":
            depth = max(0, depth + _DEPTHS.get(token.text, 0))
        place += 1


def _closing(found: Sequence[Token], opened: int) -> int:
    """The place of the token that closes the bracket at ``opened``; the last where none does."""
    depth = 0
    for place in range(opened, len(found)):
        if found[place].kind == "sign":
            depth += _DEPTHS.get(found[place].text, 0)
            if depth == 0:
                return place
    return len(found) - 1


def string_value(token: Token) -> str:
    """What a string literal means."""
    text = token.text[1:-1] if len(token.text) > 1 and token.text[-1] == token.text[0] else token.text[1:]
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    if code := match["byte"] or match["unit"]:
        return chr(int(code, 16))
    return _ESCAPED.get(match["one"], match["one"])
