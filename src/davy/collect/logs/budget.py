"""How much one look into the logs may cost, all of them together."""

from __future__ import annotations

import time
from typing import Final

from msgspec import Struct


class Budget(Struct, frozen=True, kw_only=True):
    seconds: float = 6.0
    bytes: int = 4 << 30
    unpacked: int = 512 << 20
    """Bytes that are unpacked of one compressed log."""


_MOST: Final = 0.75
USUAL: Final = Budget()


class Purse:
    """What is left of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._end = time.monotonic() + budget.seconds
        self.deadline = self._end
        """Until when the log that is read now may take."""
        self.unpacked = budget.unpacked
        self._bytes = budget.bytes

    def next_log(self) -> None:
        """One more log is read: it gets most of the time that is left, so that no log can take it all."""
        now = time.monotonic()
        self.deadline = now + (self._end - now) * _MOST

    def spend(self, size: int) -> None:
        self._bytes -= size

    @property
    def share(self) -> int:
        """Bytes that one log may take, so that something is left for the others."""
        return max(self._bytes // 2, 0)

    @property
    def over(self) -> bool:
        return self._bytes <= 0 or time.monotonic() > self.deadline
