"""What a process takes of a graphics card."""

from __future__ import annotations

from msgspec import Struct

from davy.model.facts import ProcessKey


class GpuUse(Struct, frozen=True, kw_only=True):
    """One process on one card.  Source: NVML API reference, nvmlDeviceGetProcessUtilization and its like."""

    pid: int
    start_ticks: int
    device: int
    """The card's number."""
    device_name: str
    sm_percent: int | None = None
    """Share of the last seconds in which the card's processors worked for it; None where the card does not tell."""
    device_percent: int | None = None
    """The same for whomever it worked."""
    memory_bytes: int | None = None
    """Of the card's memory; None where the driver does not tell."""
    alone: bool = False
    """Whether nobody else has the card."""

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)

    @property
    def percent(self) -> int:
        """What it takes of the card, as far as is known: all of its work where it is alone on it."""
        if self.sm_percent is not None:
            return self.sm_percent
        return self.device_percent or 0 if self.alone else 0
