"""Reading of the knowledge files: TOML and JSON beside this module, decoded strictly into structs."""

from __future__ import annotations

import os
import re
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

_FOLDER: Final = os.path.dirname(os.path.abspath(__file__))
_WILD: Final = re.compile(r"\*\*|\*|\?|\[[^\]]*\]")


def read(name: str, kind: type[T]) -> T:
    """The knowledge file ``name`` as a ``kind``; an unknown key or a wrong type raises `msgspec.ValidationError`."""
    with open(os.path.join(_FOLDER, name), "rb") as file:
        content = file.read()
    if name.endswith(".json"):
        return msgspec.json.decode(content, type=kind)
    return msgspec.toml.decode(content, type=kind)


def listed(folder: str) -> tuple[str, ...]:
    """The knowledge files in a folder of this package, in the order of their names."""
    names = sorted(name for name in os.listdir(os.path.join(_FOLDER, folder)) if name.endswith(".toml"))
    return tuple(f"{folder}/{name}" for name in names)


def wild(value: str) -> bool:
    """Whether a name or a path is a pattern (``*``, ``?``, ``[...]``)."""
    return _WILD.search(value) is not None


def glob_expression(pattern: str) -> str:
    """A regular expression without groups for a pattern; ``*`` stays within one folder, ``**`` does not."""
    pieces, last = [], 0
    for match in _WILD.finditer(pattern):
        pieces.append(re.escape(pattern[last : match.start()]))
        found = match[0]
        pieces.append({"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(found, found))
        last = match.end()
    return "".join(pieces) + re.escape(pattern[last:])
