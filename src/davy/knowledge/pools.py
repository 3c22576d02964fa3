"""Mining pools: their hosts, their endpoints, the ports they like.  Compared, never resolved or contacted.

Source: Maltrail's ``crypto_mining`` trail (``pools.json``; MIT licence, Copyright (c) 2014-2026 Maltrail developers,
see NOTICE) and the pools named in the families' write-ups (``pools.toml``).
"""

from __future__ import annotations

import functools
from typing import Final

from msgspec import Struct

from davy.knowledge.data import read

_NAME_LIMIT: Final = 254
"""Characters of a host's name, with its last dot (RFC 1035)."""


class Trail(Struct, frozen=True, forbid_unknown_fields=True):
    """Maltrail's list, as it is published."""

    source: str
    licence: str
    domains: tuple[str, ...]
    ip_port: tuple[str, ...]
    warning: str


class Hosts(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    suffixes: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Endpoints(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Ports(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    numbers: tuple[int, ...]
    must_match: tuple[int, ...]
    must_not_match: tuple[int, ...]


class Pools(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of pools beside Maltrail's list."""

    hosts: Hosts
    endpoints: Endpoints
    ports: Ports


@functools.cache
def pools() -> Pools:
    return read("pools.toml", Pools)


@functools.cache
def _ports() -> frozenset[int]:
    return frozenset(pools().ports.numbers)


@functools.cache
def _trail() -> tuple[frozenset[str], frozenset[str]]:
    """Suffixes of hosts in lower case; endpoints as ``address:port``, or the address alone where no port is known."""
    trail = read("pools.json", Trail)
    bare = {domain.partition("://")[2] for domain in trail.domains if "://" in domain}
    hosts = {domain.lower() for domain in trail.domains if "://" not in domain}
    return frozenset(hosts.union(pools().hosts.suffixes)), frozenset(bare.union(trail.ip_port))


def pool_endpoint(address: str, port: int) -> bool:
    """Whether a pool was seen at this address and port; where only the address is known, at a typical port of it."""
    endpoints = _trail()[1]
    address = address.removeprefix("::ffff:")
    return f"{address}:{port}" in endpoints or (address in endpoints and miner_port(port))


def pool_host(name: str) -> str | None:
    """The pool's domain that a host name is, or lies in (whole labels); None when it is no pool's."""
    hosts = _trail()[0]
    name = name.rstrip(".").lower() if len(name) <= _NAME_LIMIT else ""
    while name:
        if name in hosts:
            return name
        name = name.partition(".")[2]
    return None


def pool_names() -> tuple[str, ...]:
    """The domains and the endpoints with a port, as they may stand in memory or in a file."""
    hosts, endpoints = _trail()
    return (*sorted(hosts), *sorted(endpoint for endpoint in endpoints if ":" in endpoint))


def miner_port(port: int) -> bool:
    """Whether pools like this port, and few others do.  A port alone is weak evidence."""
    return port in _ports()
