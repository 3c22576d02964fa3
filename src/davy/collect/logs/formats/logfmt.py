"""``key=value`` lines: dockerd, containerd, Prometheus, Grafana.

    time="2024-01-02T03:04:05.678901234Z" level=warning msg="[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375"
    ts=2024-01-02T03:04:05.678Z caller=main.go:512 level=info msg="No time or size retention was set"
    logger=settings t=2024-01-02T03:04:05.678901234+01:00 level=info msg="Starting Grafana"

Only plain words may stand before the time, so that no message can give another.

Source: the ``TextFormatter`` of logrus; go-kit's log; the standard library's ``slog``.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, DATE, HEAD, OFFSET, SECONDS, minute, offset_zone, part, since_epoch
from davy.collect.logs.record import Clock

_KEY: Final = rb"(?:[\w.]{1,24}=[\w./:-]{1,48} ){0,3}(?:time|ts|t|timestamp)="
_TIME: Final = re.compile(
    _KEY + rb"\"?(" + DATE + rb"[T ]" + CLOCK + rb"):(" + SECONDS + rb")(?:[.,](\d{1,9}))?(" + OFFSET + rb")?[\" \n]"
)
_EPOCH: Final = re.compile(_KEY + rb"(\d{10,19})(?:\.(\d{1,9}))?[ \n]")


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        counted = _EPOCH.match(line, 0, HEAD)
        return since_epoch(*counted.groups()) if counted else None
    text, seconds, fraction, offset = found.groups()
    begin = minute(text, offset_zone(offset) if offset else clock.zone)
    return None if begin is None else begin + int(seconds) + part(fraction)
