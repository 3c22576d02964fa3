"""systemd's units: of ``ExecStart=/usr/bin/x`` below ``[Service]`` the key is ``Service.ExecStart``.

An empty value takes back those before it, as systemd does.  Source: systemd.syntax(7).
"""

from __future__ import annotations

from collections.abc import Iterator

from davy.collect.services.formats.pairs import LINE_CHARACTERS, Pair, numbered


def unit(text: str) -> Iterator[Pair]:
    """The settings in their order."""
    section = begun = ""
    first = 0
    for number, line in numbered(text):
        if line.lstrip().startswith(("#", ";")):
            continue
        begun, first = (f"{begun} {line.strip()}", first) if begun else (line.strip(), number)
        if begun.endswith("\\") and len(begun) < LINE_CHARACTERS:
            begun = begun[:-1].rstrip()
            continue
        key, equals, value = begun.partition("=")
        if begun.startswith("[") and begun.endswith("]"):
            section = f"{begun[1:-1]}."
        elif equals:
            yield Pair(section + key.rstrip(), value.strip(), first)
        begun = ""
