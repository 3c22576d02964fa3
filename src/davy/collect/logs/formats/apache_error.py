"""Apache's error log, of 2.4 and of 2.2.

    [Sat Oct 17 03:17:44.446123 2020] [cgid:error] [pid 8421:tid 8430] [client 192.0.2.7:50312] AH01215: ...
    [Sat Oct 17 03:17:44 2020] [error] [client 192.0.2.7] File does not exist: /var/www/html/x

Source: Apache's core module, ``ErrorLogFormat``.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, MONTH, SECONDS, named_minute, part
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (" + MONTH + rb") ([0-3 ]\d) (" + CLOCK + rb"):(" + SECONDS + rb")"
    rb"(?:\.(\d{1,9}))? (\d{4})\]"
)


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    name, day, time, seconds, fraction, year = found.groups()
    begin = named_minute(year, name, day, time, clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)
