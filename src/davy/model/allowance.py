"""What an owner has decided: this program, run in this way, is theirs."""

from __future__ import annotations

from msgspec import Struct


class Allowance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program that its owner wants to run, by its content and by the unit that runs it."""

    id: int
    sha256: str
    """Of the program; of the script where an interpreter runs one."""
    path: str
    """Where it lay when it was allowed; only to show."""
    unit: str | None
    """The systemd service that runs it; None: it runs in none."""
    user: str | None
    """Who runs it; None: anybody."""
    reason: str
    since: float
    """When it was decided, seconds since the epoch."""
    by: str | None = None
    """Who decided."""


def unit_of(cgroup: str | None) -> str | None:
    """The systemd service that a control group belongs to; None for what runs in none.

    A user's own service is named with its manager (``user@1000.service/x.service``): anybody may have one of any name.
    """
    services = [part for part in (cgroup or "").split("/") if part.endswith(".service")]
    managers = [part for part in services if part.startswith("user@")]
    own = [part for part in services if part not in managers]
    if not own:
        return None
    return f"{managers[0]}/{own[-1]}" if managers else own[-1]
