"""php-fpm's log, and the error log of PHP itself.

    [17-Oct-2020 03:17:44] NOTICE: fpm is running, pid 8421
    [17-Oct-2020 03:17:44.446123] DEBUG: pid 8421, fpm_event_loop(), line 438: ...
    [17-Oct-2020 03:17:44 UTC] PHP Warning:  system(): Cannot execute a blank command in /var/www/html/x.php on line 2
    [17-Oct-2020 03:17:44 Europe/Berlin] PHP Fatal error:  Uncaught Error: ...

php-fpm writes the machine's time; PHP names the zone of ``date.timezone``.

Source: ``zlog_print_time`` in sapi/fpm/fpm/zlog.c; ``php_log_err_with_severity`` in main/main.c.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, MONTH, SECONDS, named_minute, named_zone, part
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"\[([0-3]\d)-(" + MONTH + rb")-(\d{4}) (" + CLOCK + rb"):(" + SECONDS + rb")(?:\.(\d{1,9}))?"
    rb"(?: ([A-Za-z][\w+/-]{0,40}|[+-]\d\d:\d\d))?\] "
)


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    day, name, year, time, seconds, fraction, zone = found.groups()
    begin = named_minute(year, name, day, time, named_zone(zone, clock.zone) if zone else clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)
