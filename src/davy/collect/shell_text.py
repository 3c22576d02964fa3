"""Shell text cut into simple commands.  Pure; never raises.

Source: POSIX.1-2017 XCU chapter 2 (shell command language), bash(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

UNKNOWN: Final = "\0"
"""Stands in a word for what only the running shell knows: a variable, a substitution, a pattern."""

_PLAIN: Final = re.compile(r"[^ \t\n\\'\"$`|&;<>()*?\[~#]+")
_REDIRECTION: Final = re.compile(r"<<<|<<-?|<>|[<>]&|>>|>\||[<>]")
_BOTH_REDIRECTED: Final = re.compile(r"&>>?")
_OPERATOR: Final = re.compile(r"&&|\|\||\|&|;;&?|;&|[|&;()\n]")
_EXPANSION: Final = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}?|(?P<name>\w+|[@*#?$!-]))")
_CLOSING: Final = re.compile(r"\\.|'[^']*'?|[()]", re.DOTALL)
_IN_DOUBLE: Final = re.compile(r"[^\"\\$`]+")


class ShellText:
    """Cuts shell text into simple commands; bad quoting ends where the text does."""

    def __init__(self, text: str, home: str | None) -> None:
        self._text, self._home = text, home
        self.substitutions: list[str] = []
        """The commands within ``$(...)`` and backquotes that were met so far."""

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Each simple command: the operator before it, and its words without redirections."""
        text, here, before = self._text, 0, ""
        words: list[str] = []
        word: str | None = None
        redirected = False
        while here <= len(text):
            character = text[here : here + 1]
            if character and (plain := _PLAIN.match(text, here)):
                word, here = (word or "") + plain[0], plain.end()
                continue
            redirection = _REDIRECTION.match(text, here) or _BOTH_REDIRECTED.match(text, here)
            operator = None if redirection else _OPERATOR.match(text, here)
            if not character or character in " \t" or redirection or operator:
                if word is not None and not redirected and not (redirection and word.isdecimal()):
                    words.append(word)
                redirected = bool(redirection) or (redirected and word is None and not operator)
                word = None
                if operator or not character:
                    if words:
                        yield before, words
                    words, before = [], operator[0] if operator else ""
                match = redirection or operator
                here = match.end() if match else here + 1
            elif text.startswith("\\\n", here):
                here += 2
            elif character == "#" and word is None:
                end = text.find("\n", here)
                here = end if end >= 0 else len(text)
            else:
                piece, end = self._piece(here, word is None)
                word, here = (word or "") + piece, min(end, len(text))

    def _piece(self, here: int, first: bool) -> tuple[str, int]:
        """One quoted, escaped or expanded part of a word from ``here`` on, and where it ends."""
        text, character = self._text, self._text[here]
        if character == "'":
            end = text.find("'", here + 1)
            end = end if end >= 0 else len(text)
            return text[here + 1 : end], end + 1
        if character == '"':
            return self._double_quoted(here + 1)
        if character == "\\":
            return text[here + 1 : here + 2], here + 2
        if character in "$`":
            return self._expansion(here)
        if character == "~" and first:
            at_home = text[here + 1 : here + 2] in ("", "/") or text[here + 1].isspace()
            return (self._home or UNKNOWN) if at_home else UNKNOWN, here + 1
        return (UNKNOWN if character in "*?[" else character), here + 1

    def _double_quoted(self, here: int) -> tuple[str, int]:
        text, pieces = self._text, []
        while here < len(text) and text[here] != '"':
            if plain := _IN_DOUBLE.match(text, here):
                piece, here = plain[0], plain.end()
            elif text[here] == "\\":
                escaped = text[here + 1 : here + 2]
                piece = escaped if escaped in '$`"\\' else "\\" + escaped
                piece, here = piece.replace("\\\n", ""), here + 2
            else:
                piece, here = self._expansion(here)
            pieces.append(piece)
        return "".join(pieces), here + 1

    def _expansion(self, here: int) -> tuple[str, int]:
        text = self._text
        if text[here] == "`":
            end = text.find("`", here + 1)
            end = end if end >= 0 else len(text)
            self.substitutions.append(text[here + 1 : end])
            return UNKNOWN, end + 1
        if text.startswith("$(", here):
            end = self._closing(here + 2)
            if not text.startswith("$((", here):
                self.substitutions.append(text[here + 2 : end])
            return UNKNOWN, end + 1
        if match := _EXPANSION.match(text, here):
            known = self._home if (match["braced"] or match["name"]) == "HOME" else None
            return known or UNKNOWN, match.end()
        return ("" if text[here + 1 : here + 2] in ("'", '"') else "$"), here + 1

    def _closing(self, here: int) -> int:
        """Where the parenthesis that is open at ``here`` closes."""
        depth = 1
        for match in _CLOSING.finditer(self._text, here):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth == 0:
                return match.start()
        return len(self._text)
