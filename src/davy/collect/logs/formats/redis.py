"""Redis, and Valkey.

    1:M 10 Mar 2020 06:12:01.123 # Server initialized
    1:M 10 Mar 06:12:01.123 * DB saved on disk
    [1] 10 Mar 06:12:01.123 * DB saved on disk
    1:M 2020-10-17T03:17:44.446+02:00 * Background saving started by pid 12

The pid, what it is (X sentinel, C child, S replica, M master) and the local time: the year since 5.0, the role since
3.0.  Valkey writes ISO times or milliseconds since the epoch when told (``log-timestamp-format``).

Source: Redis' ``serverLogRaw`` (server.c of 7.0, redis.c of 2.8), Valkey's server.c.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import (
    CLOCK,
    DATE,
    HEAD,
    MONTH,
    OFFSET,
    SECONDS,
    minute,
    month,
    named_minute,
    offset_zone,
    part,
    since_epoch,
    yearless_minute,
)
from davy.collect.logs.record import Clock

_WHO: Final = rb"(?:\d{1,10}:(?:signal-handler|[XCSM])|\[\d{1,10}\]) "
_TIME: Final = re.compile(
    _WHO + rb"([0-3]\d) (" + MONTH + rb")(?: (\d{4}))? (" + CLOCK + rb"):(" + SECONDS + rb")(?:\.(\d{3}))? [.*#-]"
)
_ISO: Final = re.compile(
    _WHO + rb"(" + DATE + rb"T" + CLOCK + rb"):(" + SECONDS + rb")\.(\d{3})(" + OFFSET + rb") [.*#-]"
)
_EPOCH: Final = re.compile(_WHO + rb"\(?(\d{10,13})\)? ")


def time_of(line: bytes, clock: Clock) -> float | None:
    if found := _TIME.match(line, 0, HEAD):
        day, name, year, time, seconds, fraction = found.groups()
        if year:
            begin = named_minute(year, name, day, time, clock.zone)
        else:
            begin = yearless_minute(month(name), int(day), time, clock.zone, clock.latest)
    elif found := _ISO.match(line, 0, HEAD):
        text, seconds, fraction, offset = found.groups()
        begin = minute(text, offset_zone(offset))
    elif found := _EPOCH.match(line, 0, HEAD):
        return since_epoch(found[1])
    else:
        return None
    return None if begin is None else begin + int(seconds) + part(fraction)
