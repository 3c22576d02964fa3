"""Exposures: doors that stand open on this host, whether or not anyone has come through."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from davy.model.logs import LogHit
from davy.model.services import ReachedFrom


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL).index(self)


class LineChange(Struct, frozen=True, kw_only=True):
    """A fix that is one line of a configuration file that Davy understands."""

    path: str
    line: int | None
    """The line that is replaced, from 1; None: the new line is added at the end, or where its section is."""
    before: str | None
    """That line as it was read; the change refuses any other."""
    after: str
    restart: str
    """What has to be restarted for it, and how; left to the person."""


class Exposure(Struct, frozen=True, kw_only=True):
    """One way in that stands open."""

    id: str
    """The same from one look to the next: of the service, its place and what opens it."""
    kind: str
    """The service's id in `davy.knowledge.services`."""
    opening: str
    """The id of what opens it, in the service's file."""
    subject: str
    """The service's."""
    service: str
    address: str
    reached_from: ReachedFrom
    severity: Severity
    summary: str
    """One sentence: who may do what."""
    evidence: tuple[str, ...] = ()
    """What says so, each with its place."""
    fix: tuple[str, ...] = ()
    """Exact configuration lines and commands, in order."""
    change: LineChange | None = None
    references: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    container: str | None = None
    """In words, the container it is in."""
    used: tuple[LogHit, ...] = ()
    """Log lines that show that somebody came in by it, or tried."""
