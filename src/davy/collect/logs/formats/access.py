"""Access logs of Apache and nginx, PHP-FPM and Confluence: common and combined, with the virtual host or not.

    192.0.2.7 - ada [17/Oct/2020:03:17:44 +0200] "POST /index.php HTTP/1.1" 200 512 "-" "curl/7.88.1"
    shop.example:443 192.0.2.7 - - [17/Oct/2020:03:17:44 +0200] "GET / HTTP/1.1" 200 512 "-" "-"
    192.0.2.7 -  17/Oct/2020:03:17:44 +0200 "POST /index.php" 200
    [17/Oct/2020:03:17:44 +0200] - http-nio-8090-exec-4 192.0.2.7 GET / HTTP/1.1 200 12ms 512 - curl/7.88.1

The time is that of the request's begin (Apache) or end (nginx).  It stands last before the request, which begins with
the first quote that is not escaped.  A client names the user and writes the request, but both servers escape quotes in
what it names: so neither moves the time.  PHP-FPM writes it without brackets, and Confluence's Tomcat first.

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
_STAMP: Final = rb"([0-3]\d)/(" + MONTH + rb")/(\d{4}):(" + CLOCK + rb"):(" + SECONDS + rb") ([+-]\d{4})"
_TIME: Final = re.compile(rb" \[" + _STAMP + rb"\][^\"\[\]]{0,64}\"")
_OF_PHP_FPM: Final = re.compile(rb"[\dA-Fa-f.:-]{1,45} - [^\s\"\[]{0,64} " + _STAMP + rb" \"")
_OF_TOMCAT: Final = re.compile(rb"\[" + _STAMP + rb"\] ")
_FIELDS: Final = 3


def time_of(line: bytes, clock: Clock) -> float | None:  # noqa: ARG001  its offset stands in the line
    found = _OF_TOMCAT.match(line, 0, LIMIT) or _of_web_servers(line) or _OF_PHP_FPM.match(line, 0, LIMIT)
    if found is None:
        return None
    day, name, year, time, seconds, offset = found.groups()
    begin = named_minute(year, name, day, time, offset_zone(offset))
    return None if begin is None else begin + int(seconds)


def _of_web_servers(line: bytes) -> re.Match[bytes] | None:
    before = _BEFORE_REQUEST.match(line, 0, LIMIT)
    at = line.rfind(b" [", 0, before.end()) if before else -1
    if at < 0 or line.count(b" ", 0, at) < _FIELDS - 1:
        return None
    return _TIME.match(line, at, LIMIT)
