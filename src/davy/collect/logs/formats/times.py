"""Written times as seconds since the epoch; what all text formats have in common.

A format's expression says where the parts of a time stand and that they are digits; here they become a number.  What
costs is the calendar, so it is asked once for each minute: neighbouring records share theirs.

Where an hour comes twice, as summer time ends, the first is meant, unless the zone's abbreviation stands there.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import TZPATH, ZoneInfo

HEAD: Final = 256
"""Bytes of a line in which its time has to stand."""
_KEPT: Final = 4096
_GRACE: Final = 86400.0
"""Seconds by which a time without a year may be after the log's last write: clocks are set back, zones differ."""
_YEARS_BACK: Final = 9
"""How far back a 29 February lies at most."""
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
MONTH: Final = b"(?:" + b"|".join(_MONTHS) + b")"
CLOCK: Final = rb"(?:[01]\d|2[0-3]):[0-5]\d"
"""``03:17``."""
DATE: Final = rb"\d{4}-[01]\d-[0-3]\d"
SECONDS: Final = rb"[0-5]\d|60"
OFFSET: Final = rb"Z|[+-]\d\d(?::?\d\d)?"
"""``Z``, ``+0200``, ``+02:00``, ``+02``."""
_HOURS: Final = {
    b"UTC": 0, b"GMT": 0, b"Z": 0, b"UCT": 0, b"WET": 0, b"WEST": 1, b"CET": 1, b"CEST": 2, b"MEZ": 1, b"MESZ": 2,
    b"EET": 2, b"EEST": 3, b"MSK": 3, b"SAST": 2, b"WAT": 1, b"CAT": 2, b"EAT": 3, b"PKT": 5, b"WIB": 7, b"WITA": 8,
    b"WIT": 9, b"HKT": 8, b"JST": 9, b"KST": 9, b"AWST": 8, b"AEST": 10, b"AEDT": 11, b"NZST": 12, b"NZDT": 13,
    b"EST": -5, b"EDT": -4, b"CDT": -5, b"MST": -7, b"MDT": -6, b"PST": -8, b"PDT": -7, b"AKST": -9, b"AKDT": -8,
    b"HST": -10,
}  # fmt: skip
"""Abbreviations that the tz database uses for one offset, as hours east; CST, IST and BST are several zones'."""


def month(name: bytes) -> int:
    """The number of a month's English abbreviation, which is one of `MONTH`."""
    return _MONTHS[name]


@functools.lru_cache(maxsize=_KEPT)
def minute(text: bytes, zone: tzinfo) -> float | None:
    """The begin of the minute that ``2020-10-17 03:17`` names in a zone, whatever stands between the numbers.

    None for a day that is in no calendar.
    """
    return _moment(int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), zone)


@functools.lru_cache(maxsize=_KEPT)
def named_minute(year: bytes, month_name: bytes, day: bytes, clock: bytes, zone: tzinfo) -> float | None:
    """The begin of a minute whose month is named; ``clock`` is ``03:17``."""
    return _moment(int(year), _MONTHS[month_name], int(day), int(clock[:2]), int(clock[3:5]), zone)


@functools.lru_cache(maxsize=_KEPT)
def yearless_minute(month_number: int, day: int, clock: bytes, zone: tzinfo, latest: float) -> float | None:
    """The begin of a minute of no given year: of the latest year in which it is not a day after ``latest``."""
    hour, minutes = int(clock[:2]), int(clock[3:5])
    try:
        last = datetime.fromtimestamp(latest + _GRACE, zone).year
    except (ValueError, OverflowError, OSError):
        return None
    for year in range(last, last - _YEARS_BACK, -1):
        moment = _moment(year, month_number, day, hour, minutes, zone)
        if moment is not None and moment <= latest + _GRACE:
            return moment
    return None


@functools.lru_cache(maxsize=_KEPT)
def dateless_minute(clock: bytes, zone: tzinfo, latest: float) -> float | None:
    """The begin of a minute of no given day: of the latest day on which it is not after ``latest``."""
    hour, minutes = int(clock[:2]), int(clock[3:5])
    try:
        day = datetime.fromtimestamp(latest, zone)
        for _ in range(3):
            moment = _moment(day.year, day.month, day.day, hour, minutes, zone)
            if moment is not None and moment <= latest:
                return moment
            day -= timedelta(days=1)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _moment(year: int, month_number: int, day: int, hour: int, minutes: int, zone: tzinfo) -> float | None:
    try:
        return datetime(year, month_number, day, hour, minutes, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None


@functools.lru_cache(maxsize=_KEPT)
def offset_zone(text: bytes) -> tzinfo:
    """The zone of an `OFFSET`; UTC for one that is wider than a day."""
    if text == b"Z":
        return UTC
    digits = text[1:].replace(b":", b"")
    east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(east if text[0] == 0x2B else -east) if east < timedelta(days=1) else UTC


@functools.lru_cache(maxsize=_KEPT)
def abbreviated_minute(text: bytes, name: bytes, zone: tzinfo) -> float | None:
    """The begin of a minute in the zone that an abbreviation names.

    It is ``zone`` if that is called so at that time, which also tells apart an hour that comes twice; else what the
    abbreviation means everywhere; else ``zone`` after all.
    """
    try:
        written = datetime(
            int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), tzinfo=zone
        )
        for fold in (0, 1):
            if (called := written.replace(fold=fold).tzname()) and called.encode() == name:
                return written.replace(fold=fold).timestamp()
    except (ValueError, OverflowError):
        return None
    return minute(text, timezone(timedelta(hours=_HOURS[name])) if name in _HOURS else zone)


@functools.lru_cache(maxsize=_KEPT)
def named_zone(name: bytes, local: tzinfo) -> tzinfo:
    """The zone called ``Europe/Berlin``, ``UTC`` or ``+02:00``; ``local`` for a name that nobody knows."""
    if name[0] in b"+-":
        return offset_zone(name)
    if name in (b"UTC", b"Etc/UTC", b"GMT", b"Z"):
        return UTC
    text = name.decode("ascii", "replace")
    if any(os.path.isfile(os.path.join(folder, text)) for folder in TZPATH):
        try:
            return ZoneInfo(text)
        except (ValueError, OSError):
            pass
    return local


def part(digits: bytes | None) -> float:
    """The part of a second that the digits after its point say."""
    return int(digits) / 10.0 ** len(digits) if digits else 0.0


def since_epoch(digits: bytes, fraction: bytes | None = None) -> float | None:
    """A count since the epoch: of seconds, milliseconds, microseconds or nanoseconds, by how many digits it has."""
    count = len(digits)
    if not 9 <= count <= 19:
        return None
    unit = 1 if count <= 11 else 10**3 if count <= 14 else 10**6 if count <= 17 else 10**9
    return int(digits) / unit + (part(fraction) if unit == 1 else 0.0)
