"""When an autostart runs, in the words of a person: ``*/5 * * * *`` is ``every 5 minutes``.

What is not understood is given back as it stands; what has no time of its own is in `davy.knowledge.occasions`.

Source: crontab(5), anacrontab(5), systemd.time(7), systemd.timer(5), systemd.path(5), systemd.socket(5),
systemd.service(5).
"""

from __future__ import annotations

import re
from typing import Final

from davy.knowledge import occasions
from davy.knowledge.calendars import calendar_words, cron_calendar, listing, systemd_calendar
from davy.model.autostarts import Autostart, AutostartKind

_LONGEST: Final = 1_000
"""A schedule of more characters than this is put in no words."""
_STARTS: Final = "when the machine starts"
_MIDNIGHT: Final = "at 00:00 every day"
_WORDS: Final = {
    "reboot": _STARTS,
    "boot": _STARTS,
    "sysinit": _STARTS,
    "shutdown": "when the machine shuts down",
    "sleep": "when the machine goes to sleep or wakes",
    "login": "when somebody logs in",
    "every_minute": "every minute",
    "minutely": "every minute",
    "15min": "every 15 minutes",
    "hourly": "every hour",
    "daily": _MIDNIGHT,
    "midnight": _MIDNIGHT,
    "weekly": "on Sundays at 00:00",
    "monthly": "on day 1 of every month at 00:00",
    "quarterly": "on 1 January, April, July and October at 00:00",
    "semiannually": "on 1 January and July at 00:00",
    "yearly": "on 1 January at 00:00",
    "annually": "on 1 January at 00:00",
}
_PERIODS: Final = {
    "hourly": "every hour", "daily": "every day", "weekly": "every week", "monthly": "every month",
    "yearly": "every year",
}  # fmt: skip
"""A folder's name, or an anacron period: the time of day is another's."""
_RESTARTS: Final = {
    "always": "whenever it ends",
    "on-success": "whenever it ends well",
    "on-failure": "whenever it fails",
    "on-abnormal": "whenever it is ended by a signal or does not answer",
    "on-abort": "whenever it is ended by a signal",
    "on-watchdog": "whenever it does not answer",
}
_SPANS: Final = {
    "OnBootSec": "after the machine starts",
    "OnStartupSec": "after systemd starts",
    "OnActiveSec": "after the timer starts",
    "OnUnitActiveSec": "after it last started",
    "OnUnitInactiveSec": "after it last ended",
}
_WATCHED: Final = {
    "PathExists": "when {} is there",
    "PathExistsGlob": "when {} is there",
    "PathChanged": "when {} was changed",
    "PathModified": "when {} is written to",
    "DirectoryNotEmpty": "when {} holds a file",
}
_HAPPENINGS: Final = {"OnClockChange": "when the clock is set", "OnTimezoneChange": "when the time zone is set"}
_UNITS: Final = {
    "us": "microsecond", "usec": "microsecond", "ms": "millisecond", "msec": "millisecond", "": "second", "s": "second",
    "sec": "second", "second": "second", "m": "minute", "min": "minute", "minute": "minute", "h": "hour", "hr": "hour",
    "hour": "hour", "d": "day", "day": "day", "w": "week", "week": "week", "M": "month", "month": "month",
    "y": "year", "year": "year",
}  # fmt: skip
_SPAN: Final = re.compile(r"\s*(\d{1,12})\s*([A-Za-z]*)")
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ", re.ASCII)
_ANACRON: Final = re.compile(r"(?:@([a-z]+)|(\d{1,6}))[ \t]+(\d{1,6})", re.ASCII)


def when(autostart: Autostart) -> str:
    """When an autostart runs; a unit that others want starts with the machine, too."""
    wanted = any(folder in link for link in autostart.links for folder in (".wants/", ".requires/"))
    words = [_STARTS] if wanted and autostart.kind is AutostartKind.SERVICE else []
    return "; ".join(filter(None, (*words, in_words(autostart.schedule))))


def in_words(schedule: str) -> str:
    """When something with this schedule runs; the schedule itself where that cannot be said in words."""
    if len(schedule) > _LONGEST:
        return schedule
    parts = (_part(part.strip()) for part in schedule.split("; "))
    return "; ".join(dict.fromkeys(part for part in parts if part))


def _part(schedule: str) -> str:
    """One trigger in words."""
    if found := _WORDS.get(schedule.removeprefix("@").lower()):
        return _PERIODS.get(schedule, found)
    if occasion := occasions.in_words(schedule):
        return occasion
    if calendar := cron_calendar(schedule):
        return calendar_words(calendar)
    if moment := _MOMENT.fullmatch(schedule):
        return f"once, on {moment[1]} at {moment[2]} UTC"
    if anacron := _ANACRON.fullmatch(schedule):
        return _anacron(anacron)
    key, equals, value = schedule.partition("=")
    return (_setting(key, value.strip()) if equals else None) or schedule


def _anacron(found: re.Match[str]) -> str:
    name, days, delay = found.groups()
    period = _PERIODS.get(name, f"every {name}") if name else _every(int(days), "day")
    return f"{period}, {_amount(int(delay), 'minute')} after anacron starts"


def _every(count: int, unit: str) -> str:
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def _amount(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _setting(key: str, value: str) -> str | None:
    """What one setting of a unit means; None when it is not known, or cannot be said."""
    if key == "restart":
        return _RESTARTS.get(value)
    if key == "OnCalendar":
        return _event(value)
    if key in _SPANS:
        span = _span(value)
        return span and (f"{span} {_SPANS[key]}" if span != "0 seconds" else _SPANS[key].replace("after", "when"))
    if key in _WATCHED:
        return _WATCHED[key].format(value)
    if key in _HAPPENINGS:
        return _HAPPENINGS[key]
    return f"when somebody connects to {value}" if key.startswith("Listen") and value else None


def _event(value: str) -> str | None:
    """A calendar event of systemd, with its time zone; weeks begin on Monday there."""
    head, _, zone = value.rpartition(" ")
    if not (head and (zone == "UTC" or ("/" in zone and zone[:1].isalpha()))):
        head, zone = value, ""
    if head.lower() == "weekly":
        found: str | None = "on Mondays at 00:00"
    elif head.lower() in _WORDS:
        found = _WORDS[head.lower()]
    else:
        calendar = systemd_calendar(head)
        found = calendar_words(calendar) if calendar else None
    return f"{found} {zone}".rstrip() if found else None


def _span(value: str) -> str | None:
    """A time span: ``1h 30min`` is ``1 hour and 30 minutes``."""
    words, position = [], 0
    while position < len(value):
        found = _SPAN.match(value, position)
        unit = found and (_UNITS.get(found[2]) or _UNITS.get(found[2].lower().removesuffix("s")))
        if not found or not unit:
            return None
        words.append(_amount(int(found[1]), unit))
        position = found.end()
    return listing(words) if words else None
