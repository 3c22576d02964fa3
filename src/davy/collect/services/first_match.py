"""Which lines of pg_hba.conf are ever asked: of those that fit a connection the first decides, the others never.

So ``reject`` or ``scram-sha-256`` for everybody before a ``trust`` line closes it; a ``trust`` line before them opens.

Source: postgresql.org/docs (auth-pg-hba-conf).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

LINES_LIMIT: Final = 2_000
"""What comes behind so many lines is taken to be asked."""
EARLIER_LIMIT: Final = 100
"""Earlier lines with which one is compared."""
_ENCRYPTED: Final = {
    "host": frozenset({"host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}),
    "hostnossl": frozenset({"hostnossl"}), "hostssl": frozenset({"hostssl"}),
    "hostgssenc": frozenset({"hostgssenc"}), "hostnogssenc": frozenset({"hostnogssenc"}),
    "local": frozenset({"local"}),
}  # fmt: skip
"""The connections of which lines of a type are asked, by the types that are asked of no others."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_EVERYWHERE: Final[tuple[Network, ...]] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class _Line(NamedTuple):
    """Whom a line is for."""

    type: str
    databases: frozenset[str]
    users: frozenset[str]
    networks: tuple[Network, ...]
    named: str
    """An address that is no network: a host's name, ``samenet``."""


def asked(lines: Sequence[str]) -> Iterator[bool]:
    """Of each line, its words with one blank between, whether a connection may come to it."""
    earlier: list[_Line] = []
    for text in lines[:LINES_LIMIT]:
        line = _line(text)
        if line is None:
            yield True
            continue
        shadowed = _shadowed(line, earlier)
        yield not shadowed
        if not shadowed and len(earlier) < EARLIER_LIMIT:
            earlier.append(line)
    yield from (True for _ in lines[LINES_LIMIT:])


def _line(text: str) -> _Line | None:
    """None for what is no line of the language."""
    words = text.split(" ")
    if words[0] == "local" and len(words) >= 4:
        return _Line("local", _members(words[1]), _members(words[2]), (), "")
    if words[0] not in _ENCRYPTED or len(words) < 5:
        return None
    networks = _networks(words[3], words[4])
    return _Line(words[0], _members(words[1]), _members(words[2]), networks, "" if networks else words[3])


def _members(text: str) -> frozenset[str]:
    return frozenset(word for word in text.split(",") if word)


def _networks(address: str, behind: str) -> tuple[Network, ...]:
    if address == "all":
        return _EVERYWHERE
    address = address.strip('"')
    for text in (address, f"{address}/{behind}") if "/" in address else (f"{address}/{behind}",):
        try:
            return (ipaddress.ip_network(text, strict=False),)
        except ValueError:
            continue
    return ()


def _shadowed(line: _Line, earlier: Sequence[_Line]) -> bool:
    """Whether earlier lines take every connection that a line is for."""
    before = [one for one in earlier if line.type in _ENCRYPTED[one.type] and _all_people(one, line)]
    if line.type == "local":
        return bool(before)
    if not line.networks:
        return any(one.named == line.named or set(_EVERYWHERE) <= set(one.networks) for one in before)
    return all(any(_within(network, one.networks) for one in before) for network in line.networks)


def _all_people(earlier: _Line, line: _Line) -> bool:
    """Whether an earlier line is for every database and user of another; ``all`` is no replication."""
    databases = earlier.databases
    of_databases = all(one in databases or ("all" in databases and one != "replication") for one in line.databases)
    return of_databases and ("all" in earlier.users or line.users <= earlier.users)


def _within(network: Network, networks: Sequence[Network]) -> bool:
    for other in networks:
        if isinstance(network, ipaddress.IPv4Network):
            if isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other):
                return True
        elif isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other):
            return True
    return False
