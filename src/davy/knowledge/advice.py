"""What keeps a miner from coming back, and what people do that does not: each with the circumstances it is meant for.

Data in ``advice.toml``.  Source: what victims reported to have worked and not to have worked, and the vendors' guides.
"""

from __future__ import annotations

import functools

from msgspec import Struct

from davy.knowledge.data import read


class Circumstances(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What advice goes by."""

    way: str = "unknown"
    """``service``, ``login``, ``container``, ``package``; ``unknown`` where no door is named."""
    door: str | None = None
    """The id of the service that was the door."""
    family: str | None = None
    roles: tuple[str, ...] = ()
    """The roles of the actors."""
    hiders: tuple[str, ...] = ()
    """The kinds of what hides: ``module``, ``library``, ``file``; ``tool`` for a tampered program of the system."""
    autostarts: tuple[str, ...] = ()
    """The kinds of the autostarts, by their `davy.model.autostarts.AutostartKind`."""
    container: bool = False
    """Whether it runs, or came in, in a container."""
    composed: bool = False
    """Whether that container belongs to a Compose project."""
    published: bool = False
    """Whether a port of the host leads into that container."""
    exposed: bool = False
    """Whether anything stands open on the host."""
    root: bool = False
    """Whether something of it ran as root, outside of containers."""
    pool: bool = False
    """Whether a connection to a pool was seen."""
    mining: bool = False
    """Whether a miner runs, and does not only wait."""
    confirmed: bool = False
    """Whether it is more than suspected."""
    dummies: bool = False
    """Whether immutable files lie where the family keeps its own."""


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is given has to hold; of a list any."""

    ways: tuple[str, ...] | None = None
    doors: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    hiders: tuple[str, ...] | None = None
    autostarts: tuple[str, ...] | None = None
    container: bool | None = None
    composed: bool | None = None
    published: bool | None = None
    exposed: bool | None = None
    root: bool | None = None
    pool: bool | None = None
    mining: bool | None = None
    confirmed: bool | None = None
    dummies: bool | None = None

    def holds(self, here: Circumstances) -> bool:
        singles = ((self.ways, here.way), (self.doors, here.door), (self.families, here.family))
        several = ((self.roles, here.roles), (self.hiders, here.hiders), (self.autostarts, here.autostarts))
        plain = (
            (self.container, here.container), (self.composed, here.composed), (self.published, here.published),
            (self.exposed, here.exposed), (self.root, here.root), (self.pool, here.pool), (self.dummies, here.dummies),
            (self.mining, here.mining), (self.confirmed, here.confirmed),
        )  # fmt: skip
        return (
            all(wanted is None or value in wanted for wanted, value in singles)
            and all(wanted is None or not set(wanted).isdisjoint(values) for wanted, values in several)
            and all(wanted is None or wanted is value for wanted, value in plain)
        )


class KnownAdvice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to do, or not to rely on."""

    id: str
    works: bool
    what: str
    why: str
    when: tuple[When, ...] = ()
    """Any of these; none: always."""
    must_match: tuple[Circumstances, ...]
    must_not_match: tuple[Circumstances, ...] = ()

    def meant_for(self, here: Circumstances) -> bool:
        return not self.when or any(one.holds(here) for one in self.when)


class _AllAdvice(Struct, frozen=True, forbid_unknown_fields=True):
    advice: tuple[KnownAdvice, ...]


@functools.cache
def known_advice() -> tuple[KnownAdvice, ...]:
    """All advice, in the order in which it is to be followed."""
    return read("advice.toml", _AllAdvice).advice
