"""Ports of honest services, to which programs that compute keep a thin connection.  Data in ``services.toml``."""

from __future__ import annotations

import functools

from msgspec import Struct

from davy.knowledge.data import read


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    reason: str
    falsepositives: str
    ports: tuple[int, ...]
    must_match: tuple[int, ...]
    must_not_match: tuple[int, ...]


class Services(Struct, frozen=True, forbid_unknown_fields=True):
    service: tuple[Service, ...]
    """What says that a connection is an honest one."""
    web: tuple[Service, ...]
    """What says nothing."""


@functools.cache
def services() -> Services:
    return read("services.toml", Services)


@functools.cache
def _ports() -> tuple[frozenset[int], frozenset[int]]:
    known = services()
    return (
        frozenset(port for each in known.service for port in each.ports),
        frozenset(port for each in known.web for port in each.ports),
    )


def service_port(port: int) -> bool:
    """Whether workers keep connections to such a port, for their work, their license or their news."""
    return port in _ports()[0]


def web_port(port: int) -> bool:
    return port in _ports()[1]
