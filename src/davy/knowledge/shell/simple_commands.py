"""Shell text cut into simple commands.  Pure; never raises.

Source: POSIX.1-2017 XCU chapter 2 (shell command language), bash(1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

SUBSTITUTION: Final = "$()"
"""How a substitution is written where it stands in a word; what it runs is told beside the words."""

_BEFORE_COMMAND: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "{", "coproc"})
_NO_COMMAND: Final = frozenset({"for", "case", "select", "function", "[[", "fi", "done", "esac", "}"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=")

_PLAIN: Final = r"""[^ \t\n\\'"$`|&;<>()*?\[~#] [^ \t\n\\'"$`|&;<>()*?\[]*+"""
_VARIABLE: Final = r"\$ (?: \{[^}]*\}? | \w+ | [@*#?$!-] )"
_TOKEN: Final = re.compile(
    rf"""
      (?P<plain> {_PLAIN} ) (?P<gap> [ \t]+ )?
    | (?P<blank> [ \t]+ )
    | (?P<redirection> (?: <<< | <<-? | <> | [<>]& | >> | >\| | [<>](?!\() | &>>? ) [ \t]*+ )
      (?: (?P<target> {_PLAIN} ) (?= [ \t\n|&;<>()] | \Z ) )?
    | (?P<operator> && | \|\| | \|& | ;;&? | ;& | [|&;()\n] )
    | (?P<nothing> \\\n | \$(?=['"]) | ['"\\]\Z )
    | (?P<single> '[^']*'? )
    | (?P<double> "[^"\\$`]*" )
    | (?P<quote> " )
    | (?P<variable> {_VARIABLE} )
    | (?P<commands> [$<>]\( | ` )
    | (?P<pattern> [*?\[]+ )
    | (?P<home> ~ [\w.+~-]* )
    | (?P<escaped> \\.? )
    | (?P<comment> \# )
    | (?P<end> \Z )
    | (?P<stray> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD_ENDS: Final = frozenset({"gap", "blank", "redirection", "target", "operator", "end"})
_REDIRECTIONS: Final = frozenset({"redirection", "target"})
_IN_DOUBLE: Final = re.compile(
    rf"""(?P<plain> [^"\\$`]+ ) | (?P<escaped> \\.? ) | (?P<variable> {_VARIABLE} ) | (?P<commands> \$\( | ` ) | \$ """,
    re.VERBOSE | re.DOTALL,
)
_BACKQUOTED: Final = re.compile(r"`((?:[^`\\]+|\\.)*+)`?", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([$`\\])")
_CLOSING: Final = re.compile(r"\\.|'[^']*'?|[()]", re.DOTALL)
_DEPTHS: Final = {"(": 1, ")": -1}


class SimpleCommand(NamedTuple):
    """What stands between two operators of the shell."""

    operator: str
    """The one before it; empty at the beginning."""
    words: Sequence[str]
    """Its program and arguments, without redirections."""
    substitutions: Sequence[str]
    """The texts within ``$(...)``, ``<(...)`` and backquotes in it."""


def command_words(words: Sequence[str]) -> Sequence[str]:
    """The words from the program on, without what may stand before it (``if``, ``A=1``); none of ``for x in y``."""
    here = 0
    while here < len(words) and (words[here] in _BEFORE_COMMAND or _ASSIGNMENT.match(words[here])):
        here += 1
    if here < len(words) and words[here] in _NO_COMMAND:
        return ()
    return words[here:] if here else words


class ShellText:
    """Cuts shell text into simple commands; bad quoting ends where the text does.

    ``expand`` says what stands for a variable, a pattern or a ``~`` in a word, given as it is written; a substitution
    is given as `SUBSTITUTION`.
    """

    def __init__(self, text: str, expand: Callable[[str], str]) -> None:
        self._text, self._expand = text, expand
        self._substitutions: list[str] = []

    def commands(self) -> Iterator[SimpleCommand]:
        """The simple commands, in the order of the text."""
        text, here, operator = self._text, 0, ""
        words: list[str] = []
        word: str | None = None
        redirected = False
        while token := _TOKEN.match(text, here):
            kind, here = token.lastgroup, token.end()
            if kind == "plain" or kind == "gap":
                word = (word or "") + token["plain"]
            elif kind not in _WORD_ENDS:
                piece, here = self._piece(token, word is None)
                word = word if piece is None else (word or "") + piece
            if kind not in _WORD_ENDS:
                continue
            if word is not None:
                if not redirected and not (kind in _REDIRECTIONS and word.isdecimal()):
                    words.append(word)
                word, redirected = None, False
            if kind == "redirection":
                redirected = True
            elif kind == "operator" or kind == "end":
                if words or self._substitutions:
                    yield SimpleCommand(operator, command_words(words), self._substitutions)
                    words, self._substitutions = [], []
                if kind == "end":
                    return
                operator, redirected = token[0], False

    def _piece(self, token: re.Match[str], first: bool) -> tuple[str | None, int]:
        """One quoted, escaped or expanded part of a word, and where it ends; None for what adds nothing to a word."""
        kind, written, end = token.lastgroup, token[0], token.end()
        if kind == "single":
            return written.strip("'"), end
        if kind == "double":
            return written[1:-1], end
        if kind == "quote":
            return self._double_quoted(end)
        if kind == "commands":
            return self._substitution(token.start())
        if kind == "escaped":
            return written[1:], end
        if kind == "nothing":
            return None, end
        if kind == "variable" or kind == "pattern" or (kind == "home" and first):
            return self._expand(written), end
        if kind == "comment" and first:
            line_end = self._text.find("\n", end)
            return None, line_end if line_end >= 0 else len(self._text)
        return written, end

    def _double_quoted(self, here: int) -> tuple[str, int]:
        text, pieces = self._text, []
        while piece := _IN_DOUBLE.match(text, here):
            kind, written, here = piece.lastgroup, piece[0], piece.end()
            if kind == "escaped":
                written = written if written[1:] not in '$`"\\\n' else written[1:].rstrip("\n")
            elif kind == "variable":
                written = self._expand(written)
            elif kind == "commands":
                written, here = self._substitution(piece.start())
            pieces.append(written)
        return "".join(pieces), here + 1

    def _substitution(self, here: int) -> tuple[str, int]:
        if backquoted := _BACKQUOTED.match(self._text, here):
            inside, end = _ESCAPED.sub(r"\1", backquoted[1]), backquoted.end()
        else:
            close = self._closing(here + 2)
            inside, end = self._text[here + 2 : close], close + 1
        if inside:
            self._substitutions.append(inside)
        return self._expand(SUBSTITUTION), end

    def _closing(self, here: int) -> int:
        """Where the parenthesis that is open at ``here`` closes."""
        depth = 1
        for match in _CLOSING.finditer(self._text, here):
            depth += _DEPTHS.get(match[0], 0)
            if depth == 0:
                return match.start()
        return len(self._text)
