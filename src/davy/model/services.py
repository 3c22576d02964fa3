"""Services: what listens on a host or is configured to, how, and whom its settings trust."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ReachedFrom(StrEnum):
    """From where an address can be spoken to, by the address alone; firewalls are no part of it."""

    LOOPBACK = "loopback"
    """This host only; sockets of the file system, too."""
    PRIVATE = "private"
    """The networks of private addresses (RFC 1918, RFC 4193, link-local) that the host is in; container networks."""
    ANY = "any"

    @property
    def rank(self) -> int:
        return (ReachedFrom.LOOPBACK, ReachedFrom.PRIVATE, ReachedFrom.ANY).index(self)


class Listening(Struct, frozen=True, kw_only=True):
    """One address on which a service is or would be spoken to."""

    address: str
    """``0.0.0.0``, ``::``, ``127.0.0.1``, or the path of a socket."""
    port: int | None
    reached_from: ReachedFrom
    source: str
    """How it is known, in words: a socket of the service, a port that Docker publishes, a line of its configuration."""
    protocol: str = "tcp"

    @property
    def spoken(self) -> str:
        """As people write it: ``[::]:6379``, ``10.0.0.5:22``, ``/run/redis.sock``."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port is None else f"{host}:{self.port}"


class SettingSource(StrEnum):
    ARGUMENT = "its command line"
    ENVIRONMENT = "its environment"
    FILE = "its configuration"
    DEFAULT = "its default"
    PROGRAM = "its program"
    """What the files of the program itself say: a version."""
    PROBE = "its answer"


class Setting(Struct, frozen=True, kw_only=True):
    """One setting that is in force, by the name that `davy.knowledge.services` gives it.

    A setting that may stand many times (lines of pg_hba.conf, ``bind`` twice) is as many `Setting` as there are.
    A secret has only whether it is there: its ``value`` is ``(set)`` or empty.
    """

    name: str
    value: str
    source: SettingSource
    path: str | None = None
    line: int | None = None
    """From 1, of the file."""
    text: str | None = None
    """That line as it stands; None of a secret, whose line is nobody's to see."""

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        if self.path is None:
            return str(self.source)
        return f"{self.path} line {self.line}" if self.line else self.path


class Service(Struct, frozen=True, kw_only=True):
    """A known service on this host: a process of it, or its configuration where nothing runs."""

    kind: str
    """The id of its file in `davy.knowledge.services`."""
    running: bool
    pid: int | None = None
    """Its main process."""
    pids: tuple[int, ...] = ()
    user: str | None = None
    unit: str | None = None
    container: str | None = None
    """The id of the `davy.model.containers.Container` it is in."""
    program: str | None = None
    version: str | None = None
    files: tuple[str, ...] = ()
    """The configuration files that were read."""
    settings: tuple[Setting, ...] = ()
    listening: tuple[Listening, ...] = ()
    logs: tuple[str, ...] = ()
    """The log files that are there, newest first; a path in a container is the host's path to it."""
    unread: str | None = None
    """Why nobody knows which settings are in force: its files are not known, or were written after its start."""
    composed: str | None = None
    """Of one that a compose file is to start and no container is of yet: ``FILE:NAME``."""

    @property
    def subject(self) -> str:
        still = self.composed or self.container or (self.files or self.logs or ("",))[0]
        anchor = self.pid if self.pid is not None else still
        return f"service:{self.kind}:{anchor}"

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a setting, in order; none where it is nowhere and has no default."""
        return tuple(setting.value for setting in self.settings if setting.name == name)

    @property
    def reached_from(self) -> ReachedFrom | None:
        """The widest of its addresses; None where none is known."""
        return max((one.reached_from for one in self.listening), key=lambda one: one.rank, default=None)


class Firewall(Struct, frozen=True, kw_only=True):
    """A front end to the kernel's packet filter that is switched on: what its owner relies on."""

    name: str
    """ufw, firewalld, CSF."""
    path: str
    """What says that it is on."""
