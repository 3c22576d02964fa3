"""How the readers of logs say what they could not read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Final

from davy.model.facts import Gap

COLLECTOR: Final = "logs"


def gap(path: str, why: str) -> Gap:
    return Gap(COLLECTOR, path, why)


def passed_over(count: int) -> str:
    return f"it says the same too often: of {count:,} further lines only their number is known"


def spoken(line: bytes) -> str:
    return os.fsdecode(line.lstrip(b"\0").rstrip(b"\r"))


def when(time: float) -> str:
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{time:.0f} seconds since 1970"
