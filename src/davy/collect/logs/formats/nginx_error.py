"""nginx' error log.

    2020/10/17 03:17:44 [error] 8421#8421: *1 open() "/var/www/html/x" failed (2: No such file or directory), ...

Source: ``ngx_log_error_core`` in ngx_log.c.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, SECONDS, minute
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"(\d{4}/[01]\d/[0-3]\d " + CLOCK + rb"):(" + SECONDS + rb") "
    rb"\[(?:emerg|alert|crit|error|warn|notice|info|debug)\] "
)


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    begin = minute(found[1], clock.zone)
    return None if begin is None else begin + int(found[2])
