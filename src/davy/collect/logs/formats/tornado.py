"""Tornado's lines: Jupyter.

    [W 2024-01-02 03:04:05.678 ServerApp] All authentication is disabled.  Anyone who can connect to this server ...
    [I 240102 03:04:05 web:2239] 200 GET /api/kernels (192.0.2.7) 1.23ms
    [W 03:04:05.678 NotebookApp] WARNING: The notebook server is listening on all IP addresses and not using encryption

The last form, of old notebooks, has no date: it is taken for the last day before the log's last write.  On a terminal
the bracket is coloured.

Source: ``LogFormatter`` of tornado.log, ``Application._log_format`` of traitlets.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, DATE, HEAD, SECONDS, dateless_minute, minute, part
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"(?:\x1b\[[\d;]{0,12}m|\x1b\(B){0,3}\[[DIWECX] (?:(" + DATE + rb" |\d{6} ))?(" + CLOCK + rb"):(" + SECONDS + rb")"
    rb"(?:[.,](\d{3}))? [^\]\n]{1,64}\]"
)
_SHORT: Final = 7


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    date, time, seconds, fraction = found.groups()
    if date is None:
        begin = dateless_minute(time, clock.zone, clock.latest)
    elif len(date) == _SHORT:
        begin = minute(b"20%b-%b-%b %b" % (date[:2], date[2:4], date[4:6], time), clock.zone)
    else:
        begin = minute(date + time, clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)
