"""What a look at a host's doors came to."""

from __future__ import annotations

from msgspec import Struct

from davy.model.exposures import Exposure
from davy.model.facts import Gap, Host
from davy.model.services import Firewall, ReachedFrom, Service, SettingSource


class Look(Struct, frozen=True, kw_only=True):
    """An earlier look: when, and what it came to."""

    taken: float
    score: int


class DoorState(Struct, frozen=True, kw_only=True):
    """One service, and what of it stands open."""

    service: Service
    name: str
    """As people call it: ``Apache Flink``."""
    exposures: tuple[Exposure, ...] = ()
    """The worst first."""
    published: tuple[str, ...] = ()
    """Its ports that Docker publishes to others than this host: what it publishes no firewall's rules keep out."""
    anybody_here: str | None = None
    """What anybody on this host may do who speaks to it, where only this host reaches it: ``may write files``."""

    @property
    def reached_from(self) -> ReachedFrom | None:
        return self.service.reached_from

    @property
    def unread(self) -> str | None:
        """Why nobody knows whether it stands open: neither its files nor its own answer say how it is set."""
        answered = any(one.source is SettingSource.PROBE for one in self.service.settings)
        return None if self.exposures or answered else self.service.unread


class Hardening(Struct, frozen=True, kw_only=True):
    """All services of a host, what stands open, and how good that is."""

    host: Host
    taken: float
    seconds: float
    live: bool
    score: int
    """From 0 to 100: `davy.harden.score`."""
    former: Look | None
    """The look before, of the same host."""
    doors: tuple[DoorState, ...]
    """Those that stand open first."""
    firewalls: tuple[Firewall, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        return tuple(exposure for door in self.doors for exposure in door.exposures)
