"""Assignments of plain values in Python: ``c.ServerApp.token = ''`` has the key ``ServerApp.token``.  Nothing is run.

Text, numbers, ``True``, ``False``, ``None`` (empty), lists and dictionaries of them; what is computed is passed over.

Source: jupyter-server.readthedocs.io (config files), docs.python.org (lexical analysis).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.flow import Begun, begun
from davy.collect.services.formats.pairs import Pair, numbered

_ASSIGNMENT: Final = re.compile(r"\s{0,8}(?:c\.)?([A-Za-z_][\w.]*)\s*=(?!=)\s*(\S.*)")
_TEXT: Final = re.compile(r"""[rRuUbB]{0,2}("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?:#.*)?$""")
_WORD: Final = re.compile(r"(True|False|None|-?[\d.][\w.]*)\s*(?:#.*)?$")


def python(text: str) -> Iterator[Pair]:
    """The assignments in their order."""
    pending: Begun | None = None
    for number, line in numbered(text):
        if pending is not None:
            pending = pending.going_on(line)
        elif found := _ASSIGNMENT.match(line):
            key, value = found[1], found[2]
            if quoted := _TEXT.match(value):
                yield Pair(key, quoted[1][1:-1], number)
            elif word := _WORD.match(value):
                yield Pair(key, "" if word[1] == "None" else word[1], number)
            elif value[0] in "[{(":
                pending = begun(key, value, number)
        if pending is not None and pending.ended:
            yield from pending.pairs()
            pending = None
