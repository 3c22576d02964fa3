"""What is asked about the door of one incident, and the doors that come into question."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from davy.correlate.cast import Cast
from davy.correlate.moments import Moment
from davy.model.containers import Container
from davy.model.exposures import Exposure
from davy.model.facts import Process
from davy.model.logs import LogHit, Span
from davy.model.services import Service
from davy.model.snapshot import Snapshot


class Story(NamedTuple):
    """One incident, as far as its door is concerned."""

    snapshot: Snapshot
    cast: Cast
    family: str | None
    first: Moment | None
    """When it began, or at the latest."""
    spans: tuple[Span, ...]
    """In which logs may tell how."""


class Way(StrEnum):
    """What kind of a door it is."""

    SERVICE = "service"
    LOGIN = "login"
    CONTAINER = "container"
    PACKAGE = "package"


class Candidate(NamedTuple):
    """A door that comes into question, with the facts about it."""

    way: Way
    name: str
    """In people's words."""
    subject: str
    kind: str | None = None
    """The service's id."""
    service: Service | None = None
    processes: tuple[Process, ...] = ()
    """The service's own."""
    container: Container | None = None
    user: str | None = None
    """As whom the service runs, or somebody logged in."""
    exposures: tuple[Exposure, ...] = ()
    hits: tuple[LogHit, ...] = ()


class Ground(StrEnum):
    """The independent kinds of reasons: bits of different grounds add up, within one the strongest leads."""

    ANCESTRY = "ancestry"
    """It started the first of them, or shares what only its own processes share."""
    LOG = "log"
    OPENNESS = "openness"
    FILES = "files"
    """What is left behind when somebody comes in there."""
    PLACE = "place"
    """They lie or work where it works."""
    FAMILY = "family"
    """The family is known to come in there."""


class Speaks(NamedTuple):
    """One reason for a door."""

    ground: Ground
    bits: float
    what: str
    shows: bool = False
    """Whether it shows that somebody came in there; without any such reason a door is merely open."""
