"""The lines of a text for fish that run something.  A block's body may be empty there.

Source: fish(1), the language's document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.formats.shell_lines import runs
from davy.collect.autostarts.reading import Entry
from davy.collect.commands import programs_of

_HIDDEN: Final = re.compile(
    r"""(?P<escaped> \\. ) | (?P<quoted> '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" ) | (?P<open> \( ) | (?P<close> \) )
    | (?P<comment> (?<![^\s;&|(]) \#[^\n]* ) | (?P<unclosed> ['"] | \\\Z )""",
    re.VERBOSE | re.DOTALL,
)
_GOES_ON: Final = re.compile(r"(?:&&|\|\||\||\\\n)[ \t]*\Z")
_COMMAND: Final = re.compile(r"[^;&|\n]+")
_PREFIX: Final = re.compile(r"[ \t]*(?:(?:and|or|not|time|builtin|command|!)[ \t]+)*")
_STRUCTURE: Final = re.compile(r"(?P<word>else[ \t]+if|else|if|while|for|switch|case|function|begin|end)(?![\w-])")
_FORMS: Final = {
    "if": "if false", "while": "while false", "for": "for x in", "switch": "switch ''", "begin": "begin",
    "else": "else", "else if": "else if false", "end": "end",
}  # fmt: skip
_OPENS: Final = frozenset({"if", "while", "for", "switch", "function", "begin"})
_SUBSTITUTION: Final = re.compile(r"(?<![$\\])\((?=[ \t]*[\w./~\\])")
_ROWS_LIMIT: Final = 50
"""Lines that one may go on over."""
_RESTARTS: Final = 8
"""So often a line that never ends is taken for a line of its own; after that every line is."""


class _Line(NamedTuple):
    """A line, with those over which it goes on."""

    line: int
    end_line: int
    text: str
    code: str
    """Without what is a comment."""
    shown: str
    """The code with a blank for each character in quotes and brackets."""


def fish_entries(content: str, *, home: str | None = None) -> Iterator[Entry]:
    """The entries of a text for fish; of a line that opens or closes a block that remains, with nothing run."""
    for each in _lines(content):
        told, structure = [], []
        for command in _COMMAND.finditer(each.shown):
            begin = _PREFIX.match(each.shown, command.start(), command.end())
            start = begin.end() if begin else command.start()
            written = each.code[start : command.end()]
            if word := _STRUCTURE.match(each.shown, start, command.end()):
                name = " ".join(word["word"].split())
                structure.append(
                    _FORMS.get(name) or ("case ''" if "(" in written and name == "case" else written.strip())
                )
                rest = each.code[word.end() : command.end()]
                written = rest if name in ("if", "while", "else if", "begin", "else") else f": {rest}"
            told.append(written)
        if not any(runs(_SUBSTITUTION.sub("$(", written.strip())) for written in told):
            continue
        command_text = each.code.strip()
        yield Entry(
            command_text,
            line=each.line,
            text=each.text,
            end_line=each.end_line if each.end_line > each.line else None,
            remains=None if _closed(structure) else "; ".join(structure),
            programs=programs_of("\n".join(told), home=home, directory=home),
        )


def _closed(structure: list[str]) -> bool:
    """Whether words of blocks open and close all among themselves."""
    depth = 0
    for form in structure:
        word = form.split()[0]
        if depth == 0 and word not in _OPENS:
            return False
        depth += (word in _OPENS) - (word == "end")
    return depth == 0


def _lines(content: str) -> Iterator[_Line]:
    rows = [row.removesuffix("\r") for row in content.split("\n")]
    here = restarts = 0
    while here < len(rows):
        end, found = here, _shown(rows[here])
        while found is None and end + 1 < len(rows) and end - here < _ROWS_LIMIT and restarts < _RESTARTS:
            end += 1
            found = _shown("\n".join(rows[here : end + 1]))
        if found is None:
            end, found, restarts = here, (rows[here], rows[here]), restarts + 1
        if found[1].strip():
            yield _Line(here + 1, end + 1, "\n".join(rows[here : end + 1]), *found)
        here = end + 1


def _shown(text: str) -> tuple[str, str] | None:
    """The code of a text and what of it is shown; None when it goes on."""
    code, shown, here, depth = [], [], 0, 0
    for found in _HIDDEN.finditer(text):
        between = text[here : found.start()]
        kind, here = found.lastgroup, found.end()
        code.append(between)
        shown.append(" " * len(between) if depth else between)
        if kind == "unclosed":
            return None
        if kind == "comment":
            continue
        depth = max(depth + {"open": 1, "close": -1}.get(kind or "", 0), 0)
        code.append(found[0])
        shown.append("q" * len(found[0]) if kind in ("quoted", "escaped") and not depth else " " * len(found[0]))
    code.append(text[here:])
    shown.append(text[here:])
    joined = "".join(shown)
    return None if depth or _GOES_ON.search(joined) else ("".join(code), joined)
