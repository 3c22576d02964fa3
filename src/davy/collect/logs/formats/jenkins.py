"""Jenkins, and whatever else logs by java.util.logging.

    Oct 17, 2020 3:17:44 AM hudson.WebAppMain$3 run
    INFO: Jenkins is fully up and running
    2020-10-17 03:17:44.446+0000 [id=25]	INFO	hudson.lifecycle.Lifecycle#onReady: Jenkins is fully up and running

The old form takes two lines.  Java 20 and later has a narrow no-break space before AM and PM.

Source: java.util.logging's ``SimpleFormatter``; Jenkins' ``SupportLogFormatter``; JDK-8284840 (CLDR 42).
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import (
    CLOCK,
    DATE,
    HEAD,
    MONTH,
    SECONDS,
    minute,
    named_minute,
    offset_zone,
    part,
)
from davy.collect.logs.record import Clock

_OLD: Final = re.compile(
    rb"(" + MONTH + rb") (\d{1,2}), (\d{4}),? (\d{1,2}):([0-5]\d):(" + SECONDS + rb")(?: |\xe2\x80\xaf)([AP])M \S"
)
_NEW: Final = re.compile(
    rb"(" + DATE + rb"[ T]" + CLOCK + rb"):(" + SECONDS + rb")[.,](\d{3})(?:([+-]\d{4}|Z))?\s{1,4}(?:\[id=\d+\]|[A-Z])"
)
_NOON: Final = 12


def time_of(line: bytes, clock: Clock) -> float | None:
    if found := _NEW.match(line, 0, HEAD):
        text, seconds, fraction, offset = found.groups()
        begin = minute(text, offset_zone(offset) if offset else clock.zone)
        return None if begin is None else begin + int(seconds) + part(fraction)
    found = _OLD.match(line, 0, HEAD)
    if found is None:
        return None
    name, day, year, hour, minutes, seconds, half = found.groups()
    if not 1 <= int(hour) <= _NOON:
        return None
    begin = named_minute(
        year, name, day, b"%02d:%b" % (int(hour) % _NOON + _NOON * (half == b"P"), minutes), clock.zone
    )
    return None if begin is None else begin + int(seconds)
