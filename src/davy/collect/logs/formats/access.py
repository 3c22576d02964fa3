"""Access logs of Apache and nginx, PHP-FPM and Confluence: common and combined, with the virtual host or not.

    192.0.2.7 - ada [17/Oct/2020:03:17:44 +0200] "POST /index.php HTTP/1.1" 200 512 "-" "curl/7.88.1"
    shop.example:443 192.0.2.7 - - [17/Oct/2020:03:17:44 +0200] "GET / HTTP/1.1" 200 512 "-" "-"
    192.0.2.7 -  17/Oct/2020:03:17:44 +0200 "POST /index.php" 200
    [17/Oct/2020:03:17:44 +0200] - http-nio-8090-exec-4 192.0.2.7 GET / HTTP/1.1 200 12ms 512 - curl/7.88.1

    [17/Oct/2020:03:17:44 +0200] ada http-nio-8090-exec-4 192.0.2.7 POST /login.action HTTP/1.1 200 12ms 512 - curl/7.88
    192.0.2.7 -  17/Oct/2020:03:17:44 +0000 "POST /index.php" 200

The last two are Confluence's and php-fpm's.  The time is that of the request's begin (Apache) or end (nginx).  It
stands first, or last before the request, which begins with the first quote that is not escaped.  A client names the
user and writes the request, but the servers escape quotes in what it names: so neither moves the time.

Source: Apache's mod_log_config ("Custom Log Formats", security note on escapes); nginx' ngx_http_log_module
(``escape=default``); ``fpm_log_write`` in PHP's sapi/fpm/fpm/fpm_log.c; Confluence's conf/server.xml.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, MONTH, SECONDS, named_minute, offset_zone
from davy.collect.logs.record import Clock

LIMIT: Final = 4096
"""Bytes of a line in which its request has to begin."""
_BEFORE_REQUEST: Final = re.compile(rb"[^\"\\\n]*+(?:\\.[^\"\\\n]*+)*+\"")
_WRITTEN: Final = (
    rb"([0-3]\d)/(" + MONTH + rb")/(\d{4}):(" + CLOCK + rb"):(" + SECONDS + rb") ([+-]\d{4})"
)  # fmt: skip
_TIME: Final = re.compile(rb" \[" + _WRITTEN + rb"\][^\"\[\]]{0,64}\"")
_FIRST: Final = re.compile(rb"\[" + _WRITTEN + rb"\] ")
_BARE: Final = re.compile(rb" " + _WRITTEN + rb" \"")
_BARE_LENGTH: Final = len(b' 17/Oct/2020:03:17:44 +0000 "')
_FIELDS: Final = 3


def time_of(line: bytes, clock: Clock) -> float | None:  # noqa: ARG001  its offset stands in the line
    found = _FIRST.match(line, 0, LIMIT) or _before_request(line)
    if found is None:
        return None
    day, name, year, time, seconds, offset = found.groups()
    begin = named_minute(year, name, day, time, offset_zone(offset))
    return None if begin is None else begin + int(seconds)


def _before_request(line: bytes) -> re.Match[bytes] | None:
    before = _BEFORE_REQUEST.match(line, 0, LIMIT)
    if before is None:
        return None
    at = line.rfind(b" [", 0, before.end())
    if at >= 0 and line.count(b" ", 0, at) >= _FIELDS - 1 and (found := _TIME.match(line, at, LIMIT)):
        return found
    return _BARE.match(line, max(before.end() - _BARE_LENGTH, 0), LIMIT)
