"""What the records of binary logs tell of the clock being set.

    old time / new time                                           in wtmp, in this order
    chronyd[612]: System clock was stepped by -3600.123456 seconds
    ntpd[612]: time stepped by 3600.123456

Source: utmp(5), ``OLD_TIME`` and ``NEW_TIME``; chrony's reference.c; ntpd's ntp_loopfilter.c, NTPsec's.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from davy.collect.logs.record import Record
from davy.collect.logs.window import STEP
from davy.model.logs import ClockStep

SOURCES: Final = frozenset({"chronyd", "ntpd"})
"""The identifiers in the journal of those who set the clock and say by how much."""
_SAID: Final = re.compile(
    r"(?:chronyd|ntpd)(?:\[\d{1,10}\])?: (?:CLOCK: )?"
    r"(?:System clock was stepped by|time (?:reset|stepped by|set)) ([+-]?\d{1,12}\.\d{1,9})(?: s(?:econds)?)?"
)
_TEXT_LIMIT: Final = 2048
_LATEST: Final = 1 << 33
"""No clock shows a later time."""
_STEPS_LIMIT: Final = 16


class Clock:
    """The clock as one log tells of it."""

    def __init__(self, path: str) -> None:
        self._path, self._left = path, _STEPS_LIMIT
        self._old: float | None = None

    def step(self, record: Record | ClockStep) -> ClockStep | None:
        """What a record tells together with the one before; None if it is of no step that matters."""
        if isinstance(record, ClockStep):
            return self._told(msgspec.structs.replace(record, path=self._path))
        old, self._old = self._old, record.time if record.text == "old time" else None
        if record.time is None:
            return None
        before = old if record.text == "new time" else _before(record.time, record.text)
        if before is None:
            return None
        return self._told(ClockStep(path=self._path, before=before, after=record.time, text=record.text[:_TEXT_LIMIT]))

    def _told(self, step: ClockStep) -> ClockStep | None:
        known = all(0 < time < _LATEST for time in (step.before, step.after))
        if not self._left or not known or abs(step.after - step.before) < STEP:
            return None
        self._left -= 1
        return step


def _before(time: float, text: str) -> float | None:
    said = _SAID.fullmatch(text)
    return time - float(said[1]) if said else None
