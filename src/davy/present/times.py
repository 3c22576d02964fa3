"""Times as people and machines read them, whatever time an enemy gave a file."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

_FIRST: Final = -62_135_596_800.0
_LAST: Final = 253_402_300_799.0
"""The years 1 to 9999.  A file system stores whatever time an enemy gives a file."""


def moment(seconds: float | None) -> str | None:
    """A time as RFC 3339 in UTC, to the millisecond; the nearest that can be written."""
    if seconds is None:
        return None
    seconds = min(max(seconds, _FIRST), _LAST)
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def since(start: float, now: float) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(now - start, 0.0)
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def clock(seconds: float) -> str:
    """A time by this host's clock; in seconds since 1970 where an enemy gave a file a time that is in no calendar."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:+.0f} s"
