"""The lines of texts for fish and csh that run something.  In both the body of a block may be empty.

Source: fish(1) and the language's document, csh(1), tcsh(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.shell_lines import runs
from davy.collect.autostarts.texts import Entry

_FISH_OPENS: Final = re.compile(r"(?:^|;)[ \t]*(?P<word>if|while|for|switch|function|begin)\b")
_FISH_ENDS: Final = re.compile(r"(?:^|;)[ \t]*end\b")
_FISH_WORDS: Final = re.compile(r"(?:(?:if|else[ \t]+if|else|while|and|or|not|begin|end|then)\b[ \t;]*)+")
_FISH_HEADER: Final = re.compile(r"(?:for|switch|case|function)\b")
_FISH_SUBSTITUTION: Final = re.compile(r"(?<![$\\])\((?=[ \t]*[\w./~\\])")
_CSH_OPENS: Final = re.compile(r"[ \t]*(?:else[ \t]+)?(?:if\b.*\bthen|while\b.*|foreach\b.*|switch\b.*)[ \t]*")
_CSH_LIST: Final = re.compile(r"set\b[^(;]*\([^()]*\)[ \t]*(?:;|\Z)")
_CSH_WORDS: Final = re.compile(r"(?:else[ \t]+)?(?:if|while|foreach|switch)\b[^(]*\([^)]*\)[ \t]*(?:then\b)?|else\b")


def fish_entries(content: str, *, home: str | None = None) -> Iterator[Entry]:
    """The entries of a text for fish; of a line that opens a block the opening remains, with nothing run."""
    for line, end_line, text, code in _code_lines(content):
        words = _FISH_WORDS.match(code)
        rest = code[words.end() :] if words else code
        header = _FISH_HEADER.match(rest)
        told = f": {rest.partition(';')[0]};{rest.partition(';')[2]}" if header else rest
        if not runs(_FISH_SUBSTITUTION.sub("$(", told)):
            continue
        opened = len(_FISH_OPENS.findall(code)) - len(_FISH_ENDS.findall(code))
        remains = None
        if opened > 0:
            opens = _FISH_OPENS.search(code)
            word = opens["word"] if opens else "begin"
            remains = {"while": "while false", "for": "for x in", "switch": "switch ''"}.get(word, f"{word} false")
            remains = {"begin": "begin", "function": code.partition(";")[0]}.get(word, remains)
        elif code.startswith("else"):
            remains = "else if false" if code.startswith("else if") else "else"
        elif opened < 0:
            remains = "; ".join(["end"] * -opened)
        yield _entry(line, end_line, text, rest.strip() if opened or remains else code, remains, home)


def csh_entries(content: str, *, home: str | None = None) -> Iterator[Entry]:
    """The entries of a text for csh."""
    for line, end_line, text, code in _code_lines(content):
        words = _CSH_WORDS.match(code)
        rest = code[words.end() :] if words else code
        header = words[0] if words else ""
        if _CSH_LIST.match(rest):
            rest = rest.replace("(", " ").replace(")", " ")
        if not runs(rest) and not ("`" in header and runs(f": {header[header.find('`') :]}")):
            continue
        remains = None
        if _CSH_OPENS.fullmatch(code):
            head = re.match(r"(?:else[ \t]+)?(?P<word>\w+)", code)
            word = head["word"] if head else "if"
            remains = {"while": "while (0)", "foreach": "foreach x ()", "switch": "switch (x)"}.get(word, "if (0) then")
            if code.startswith("else"):
                remains = f"else {remains}"
        elif code.startswith("else"):
            remains = "else"
        yield _entry(line, end_line, text, rest.strip() if words and rest.strip() else code, remains, home)


def _entry(line: int, end_line: int, text: str, command: str, remains: str | None, home: str | None) -> Entry:
    return Entry(
        line,
        text,
        command,
        end_line=end_line if end_line > line else None,
        remains=remains,
        programs=programs_of(command, home=home, directory=home),
    )


def _code_lines(content: str) -> Iterator[tuple[int, int, str, str]]:
    """Number of the first and last line, text and code of each line that is no comment, joined where one goes on."""
    rows = iter(enumerate(content.split("\n"), 1))
    for number, raw in rows:
        pieces, end = [raw.removesuffix("\r")], number
        while pieces[-1].endswith("\\") and (following := next(rows, None)):
            end = following[0]
            pieces.append(following[1].removesuffix("\r"))
        code = " ".join(piece.removesuffix("\\").strip() for piece in pieces)
        if code and not code.startswith("#"):
            yield number, end, "\n".join(pieces), code
