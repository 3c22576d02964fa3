"""YAML, as far as settings go: keys by their path, ``services.web.ports.0``.  Anchors and tags are not followed.

Read by the line, so that nothing in it is expanded: an alias is the text ``*name``.  Flow values in brackets and block
scalars (``|``, ``>``) are read, keys with dots of their own (``rest.port: 8081``) stay as they are.

Source: yaml.org/spec/1.2.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.services.formats.flow import Begun, begun
from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair, bare, numbered

_COLON: Final = re.compile(r":(?=\s|$)")
_PROPERTIES: Final = re.compile(r"^(?:[&!]\S*(?:\s+|$))+")
_SCALAR: Final = re.compile(r"[|>][-+0-9]*(?:\s+#.*)?$")


class _Level(NamedTuple):
    indent: int
    name: str
    item: bool = False


def yaml(text: str) -> Iterator[Pair]:
    """The plain values in their order."""
    levels: list[_Level] = []
    counts: dict[str, int] = {}
    scalar: tuple[int, str, int, list[str]] | None = None
    pending: Begun | None = None
    for number, line in numbered(text):
        stripped = line.lstrip(" ")
        indent = len(line) - len(stripped)
        if pending is not None:
            pending = pending.going_on(stripped)
            if pending.ended:
                yield from pending.pairs()
                pending = None
            continue
        if scalar is not None:
            if not stripped or indent > scalar[0]:
                if sum(map(len, scalar[3])) < LINE_CHARACTERS:
                    scalar[3].append(stripped)
                continue
            yield Pair(scalar[1], "\n".join(scalar[3]).strip(), scalar[2])
            scalar = None
        if not stripped or stripped.startswith(("#", "%")):
            continue
        if stripped in ("---", "..."):
            levels.clear()
            continue
        dash = _dashed(stripped)
        while levels and (
            levels[-1].indent > indent or (levels[-1].indent == indent and (levels[-1].item or not dash))
        ):
            levels.pop()
        while _dashed(stripped):
            path = _path(levels)
            index = counts.get(path, -1) + 1
            counts[path] = index
            levels.append(_Level(indent, str(index), item=True))
            rest = stripped[1:].lstrip(" ")
            indent += len(stripped) - len(rest)
            stripped = rest
            if len(levels) > DEPTH_LIMIT:
                break
        if len(levels) > DEPTH_LIMIT or not stripped:
            continue
        value = _PROPERTIES.sub("", stripped, count=1)
        if found := _keyed(value):
            levels.append(_Level(indent, found[0]))
            value = _PROPERTIES.sub("", found[1], count=1)
            if not value or value.startswith("#"):
                continue
        path = _path(levels)
        if _SCALAR.match(value):
            scalar = (levels[-1].indent if levels else -1, path, number, [])
        elif value[:1] in ("[", "{"):
            pending = begun(path, value, number)
            if pending.ended:
                yield from pending.pairs()
                pending = None
        else:
            yield Pair(path, bare(value), number)
    if scalar is not None:
        yield Pair(scalar[1], "\n".join(scalar[3]).strip(), scalar[2])


def _dashed(stripped: str) -> bool:
    return stripped == "-" or stripped.startswith("- ")


def _keyed(text: str) -> tuple[str, str] | None:
    """The key that a text begins with, and what stands after its colon."""
    if text[:1] in ("[", "{"):
        return None
    if text[:1] in ("'", '"'):
        end = text.find(text[0], 1)
        after = text[end + 1 :].lstrip() if end > 0 else ""
        return (text[1:end], after[1:].lstrip()) if after == ":" or after.startswith((": ", ":\t")) else None
    found = _COLON.search(text)
    if found is None or " #" in text[: found.start()]:
        return None
    return text[: found.start()].rstrip(), text[found.end() :].lstrip()


def _path(levels: list[_Level]) -> str:
    return ".".join(level.name for level in levels)
