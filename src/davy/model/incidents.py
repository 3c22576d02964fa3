"""Incidents: findings and facts joined into one story."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from davy.model.allowance import Allowance
from davy.model.autostarts import Autostart, AutostartCount
from davy.model.concealment import Accounting, ModuleTable, ProcessTable
from davy.model.exposures import Exposure
from davy.model.facts import Gap, Host
from davy.model.findings import Finding


class Verdict(StrEnum):
    CLEAN = "clean"
    SUSPECT = "suspect"
    CONFIRMED = "confirmed"

    @property
    def rank(self) -> int:
        return (Verdict.CLEAN, Verdict.SUSPECT, Verdict.CONFIRMED).index(self)


class Role(StrEnum):
    MINER = "miner"
    GUARDIAN = "guardian"
    DROPPER = "dropper"
    AUTOSTART = "autostart"
    HIDER = "hider"
    DOOR = "door"


class Kind(StrEnum):
    PROCESS = "process"
    FILE = "file"
    AUTOSTART = "autostart"
    MODULE = "module"
    LIBRARY = "library"
    SERVICE = "service"
    ACCOUNT = "account"
    CONTAINER = "container"


class InContainer(Struct, frozen=True, kw_only=True):
    """The container that an actor is in, as far as people ask for it."""

    id: str
    runtime: str
    name: str
    image: str | None = None
    project: str | None = None
    pod: str | None = None
    spoken: str
    """In words, with what leads to it and what it belongs to."""
    uid: int | None = None
    """The actor's user, as the host counts."""
    host_user: str | None = None
    """What the host calls that user, who is another there."""
    host_path: str | None = None
    """Where on the host the actor's program is."""


class Actor(Struct, frozen=True, kw_only=True):
    """A subject with a role.  For an autostart, ``path`` is the file that holds the entry."""

    role: Role
    kind: Kind
    subject: str
    name: str
    detail: str
    pid: int | None = None
    ppid: int | None = None
    start_time: float | None = None
    start_ticks: int | None = None
    user: str | None = None
    cmdline: str | None = None
    path: str | None = None
    files: tuple[str, ...] = ()
    line: int | None = None
    command: str | None = None
    autostart: Autostart | None = None
    """The fact itself, of an autostart."""
    container: InContainer | None = None
    """Where a process is, if that is in a container: its user and its paths are those in there."""


class Happening(Struct, frozen=True):
    """One line of the timeline."""

    time: float
    what: str
    source: str


class Reason(Struct, frozen=True):
    """One thing that speaks for a door or against it."""

    bits: float
    what: str
    """With its source: the log line and its file, the process, the setting and its place."""


class Door(Struct, frozen=True, kw_only=True):
    """A way by which the intruder may have come in."""

    service: str
    """In people's words: ``Apache Flink``."""
    confidence: float
    """How likely it was this one, of all that are known: 0 to 1."""
    time: float | None = None
    """When somebody came in, as far as that is known."""
    evidence: tuple[str, ...] = ()
    """The log lines first, as they stand."""
    kind: str | None = None
    """The service's id in `davy.knowledge.services`; None for a door that is none of these."""
    subject: str | None = None
    """The service's, an account's or a container's."""
    address: str | None = None
    """Where it listens."""
    bits: float = 0.0
    reasons: tuple[Reason, ...] = ()
    fix: tuple[str, ...] = ()


class RuledOut(Struct, frozen=True):
    """A door that it was not, and why."""

    service: str
    reason: str


class Advice(Struct, frozen=True, kw_only=True):
    """What keeps it from happening again, or what does not, though people do it."""

    works: bool
    what: str
    why: str


class Slowed(Struct, frozen=True):
    """The owner's own work that the miner slowed: it got this share of the CPU time it asked for."""

    pid: int
    name: str
    share: float


class Incident(Struct, frozen=True, kw_only=True):
    id: str
    verdict: Verdict
    bits: float
    confidence: float
    family: str | None
    summary: str
    actors: tuple[Actor, ...]
    door: Door | None = None
    """The likeliest; None where nothing is strong enough."""
    other_doors: tuple[Door, ...] = ()
    """Further candidates, likeliest first; of an unknown door all of them."""
    ruled_out: tuple[RuledOut, ...] = ()
    keep: tuple[str, ...] = ()
    """Where the door is unknown: what to keep so that it can still be found out."""
    advice: tuple[Advice, ...] = ()
    timeline: tuple[Happening, ...] = ()
    findings: tuple[Finding, ...] = ()
    cpu_hours: float | None = None
    burning_cores: float = 0.0
    slowed: tuple[Slowed, ...] = ()
    owners: str | None = None
    """In words, by what this may be its owner's own; None where nothing says so."""


class Considered(Struct, frozen=True, kw_only=True):
    """A subject that was looked at closely and not accused, with the findings for and against."""

    subject: str
    name: str
    bits: float
    findings: tuple[Finding, ...]


class Allowed(Struct, frozen=True, kw_only=True):
    """What the owner has allowed, and what of it runs now."""

    allowance: Allowance
    subjects: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    """The processes that it allows; none when the program does not run."""
    cpu_hours: float | None = None
    burning_cores: float = 0.0
    differs: tuple[str, ...] = ()
    """Of processes that it nearly allows, in words, what differs: for these it does not count."""
    findings: tuple[Finding, ...] = ()
    """What is found of those that it allows."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What one scan came to: the incidents, and what was looked at and let go."""

    host: Host
    taken: float
    seconds: float
    verdict: Verdict
    complete: bool
    """False when something about processes could not be looked at: then nothing found is not clean."""
    incidents: tuple[Incident, ...] = ()
    considered: tuple[Considered, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    gaps: tuple[Gap, ...] = ()
    process_table: ProcessTable | None = None
    module_table: ModuleTable | None = None
    accounting: Accounting | None = None
    autostarts: AutostartCount = AutostartCount()
    exposures: tuple[Exposure, ...] = ()
    """The worst first."""
    live: bool = True
