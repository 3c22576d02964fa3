"""Whatever begins its records with an ISO date: MariaDB, MySQL, RabbitMQ, Salt, dpkg, container runtimes.

    2024-01-02  3:04:05 0 [Note] Starting MariaDB 10.11.6-MariaDB-0+deb12u1 source revision ...
    2024-01-02T03:04:05.678901Z 8 [Note] [MY-010914] [Server] Aborted connection 8 to db: 'unconnected' ...
    2024-01-02 03:04:05.678901+00:00 [info] <0.222.0> Running boot step pre_boot defined by app rabbit
    [2024-01-02 03:04:05] production up
    2024/01/02 03:04:05 HTTPRequest [I] router: completed GET / for 192.0.2.7:0, 200 OK in 1.2ms @ web/home.go:33
    (N) 2024-01-02T03:04:05 - WebAPI login success. IP: 192.0.2.7
    240102  3:04:05	    31 Query	SELECT 1
    2024-01-02T03:04:05.678901234+01:00 stdout F Server initialized

The last is Kubernetes' own: what the container wrote follows (`inner`); the one before is MariaDB's general log.

Source: ISO 8601 and RFC 3339; MariaDB's ``print_buffer_to_file`` (hours padded with a blank); Kubernetes' CRI logging
format.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, OFFSET, SECONDS, minute, offset_zone, part
from davy.collect.logs.record import Clock

_BEFORE: Final = rb"(?:\x1b\[[\d;]{0,12}m)?(?:\([A-Z]\) )?[\[<(\"']?"
_TIME: Final = re.compile(
    _BEFORE + rb"(\d{4}([-/])[01]\d\2[0-3]\d[ T](?:" + CLOCK + rb"| \d:[0-5]\d)):(" + SECONDS + rb")"
    rb"(?:[.,](\d{1,9}))?(?: ?(" + OFFSET + rb")| (?:UTC|GMT)(?![A-Za-z]))?(?![\w.])"
)
_SHORT: Final = re.compile(rb"(\d\d)([01]\d)([0-3]\d) ((?:" + CLOCK + rb"| \d:[0-5]\d)):(" + SECONDS + rb")\t")
_CONTAINER: Final = re.compile(rb"\S{20,40} (?:stdout|stderr) [FP] ")


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return _short(line, clock)
    text, _, seconds, fraction, offset = found.groups()
    if offset is None and line[found.end() - 3 : found.end()] in (b"UTC", b"GMT"):
        offset = b"Z"
    begin = minute(text, offset_zone(offset) if offset else clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)


def _short(line: bytes, clock: Clock) -> float | None:
    """``240102  3:04:05``, with which a second begins in MariaDB's general log."""
    found = _SHORT.match(line, 0, HEAD)
    if found is None:
        return None
    year, month, day, time, seconds = found.groups()
    begin = minute(b"20%b-%b-%b %b" % (year, month, day, time), clock.zone)
    return None if begin is None else begin + int(seconds)


def inner(line: bytes) -> bytes | None:
    """What a container wrote, of a line in Kubernetes' format; None for any other."""
    found = _CONTAINER.match(line, 0, HEAD)
    return line[found.end() :] if found else None
