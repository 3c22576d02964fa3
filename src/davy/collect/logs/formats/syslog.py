"""syslog's files: auth.log, secure, messages, cron, kern.log.

    Oct 17 03:17:44 web1 sshd[8421]: Accepted password for ada from 192.0.2.7 port 50312 ssh2
    Oct  7 03:17:44 web1 CRON[8421]: (root) CMD (run-parts /etc/cron.hourly)
    2020-10-17T03:17:44.446123+02:00 web1 sshd[8421]: Accepted publickey for ada from 192.0.2.7 port 50312 ssh2: ...
    <38>1 2020-10-17T03:17:44.446Z web1 sshd 8421 - - Accepted password for ada from 192.0.2.7 port 50312 ssh2

The old form has no year and no zone: the year follows from when the file was last written.

Source: RFC 3164 section 4.1.2, RFC 5424 section 6.2; rsyslog's ``RSYSLOG_TraditionalFileFormat`` and
``RSYSLOG_FileFormat``, the default since Debian 12.
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
    yearless_minute,
)
from davy.collect.logs.record import Clock

_OLD: Final = re.compile(
    rb"(?:<\d{1,3}>)?(" + MONTH + rb") ([0-3 ]\d) (?:(\d{4}) )?(" + CLOCK + rb"):(" + SECONDS + rb")"
    rb"(?:\.(\d{1,9}))?:? \S"
)
_NEW: Final = re.compile(
    rb"(?:<\d{1,3}>(?:1 )?)?(" + DATE + rb"T" + CLOCK + rb"):(" + SECONDS + rb")(?:\.(\d{1,9}))?(" + OFFSET + rb")? \S"
)


def time_of(line: bytes, clock: Clock) -> float | None:
    if found := _OLD.match(line, 0, HEAD):
        name, day, year, time, seconds, fraction = found.groups()
        if year:
            begin = named_minute(year, name, day, time, clock.zone)
        else:
            begin = yearless_minute(month(name), int(day), time, clock.zone, clock.latest)
    elif found := _NEW.match(line, 0, HEAD):
        text, seconds, fraction, offset = found.groups()
        begin = minute(text, offset_zone(offset) if offset else clock.zone)
    else:
        return None
    return None if begin is None else begin + int(seconds) + part(fraction)
