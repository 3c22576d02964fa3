"""``key=value`` or ``key: value`` by the line: Java's properties, .env files, rabbitmq.conf.

``listeners.tcp.default = 5672`` has the key ``listeners.tcp.default``; ``export`` before a key is left out.

Source: java.util.Properties, rabbitmq.com/docs/configure, docs.docker.com (env files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import LINE_CHARACTERS, Pair, bare, numbered

_PROPERTY: Final = re.compile(r"\s*(?:export\s+)?([^\s#!=:][^\s=:]*)\s*[=: ]\s*(.*)")


def properties(text: str) -> Iterator[Pair]:
    """The properties in their order; a line that ends in a backslash goes on in the next."""
    begun, first = "", 0
    for number, line in numbered(text):
        begun, first = (begun + line.lstrip(), first) if begun else (line, number)
        if begun.endswith("\\") and not begun.lstrip().startswith(("#", "!")) and len(begun) < LINE_CHARACTERS:
            begun = begun[:-1]
            continue
        if found := _PROPERTY.match(begun):
            yield Pair(found[1], bare(found[2]), first)
        begun = ""
