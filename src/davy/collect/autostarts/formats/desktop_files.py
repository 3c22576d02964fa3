r"""Files of groups and keys, as desktops, D-Bus and polkit's old authority read them.

A group begins with ``[Desktop Entry]``, a key is ``Exec=/usr/bin/tracker --start``.  Of a key that stands there twice
some readers take the first value and some the last, so both are told: ``/bin/false; /usr/bin/x``.

Source: Desktop Entry Specification 1.5, dbus-daemon(1), pklocalauthority(8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Group(NamedTuple):
    """A group and its keys."""

    name: str
    line: int
    end_line: int
    """The last line of its own: that of its last key."""
    keys: dict[str, str]
    text: str
    """Its lines as they stand."""


def groups(content: str) -> Iterator[Group]:
    """The groups of a file, in its order.  Lines before the first group and lines that are no keys are passed over."""
    lines = [line.removesuffix("\r") for line in content.split("\n")]
    name: str | None = None
    first, last, keys = 0, 0, dict[str, str]()
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            if name is not None:
                yield Group(name, first, last, keys, "\n".join(lines[first - 1 : last]))
            name, first, last, keys = stripped[1:-1], number, number, {}
        elif name is not None and "=" in stripped and not stripped.startswith(("#", ";")):
            key, _, value = stripped.partition("=")
            _add(keys, key.rstrip(), value.lstrip())
            last = number
    if name is not None:
        yield Group(name, first, last, keys, "\n".join(lines[first - 1 : last]))


def keys_of(content: str, name: str) -> dict[str, str]:
    """The keys of all groups of one name, which readers take for one."""
    found: dict[str, str] = {}
    for group in groups(content):
        if group.name == name:
            for key, value in group.keys.items():
                _add(found, key, value)
    return found


def _add(keys: dict[str, str], key: str, value: str) -> None:
    keys[key] = f"{keys[key]}; {value}" if keys.get(key, value) != value else value
