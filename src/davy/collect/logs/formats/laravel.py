"""Laravel's log, as Monolog writes it.

    [2021-01-02 03:04:05] production.ERROR: The "/_ignition/execute-solution" ... {"exception":"[object] (...
    [2021-01-02T03:04:05.678901+00:00] local.ERROR: ...

The zone is ``app.timezone``, UTC unless somebody changed it: so without an offset UTC is meant.

Source: Monolog's ``LineFormatter``; Laravel's config/app.php.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import Final

from davy.collect.logs.formats.times import CLOCK, DATE, HEAD, OFFSET, SECONDS, minute, offset_zone, part
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"\[(" + DATE + rb"[ T]" + CLOCK + rb"):(" + SECONDS + rb")(?:\.(\d{1,9}))?(" + OFFSET + rb")?\] "
    rb"[\w-]{1,64}\.(?:DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY): "
)


def time_of(line: bytes, clock: Clock) -> float | None:  # noqa: ARG001  it is not the machine's zone
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    text, seconds, fraction, offset = found.groups()
    begin = minute(text, offset_zone(offset) if offset else UTC)
    return None if begin is None else begin + int(seconds) + part(fraction)
