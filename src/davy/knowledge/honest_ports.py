"""Ports of honest services, to which programs that compute keep a thin connection.  Data in ``honest_ports.toml``."""

from __future__ import annotations

import functools

from msgspec import Struct

from davy.knowledge.data import read


class PortsOf(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    reason: str
    falsepositives: str
    ports: tuple[int, ...]
    must_match: tuple[int, ...]
    must_not_match: tuple[int, ...]


class ServicePrograms(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    names: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class HonestPorts(Struct, frozen=True, forbid_unknown_fields=True):
    service: tuple[PortsOf, ...]
    """What says that a connection is an honest one."""
    web: tuple[PortsOf, ...]
    """What says nothing."""
    programs: ServicePrograms


@functools.cache
def honest_ports() -> HonestPorts:
    return read("honest_ports.toml", HonestPorts)


@functools.cache
def _ports() -> tuple[frozenset[int], frozenset[int]]:
    known = honest_ports()
    return (
        frozenset(port for each in known.service for port in each.ports),
        frozenset(port for each in known.web for port in each.ports),
    )


def service_port(port: int) -> bool:
    """Whether workers keep connections to such a port, for their work, their license or their news."""
    return port in _ports()[0]


def web_port(port: int) -> bool:
    return port in _ports()[1]


def service_program(path: str) -> bool:
    """Whether a path is that of a service as a package installs it."""
    installed = path.startswith("/usr/") and not path.startswith("/usr/local/")
    return installed and path.rpartition("/")[2] in honest_ports().programs.names
