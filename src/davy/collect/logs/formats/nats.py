"""nats-server's log.

    [8421] 2024/01/02 03:04:05.678901 [INF] Server is ready
    [8421] 2024/01/02 02:04:05.678901 UTC [INF] with logtime_utc

Source: ``logger.NewFileLogger`` of nats-server (Go's ``log.LstdFlags | log.Lmicroseconds``).
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, SECONDS, minute, part
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"(?:\[\d{1,10}\] )?(\d{4}/[01]\d/[0-3]\d " + CLOCK + rb"):(" + SECONDS + rb")(?:\.(\d{1,9}))? (UTC )?"
    rb"(?:\x1b\[\d{1,3}m)?\[[A-Z\x1b]"
)


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    text, seconds, fraction, universal = found.groups()
    begin = minute(text, UTC if universal else clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)
