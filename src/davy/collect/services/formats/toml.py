"""TOML, as far as settings go: ``[a.b]`` and ``key = value`` give ``a.b.key``; of lists ``key.0``, ``key.1``.

Source: toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.flow import Begun, begun
from davy.collect.services.formats.pairs import Pair, bare, numbered

_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY: Final = re.compile(r"""\s*+((?:"[^"]*+"|'[^']*+'|[\w.\-\t ])++)=\s*(.*)""")
_QUOTES: Final = re.compile(r"[\"' \t]")


def toml(text: str) -> Iterator[Pair]:
    """The plain values in their order."""
    table = ""
    counts: dict[str, int] = {}
    pending: Begun | None = None
    for number, line in numbered(text):
        if pending is not None:
            pending = pending.going_on(line.strip())
        elif found := _TABLE.match(line):
            name = _QUOTES.sub("", found[2])
            if found[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                name = f"{name}.{counts[name]}"
            table = f"{name}."
            continue
        elif found := _KEY.match(line):
            key = table + _QUOTES.sub("", found[1])
            if not found[2].startswith(("[", "{")):
                yield Pair(key, bare(found[2]), number)
                continue
            pending = begun(key, found[2], number)
        if pending is not None and pending.ended:
            yield from pending.pairs()
            pending = None
