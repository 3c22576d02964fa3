"""The lines of a text for csh that run something.  A block's body may be empty there.

Source: csh(1), tcsh(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.shell_lines import runs
from davy.collect.autostarts.reading import Entry, rows
from davy.collect.commands import programs_of

_CSH_OPENS: Final = re.compile(r"[ \t]*(?:else[ \t]+)?(?:if\b.*\bthen|while\b.*|foreach\b.*|switch\b.*)[ \t]*")
_CSH_LIST: Final = re.compile(r"set\b[^(;]*\([^()]*\)[ \t]*(?:;|\Z)")
_CSH_WORDS: Final = re.compile(r"(?:else[ \t]+)?(?:if|while|foreach|switch)\b[^(]*\([^)]*\)[ \t]*(?:then\b)?|else\b")


def csh_entries(content: str, *, home: str | None = None) -> Iterator[Entry]:
    """The entries of a text for csh."""
    for row in rows(content, continued=True, joint="\n"):
        code = " ".join(piece.strip() for piece in row.whole.split("\n"))
        if not code or code.startswith("#"):
            continue
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
        command = rest.strip() if words and rest.strip() else code
        yield row.entry(command, remains=remains, programs=programs_of(command, home=home, directory=home))
