"""Where words, quotes and brackets of shell text end.  Pure.

Source: POSIX.1-2017 XCU 2.2 (quoting), 2.6 (word expansions), bash(1).
"""

from __future__ import annotations

import re
from typing import Final

DEPTH_LIMIT: Final = 40
"""Brackets within brackets that are followed."""
_PIECE: Final = re.compile(
    r"""
      (?P<plain> [^\s\\'"$`|&;<>()]+ )
    | (?P<escaped> \\. )
    | (?P<single> '[^']*' | \$'(?:[^'\\]|\\.)*' )
    | (?P<double> \$?" )
    | (?P<group> \$\( | [<>]\( )
    | (?P<brace> \$\{ )
    | (?P<backquoted> `(?:[^`\\]|\\.)*` )
    | (?P<dollar> \$(?!') )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_IN_DOUBLE: Final = re.compile(
    r"""(?P<plain> [^"\\$`]+ | \\. ) | (?P<end> " ) | (?P<group> \$\( ) | (?P<brace> \$\{ )
    | (?P<backquoted> `(?:[^`\\]|\\.)*` ) | (?P<dollar> \$ )""",
    re.VERBOSE | re.DOTALL,
)
_IN_BRACE: Final = re.compile(
    r"""(?P<plain> [^}"'\\$`]+ | \\. | ' ) | (?P<end> \} ) | (?P<double> " ) | (?P<group> \$\( ) | (?P<brace> \$\{ )
    | (?P<backquoted> `(?:[^`\\]|\\.)*` ) | (?P<dollar> \$ )""",
    re.VERBOSE | re.DOTALL,
)
_IN_GROUP: Final = re.compile(
    r"""
      (?P<between> [\s|&;]+ | [<>] (?! \( ) ) | (?P<comment> (?<=[\s;&|(]) \#[^\n]* )
    | (?P<open> \( ) | (?P<end> \) )
    """,
    re.VERBOSE | re.ASCII,
)
_GLOB: Final = "=?*+@!"
"""After these a bracket belongs to the word: an array, a pattern of bash or zsh."""


class Unfinished(Exception):
    """A quote or bracket never ends, or there are too many within each other."""


def word_end(text: str, here: int, limit: int, depth: int = 0) -> int:
    """Where the word that begins here ends.  Raises `Unfinished`."""
    start = here
    while here < limit:
        piece = _PIECE.match(text, here, limit)
        if piece is None:
            if text[here] == "(" and here > start and text[here - 1] in _GLOB:
                here = group_end(text, here + 1, limit, depth + 1)
                continue
            if text[here] in "\\'\"`$":
                raise Unfinished
            break
        here = _after(piece, text, limit, depth)
    return here


def group_end(text: str, here: int, limit: int, depth: int = 0) -> int:
    """Behind the round bracket that is open here.  Raises `Unfinished`."""
    if depth > DEPTH_LIMIT:
        raise Unfinished
    opened = 1
    while here < limit:
        if token := _IN_GROUP.match(text, here, limit):
            here = token.end()
            opened += {"open": 1, "end": -1}.get(token.lastgroup or "", 0)
            if opened == 0:
                return here
        else:
            end = word_end(text, here, limit, depth + 1)
            here = end if end > here else here + 1
    raise Unfinished


def _after(piece: re.Match[str], text: str, limit: int, depth: int) -> int:
    """Where a piece of a word ends."""
    kind, here = piece.lastgroup, piece.end()
    if kind == "group":
        return group_end(text, here, limit, depth + 1)
    if kind == "double":
        return _closed(_IN_DOUBLE, text, here, limit, depth + 1)
    if kind == "brace":
        return _closed(_IN_BRACE, text, here, limit, depth + 1)
    return here


def _closed(pieces: re.Pattern[str], text: str, here: int, limit: int, depth: int) -> int:
    if depth > DEPTH_LIMIT:
        raise Unfinished
    while here < limit:
        piece = pieces.match(text, here, limit)
        if piece is None:
            raise Unfinished
        if piece.lastgroup == "end":
            return piece.end()
        here = _after(piece, text, limit, depth)
    raise Unfinished
