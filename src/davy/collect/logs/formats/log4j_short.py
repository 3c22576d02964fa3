"""Spark's log4j, with two digits of the year.

    20/10/17 03:17:44 INFO SecurityManager: authentication disabled; ui acls disabled; users with view permissions: ...

Source: Spark's ``conf/log4j2.properties.template`` (``%d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex``).
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, SECONDS, minute, part
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"(\d\d/[01]\d/[0-3]\d " + CLOCK + rb"):(" + SECONDS + rb")(?:[.,](\d{1,9}))?"
    rb" (?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b"
)


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    text, seconds, fraction = found.groups()
    begin = minute(b"20" + text, clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)
