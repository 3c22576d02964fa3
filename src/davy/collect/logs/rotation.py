"""The older files of a log, which rotation left beside it under names of their own.

    x.log.1, x.log.2.gz       logrotate, log4j's RollingFileAppender
    x.log-20201017.gz         logrotate with ``dateext``
    x-20201017.log, x.2020-10-17.log.gz, x.log.2020-10-17, x-2020-10-17-1.log.gz
    @4000000063a0....s        beside ``current``: svlogd, multilog

Source: logrotate(8), svlogd(8), Log4j's documentation of rolling file appenders.  What is copied and truncated has the
same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Final

from msgspec import Struct

from davy.host import HostError, Root

_PACKED: Final = r"(?P<packed>\.(?:gz|xz|zst|bz2))?"
_DAY: Final = r"(?P<day>\d{4}-?[01]\d-?[0-3]\d)(?:[-_.T]?\d{1,10}(?:-\d{2})?)?"
_NUMBER: Final = r"(?P<number>\d{1,4})|old"
_SVLOGD: Final = re.compile(r"@[0-9a-f]{16,24}\.[sut]" + _PACKED)
_OLDER_LIMIT: Final = 400
"""Older files of one log that are looked at, the newest."""


class Older(Struct, frozen=True):
    """An older file of a log."""

    path: str
    number: int | None = None
    """As logrotate counts: 1 is the newest."""
    day: date | None = None


def older(root: Root, path: str) -> list[Older]:
    """The older files of a log, newest first.  Raises `HostError`."""
    folder, _, name = path.rpartition("/")
    meant = _meant(name)
    found = []
    for other in root.names(folder or "/"):
        match = meant.fullmatch(other) if other != name else None
        if match is not None:
            parts = {part.rstrip("_"): text for part, text in match.groupdict().items() if text}
            number = parts.get("number")
            found.append(Older(f"{folder}/{other}", int(number) if number else None, _day(parts.get("day"))))
    times = {each.path: _written(root, each.path) for each in found}
    return sorted(found, key=lambda each: (-times[each.path], each.number or 0, each.path))[:_OLDER_LIMIT]


def _written(root: Root, path: str) -> float:
    try:
        return root.stat(path).mtime
    except HostError:
        return 0.0


def _meant(name: str) -> re.Pattern[str]:
    if name == "current":
        return _SVLOGD
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, ending = name, ""
    whole, before, behind = re.escape(name), re.escape(stem), re.escape(dot + ending if stem != name else "")
    first = rf"{whole}[-._](?:{_DAY}|{_NUMBER}){_PACKED}"
    if not behind:
        return re.compile(first)
    second = first.replace(whole, before, 1).removesuffix(_PACKED) + behind + _PACKED
    return re.compile(f"{first}|{_renamed(second)}")


def _renamed(text: str) -> str:
    """The same expression without its names, which may stand only once."""
    return re.sub(r"\(\?P<(\w+)>", r"(?P<\g<1>_>", text)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text if "-" in text else f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError:
        return None


def missing(path: str, files: Sequence[Older]) -> list[str]:
    """The older files that ought to be there by the names of the others, in words."""
    return [*_missing_numbers(path, files), *_missing_days(files)]


def _missing_numbers(path: str, files: Iterable[Older]) -> list[str]:
    numbers = {each.number for each in files if each.number is not None}
    lost = sorted({*range(1, max(numbers, default=0))} - numbers)
    if not lost:
        return []
    named = ", ".join(f"{path}.{number}" for number in lost[:3]) + (f" and {len(lost) - 3} more" if lost[3:] else "")
    return [f"{named}: missing, though {path}.{max(numbers)} is there"]


def _missing_days(files: Iterable[Older]) -> list[str]:
    """Holes that are longer than twice the usual distance."""
    days = sorted({each.day for each in files if each.day is not None})
    apart = sorted((later - earlier).days for earlier, later in pairwise(days))
    if len(apart) < 2:
        return []
    usual = apart[len(apart) // 2]
    return [
        f"nothing between {earlier} and {later}, though one is left every {usual} days"
        if usual > 1
        else f"nothing between {earlier} and {later}, though one is left every day"
        for earlier, later in pairwise(days)
        if (later - earlier).days >= 2 * usual
    ]
