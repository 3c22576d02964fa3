"""Apache's directives: ``Listen 80``; below ``<VirtualHost *:80>`` the key is ``VirtualHost.ServerName``.

``<IfModule>`` and its like are passed through.  Source: httpd.apache.org/docs (configuring).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair, bare, numbered

_SECTION: Final = re.compile(r"\s*<(/?)([A-Za-z]\w*)")
_DIRECTIVE: Final = re.compile(r"\s*([A-Za-z][\w-]*)(?:\s+(.*))?$")


def apache(text: str) -> Iterator[Pair]:
    """The directives in their order."""
    path: list[str] = []
    begun, first = "", 0
    for number, line in numbered(text, "#"):
        begun, first = (begun + line, first) if begun else (line, number)
        if begun.endswith("\\") and len(begun) < LINE_CHARACTERS:
            begun = begun[:-1]
            continue
        if found := _SECTION.match(begun):
            if not found[1]:
                path.append(found[2])
            elif path:
                path.pop()
            if len(path) > DEPTH_LIMIT:
                return
        elif found := _DIRECTIVE.match(begun):
            within = [name for name in path if not name.casefold().startswith("if")]
            yield Pair(".".join([*within, found[1]]), bare(found[2] or ""), first)
        begun = ""
