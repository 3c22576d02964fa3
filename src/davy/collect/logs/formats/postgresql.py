"""PostgreSQL: lines, comma-separated values, and JSON.

    2020-10-17 03:17:44.446 UTC [8421] postgres@postgres LOG:  statement: COPY t FROM PROGRAM 'id'
    2020-10-17 03:17:44 CEST:192.0.2.7(50312):ada@shop:[8421]:FATAL:  password authentication failed for user "ada"
    [8421] 2020-10-17 03:17:44.446 +03 LOG:  database system is ready to accept connections
    2020-10-17 03:17:44.446 UTC,"ada","shop",8421,"192.0.2.7:50312",5f8a6b08.20e5,1,"authentication",...
    {"timestamp":"2020-10-17 03:17:44.446 UTC","user":"ada","dbname":"shop","pid":8421,...

``log_line_prefix`` has to begin with ``%m``, ``%t`` or ``%n``, in brackets or not, or with ``%p`` before it.  The zone
is ``log_timezone``'s abbreviation, or its offset where it has none.  A record goes on in lines that begin with a tab.

Source: PostgreSQL documentation, "Error Reporting and Logging"; ``log_status_format`` and ``get_formatted_log_time``
in elog.c; POSIX' ``%Z``.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import (
    CLOCK,
    DATE,
    HEAD,
    SECONDS,
    abbreviated_minute,
    minute,
    offset_zone,
    part,
    since_epoch,
)
from davy.collect.logs.record import Clock

_BEFORE: Final = rb"(?:\{\"timestamp\":\"|(?:\[\d{1,10}\]:?|\d{1,10}:?) [\[<]?|<? ?|\[)"
_TIME: Final = re.compile(
    _BEFORE + rb"(" + DATE + rb" " + CLOCK + rb"):(" + SECONDS + rb")(?:\.(\d{3}))?"
    rb" (?:([A-Z]{1,5})|([+-]\d\d(?::?\d\d)?))(?![A-Za-z\d])"
)
_EPOCH: Final = re.compile(rb"[\[<]?(\d{10})\.(\d{3})(?![\w.])")


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        counted = _EPOCH.match(line, 0, HEAD)
        return since_epoch(*counted.groups()) if counted else None
    text, seconds, fraction, name, offset = found.groups()
    begin = abbreviated_minute(text, name, clock.zone) if name else minute(text, offset_zone(offset))
    return None if begin is None else begin + int(seconds) + part(fraction)
