"""Where a fix of one line stands in a configuration file: in place of the line that says it now, or as a new one.

Pure: the content of a file comes in, a `LineSet` comes out.  What a line cannot say by itself (a value that goes on in
the lines below, a file whose entries nest) is refused with the reason.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from typing import Final

from davy.collect.services.formats import pairs
from davy.hands.edits import rows_of, with_lines
from davy.knowledge.services import ConfigFormat, KnownService
from davy.model.exposures import LineChange
from davy.model.plan import LineSet

_KEY: Final = re.compile(rb"\s*(?:[-+!]\s*)?[\"']?([^\s=:\"'#;\[\]{}]+)")
_HEADER: Final = re.compile(rb"\s*\[\s*([^\]\r\n]*?)\s*\]")
_OWN_VALUE: Final = re.compile(rb"<[a-z][a-z ]*>")
"""``<a long random password>``: what nobody but a person fills in."""
_REPLACED: Final = frozenset({
    ConfigFormat.DIRECTIVES, ConfigFormat.PROPERTIES, ConfigFormat.INI, ConfigFormat.POSTGRESQL, ConfigFormat.HBA,
    ConfigFormat.YAML, ConfigFormat.TOML, ConfigFormat.PYTHON, ConfigFormat.NATS, ConfigFormat.UNIT,
})  # fmt: skip
"""Languages in which a setting is a line."""
_SECTIONED: Final = frozenset({ConfigFormat.INI, ConfigFormat.TOML, ConfigFormat.UNIT})
_SPANNING: Final = re.compile(rb"(?:[:|>][-+\d]*|\\|[\[{(,])\s*(?:#.*)?$")
"""What ends a line whose value goes on below."""

_QUOTED: Final = re.compile(rb"[:=][ \t]*([\"'])(?:(?!\1).)*$")
"""A value that begins with a quote which the line does not close."""


class NoPlaceError(Exception):
    """The line cannot be set; the message says why."""


def format_of(known: KnownService, path: str) -> ConfigFormat | None:
    """The language of a configuration file of a service; None where its knowledge has no such file."""
    name = os.path.basename(path)
    for config in known.config:
        patterns = [os.path.basename(place) for place in config.places] + [config.name] * (config.name is not None)
        if any(pattern and fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            return config.format
    formats = {config.format for config in known.config}
    return formats.pop() if len(formats) == 1 else None


def line_set(content: bytes, change: LineChange, format_: ConfigFormat, keys: Sequence[str] = ()) -> LineSet:
    """The line of a change in a file; ``keys`` are those of its setting, of which the first says the section.

    Raises `NoPlaceError`.
    """
    after = os.fsencode(change.after).strip()
    if not after or re.search(rb"[\0-\x08\n-\x1f\x7f]", after):
        raise NoPlaceError("what is to be written is not one line")
    if _OWN_VALUE.search(after):
        raise NoPlaceError("it wants a value of your own")
    if format_ not in _REPLACED:
        raise NoPlaceError(f"of a file in this language ({format_}) no single line can be set")
    rows = rows_of(content)
    if change.line is not None:
        line = _in_place(rows, change, after, format_)
    else:
        line = LineSet(number=_new_place(rows, after, format_, keys), before=None, after=after)
    if not _alone(content, line, format_):
        raise NoPlaceError("other settings of the file would be read otherwise, or this one not at all")
    return line


def _alone(content: bytes, line: LineSet, format_: ConfigFormat) -> bool:
    """Whether all other settings of the file say with the line what they say without it, by the language's reader."""
    before, after = _told(content, format_), _told(with_lines(content, (line,)), format_)
    both = zip(before, after, strict=False)
    differing = next((at for at, (one, other) in enumerate(both) if one != other), len(before))
    replaced = 0 if line.before is None else 1
    return after[differing + 1 :] == before[differing + replaced :] and len(after) == len(before) + 1 - replaced


def _told(content: bytes, format_: ConfigFormat) -> list[tuple[str, str]]:
    return [(pair.key, pair.value) for pair in pairs(format_, os.fsdecode(content))]


def _in_place(rows: Sequence[bytes], change: LineChange, after: bytes, format_: ConfigFormat) -> LineSet:
    number = change.line or 0
    if not 0 < number <= len(rows):
        raise NoPlaceError(f"it has no line {number}")
    row = rows[number - 1].rstrip(b"\r\n")
    if change.before is not None and row.strip() != os.fsencode(change.before).strip():
        raise NoPlaceError(f"line {number} is no longer what was seen")
    indent = row[: len(row) - len(row.lstrip())]
    if format_ is ConfigFormat.YAML and row.lstrip().startswith(b"- "):
        raise NoPlaceError(f"line {number} is the first of a list's entry")
    if format_ is not ConfigFormat.HBA:
        after = _as_spelled(row, after, number)
        if format_ in (ConfigFormat.YAML, ConfigFormat.NATS, ConfigFormat.TOML, ConfigFormat.PYTHON):
            below = rows[number] if number < len(rows) else b""
            deeper = below.strip() and len(below) - len(below.lstrip()) > len(indent)
            listed = below.lstrip().startswith(b"- ")
            if _SPANNING.search(row) or _QUOTED.search(row) or (format_ is ConfigFormat.YAML and (deeper or listed)):
                raise NoPlaceError(f"the value of line {number} goes on in the lines below")
        elif row.endswith(b"\\") or _QUOTED.search(row):
            raise NoPlaceError(f"the value of line {number} goes on in the lines below")
    return LineSet(number=number, before=row, after=indent + after)


def _as_spelled(row: bytes, after: bytes, number: int) -> bytes:
    """The new line with its key as the old one spells it: ``bind-address`` below ``rest:`` is ``rest.bind-address``."""
    there, wanted = _KEY.match(row), _KEY.match(after)
    if there is None or wanted is None:
        raise NoPlaceError(f"line {number} sets nothing")
    old, new = there[1].lower(), wanted[1].lower()
    if old == new:
        return after
    if new.endswith(b"." + old):
        return after.replace(wanted[1], there[1], 1)
    raise NoPlaceError(f"line {number} sets something else")


def _new_place(rows: Sequence[bytes], after: bytes, format_: ConfigFormat, keys: Sequence[str]) -> int:
    """The number of the line before which a new one comes."""
    if rows and rows[-1].rstrip(b"\r\n").endswith(b"\\"):
        raise NoPlaceError("its last line goes on")
    match format_:
        case ConfigFormat.DIRECTIVES:
            return _before_match(rows)
        case ConfigFormat.INI | ConfigFormat.UNIT | ConfigFormat.TOML:
            return _in_section(rows, format_, keys)
        case ConfigFormat.YAML:
            _check_mapping(rows, after)
        case ConfigFormat.NATS:
            if b"".join(rows).count(b"{") != b"".join(rows).count(b"}"):
                raise NoPlaceError("its blocks do not end")
        case ConfigFormat.HBA:
            raise NoPlaceError("which of its lines counts depends on their order")
        case _:
            pass
    return len(rows) + 1


def _before_match(rows: Sequence[bytes]) -> int:
    """The end, or where the first ``Match`` of sshd_config begins: what comes after it counts for some alone."""
    for number, row in enumerate(rows, 1):
        if re.match(rb"\s*match[\s=]", row, re.IGNORECASE):
            return number
    return len(rows) + 1


def _in_section(rows: Sequence[bytes], format_: ConfigFormat, keys: Sequence[str]) -> int:
    """Right behind the head of its section; a key without one comes before the first."""
    section = keys[0].rpartition(".")[0] if keys else ""
    for number, row in enumerate(rows, 1):
        head = _HEADER.match(row)
        if head and not section:
            return number
        if head and fnmatch.fnmatchcase(os.fsdecode(head[1]), section):
            return number + 1
    if section or format_ is ConfigFormat.UNIT:
        raise NoPlaceError(f"it has no section [{section}]")
    return len(rows) + 1


def _check_mapping(rows: Sequence[bytes], after: bytes) -> None:
    """Raises `NoPlaceError` where a line at the end is no entry of the one mapping that the file is."""
    wanted = _KEY.match(after)
    begun = False
    for row in rows:
        if row.startswith((b"...", b"---")) and (begun or row.startswith(b"...")):
            raise NoPlaceError("it is more than one document")
        if not row.strip() or row[:1] in b" \t#" or row.startswith(b"---"):
            continue
        begun = True
        if row[:1] in b"{[-%&*!|>?":
            raise NoPlaceError("its entries are not lines of their own")
        there = _KEY.match(row)
        if wanted and there and there[1] == wanted[1]:
            raise NoPlaceError("it has such an entry already")
