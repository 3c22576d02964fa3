"""Times by the calendar, as cron and systemd write them, in the words of a person.

Source: crontab(5), systemd.time(7).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_NUMBERS: Final = {name[:3].lower(): number for number, name in enumerate(_MONTHS, 1)}
_DAY_NUMBERS: Final = {name[:3].lower(): number for number, name in enumerate(_WEEKDAYS)}
_BOUNDS: Final[tuple[tuple[int, int, Mapping[str, int]], ...]] = (
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _MONTH_NUMBERS), (0, 7, _DAY_NUMBERS)
)  # fmt: skip
"""Of a crontab's fields: the lowest and highest value, and the names that stand for some."""
_TIMES_LISTED: Final = 4
"""More times of a day than this are told by their hours and minutes."""

Values = frozenset[int] | None
"""The values of one field; None: any."""


class Calendar(NamedTuple):
    """The minutes that a schedule means.  Sunday is 0."""

    minutes: Values
    hours: Values
    days: Values = None
    months: Values = None
    weekdays: Values = None
    either: bool = False
    """Whether it is enough that the day of the month fits, or that of the week: cron's way where both are given."""


def cron_calendar(schedule: str) -> Calendar | None:
    """The five fields of a crontab; None when they are none, or leave the minute to chance."""
    fields = schedule.lower().split()
    if len(fields) != 5:
        return None
    try:
        found = [
            _values(field, low, high, names, "-") for field, (low, high, names) in zip(fields, _BOUNDS, strict=True)
        ]
    except ValueError:
        return None
    either = not any(fields[index].startswith("*") for index in (2, 4))
    return Calendar(found[0], found[1], found[2], found[3], _week(found[4]), either)


def systemd_calendar(expression: str) -> Calendar | None:
    """A calendar event of systemd to the minute, without its time zone; None when it is none, or is of some year."""
    words = expression.lower().split()
    date, time, weekdays = "*-*-*", "00:00", ""
    if words and words[0][:1].isalpha():
        weekdays = words.pop(0)
    if words and "-" in words[0]:
        date = words.pop(0)
    if words and ":" in words[0]:
        time = words.pop(0)
    year, month, day = ["*", *date.split("-")][-3:]
    hour, minute, second = [*time.split(":"), "0"][:3]
    if words or year != "*" or second.strip("0"):
        return None
    try:
        return Calendar(
            _values(minute, 0, 59, {}, ".."),
            _values(hour, 0, 23, {}, ".."),
            _values(day, 1, 31, {}, ".."),
            _values(month, 1, 12, {}, ".."),
            _week(_values(_short_days(weekdays), 0, 6, _DAY_NUMBERS, "..")) if weekdays else None,
        )
    except ValueError:
        return None


def _short_days(weekdays: str) -> str:
    for name in _WEEKDAYS:
        weekdays = weekdays.replace(name.lower(), name[:3].lower())
    return weekdays.strip(",")


def _week(values: Values) -> Values:
    """Sunday is 0, also where it was written 7; the whole week is any day."""
    days = None if values is None else frozenset(value % 7 for value in values)
    return None if days is None or len(days) == 7 else days


def _values(field: str, low: int, high: int, names: Mapping[str, int], to: str) -> Values:
    """The values that a field lists.  Raises ValueError when it is no such field."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, ranged, last = ("", to, "") if span == "*" else span.partition(to)
        start = low if span == "*" else _number(first, names)
        end = _number(last, names) if last else high if span == "*" or slash else start
        stride = _number(step, {}) if slash else 1
        if (ranged and not last and span != "*") or not low <= start <= end <= high or stride < 1:
            raise ValueError(field)
        found.update(range(start, end + 1, stride))
    return None if len(found) > high - low else frozenset(found)


def _number(word: str, names: Mapping[str, int]) -> int:
    if word in names:
        return names[word]
    if len(word) > 4 or not (word.isascii() and word.isdigit()):
        raise ValueError(word)
    return int(word)


def calendar_words(when: Calendar) -> str:
    """``at 03:00 every day``, ``on Mondays at 06:25``, ``every 5 minutes``."""
    time, day = _time_words(when.minutes, when.hours), _day_words(when)
    if time.startswith("every"):
        return f"{time}, {day}" if day else time
    return f"{day} {time}" if day else f"{time} every day"


def _time_words(minutes: Values, hours: Values) -> str:
    if minutes is None:
        return "every minute" + (f" {_of_hours(hours)}" if hours is not None else "")
    rhythm = _step(minutes, 60)
    if rhythm is not None:
        return f"every {_amount(rhythm, 'minute')}" + (f" {_of_hours(hours)}" if hours is not None else "")
    past = "" if minutes == {0} else f" at {_plural('minute', minutes)}"
    if hours is None:
        return f"every hour{past}"
    beat = _step(hours, 24)
    if beat is not None and len(hours) > 2:
        return f"every {_amount(beat, 'hour')}{past}"
    if len(minutes) * len(hours) <= _TIMES_LISTED:
        return f"at {listing([f'{hour:02}:{minute:02}' for hour in sorted(hours) for minute in sorted(minutes)])}"
    return f"every hour{past} {_of_hours(hours)}"


def _of_hours(hours: Collection[int]) -> str:
    first, last = min(hours), max(hours)
    if last - first + 1 == len(hours):
        return f"from {first:02}:00 to {last:02}:59"
    return f"of the hours {listing([str(hour) for hour in sorted(hours)])}"


def _day_words(when: Calendar) -> str:
    """On which days; nothing for every day."""
    months = "" if when.months is None else listing([_MONTHS[month - 1] for month in sorted(when.months)])
    by_month = ""
    if when.days is not None and len(when.days) == 1 and months:
        by_month = f"on {min(when.days)} {months}"
    elif when.days is not None:
        by_month = f"on {_plural('day', when.days)} of {months or 'every month'}"
    by_week = "" if when.weekdays is None else _weekday_words(when.weekdays)
    if by_month and by_week:
        return f"{by_month} and {by_week}" if when.either else f"{by_week}, when it is {by_month.removeprefix('on ')}"
    if by_week:
        return f"{by_week} in {months}" if months else by_week
    return by_month or (f"every day in {months}" if months else "")


def _weekday_words(days: Collection[int]) -> str:
    week = sorted((day - 1) % 7 for day in days)
    if len(week) > 2 and week[-1] - week[0] + 1 == len(week):
        return f"from {_WEEKDAYS[(week[0] + 1) % 7]} to {_WEEKDAYS[(week[-1] + 1) % 7]}"
    return f"on {listing([f'{_WEEKDAYS[(day + 1) % 7]}s' for day in week])}"


def _step(values: Collection[int], whole: int) -> int | None:
    """The distance between values that go evenly through the ``whole`` from 0 on; None when they do not."""
    step = min((value for value in values if value), default=0)
    return step if len(values) > 1 and step and set(values) == set(range(0, whole, step)) else None


def _plural(noun: str, values: Collection[int]) -> str:
    return f"{noun}{'s' if len(values) > 1 else ''} {listing(list(_runs(sorted(values))))}"


def _runs(values: Sequence[int]) -> Iterator[str]:
    """Sorted values, three and more in a row as ``3 to 7``."""
    start = 0
    for index in range(len(values)):
        if index + 1 < len(values) and values[index + 1] == values[index] + 1:
            continue
        if index - start >= 2:
            yield f"{values[start]} to {values[index]}"
        else:
            yield from (str(value) for value in values[start : index + 1])
        start = index + 1


def _amount(count: int, unit: str) -> str:
    return unit if count == 1 else f"{count} {unit}s"


def listing(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
