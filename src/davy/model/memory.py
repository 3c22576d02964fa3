"""The memory of a host: which autostarts earlier looks saw there, and what has changed since."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from davy.model.autostarts import Autostart, AutostartKind


class Seen(Struct, frozen=True, kw_only=True):
    """An autostart as it is remembered: enough to know it again, and to show it when it is gone."""

    content: bytes
    """A digest of what it runs, when and as whom."""
    kind: AutostartKind
    path: str
    line: int | None
    command: str
    """What ran, at most its beginning."""
    schedule: str
    user: str | None
    unit: str | None
    owner_package: str | None
    mtime: float | None
    ctime: float | None
    first_seen: float


class Memory(Struct, frozen=True, kw_only=True):
    """What was there at one look, and since when what was there at the last one is known."""

    taken: float
    """When that look was taken; of several that saw the same, the last."""
    davy: str
    """Davy's version then: a later one may read kinds that were not read before."""
    seen: Mapping[bytes, Seen]
    """By the identity of each: kind, place and, of a line, its text."""
    first_seen: Mapping[bytes, float]
    """Since when what that look or the last one saw is known, seconds since the epoch."""


class Change(Struct, frozen=True, kw_only=True):
    """An autostart that is not what it was."""

    now: Autostart
    before: Seen | None
    """None where only its times say that it changed."""


class Changes(Struct, frozen=True, kw_only=True):
    """What has changed since one look, or since one time."""

    since: float
    by_times: bool
    """Told by the times of the files, which an enemy may set back and which do not tell what is gone."""
    new: tuple[Autostart, ...] = ()
    changed: tuple[Change, ...] = ()
    gone: tuple[Seen, ...] = ()
