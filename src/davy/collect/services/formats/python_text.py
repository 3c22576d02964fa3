"""Assignments of plain values in Python: ``c.ServerApp.token = ''`` has the key ``ServerApp.token``.  Nothing is run.

Text, numbers, ``True``, ``False``, ``None`` (empty), lists and dictionaries of them; what is computed is passed over.

Source: jupyter-server.readthedocs.io (config files), docs.python.org (lexical analysis).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.flow import closed, flow
from davy.collect.services.formats.pairs import LINE_CHARACTERS, Pair, numbered

_ASSIGNMENT: Final = re.compile(r"\s{0,8}(?:c\.)?([A-Za-z_][\w.]*)\s*=(?!=)\s*(\S.*)")
_TEXT: Final = re.compile(r"""[rRuUbB]{0,2}("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?:#.*)?$""")
_WORD: Final = re.compile(r"(True|False|None|-?[\d.][\w.]*)\s*(?:#.*)?$")


def python(text: str) -> Iterator[Pair]:
    """The assignments in their order."""
    pending: tuple[str, str, int] | None = None
    for number, line in numbered(text):
        if pending is not None:
            pending = (pending[0], f"{pending[1]}\n{line}", pending[2])
        elif found := _ASSIGNMENT.match(line):
            key, value = found[1], found[2]
            if quoted := _TEXT.match(value):
                yield Pair(key, quoted[1][1:-1], number)
            elif word := _WORD.match(value):
                yield Pair(key, "" if word[1] == "None" else word[1], number)
            elif value[0] in "[{(":
                pending = (key, value, number)
        if pending is not None and (closed(pending[1]) or len(pending[1]) > LINE_CHARACTERS):
            yield from (Pair(name, value, pending[2]) for name, value in flow(pending[0], pending[1]))
            pending = None
