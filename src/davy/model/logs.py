"""Logs: lines that tell of an entry, and which logs were read from when to when."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Shows(StrEnum):
    """What a log line of a kind shows."""

    SUCCESS = "success"
    """Somebody came in, or had something run."""
    ATTEMPT = "attempt"
    """Somebody tried, and this line does not say that it worked, or says that it did not."""
    NOISE = "noise"
    """What scanners cause without any harm: it is told apart, not held against anybody."""
    STATE = "state"
    """What the service says of itself: that it listens to all, that it asks for no password."""


class LogHit(Struct, frozen=True, kw_only=True):
    """One record of a log that a sign in `davy.knowledge.services` matches; or several that say the same in a row."""

    kind: str
    """The service's id."""
    sign: str
    """The sign's id, in the service's file."""
    shows: Shows
    path: str
    time: float | None
    """Of the first, in seconds since the epoch; None where the log has no times."""
    text: str
    """Its first line as it stands, at most 2,048 characters."""
    offset: int | None = None
    """Bytes into the log (of a compressed one: into what it holds)."""
    last_time: float | None = None
    """Of the last, where they are several."""
    count: int = 1
    address: str | None = None
    """From where, if the line says it."""
    user: str | None = None
    """As whom, if the line says it."""
    detail: str | None = None
    """What was run or asked for, if the line says it."""

    @property
    def subject(self) -> str:
        return f"log:{self.path}:{self.offset}"


class LogRead(Struct, frozen=True, kw_only=True):
    """One log that was looked into: what it covers.

    From several of one service it is known which times no log covers: missing rotations.
    """

    kind: str
    path: str
    format: str
    size: int
    first: float | None = None
    """The time of its first record."""
    last: float | None = None
    """The time of its last record."""
    read_bytes: int = 0
    """How much of it was read: a search by time reads little."""
    whole: bool = False
    """Whether all of what was wanted was read; if not, a gap says why."""


class ClockStep(Struct, frozen=True, kw_only=True):
    """Records of one log whose times go back, or an entry that tells of the clock being set."""

    path: str
    before: float
    after: float
    text: str


class Span(Struct, frozen=True):
    """A span of time, in seconds since the epoch, both ends included."""

    begin: float
    end: float

    def holds(self, time: float) -> bool:
        return self.begin <= time <= self.end
