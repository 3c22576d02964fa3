"""Network: whom a process talks to.  Addresses are compared with lists, never resolved and never contacted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from davy.detect.rule import Observation, detector
from davy.knowledge import PathMatch, family_by_address
from davy.knowledge.pools import miner_port, pool_endpoint
from davy.model.facts import Socket
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_CONNECTED: Final = frozenset({"ESTABLISHED", "SYN_SENT", "CLOSE_WAIT"})
_LONG_LIVED_SECONDS: Final = 60.0


KNOWN_POOL: Final = "known pool"


def towards_a_pool(socket: Socket) -> str:
    """In which degree the far end of a socket is a mining pool's: "" when nothing says so."""
    if socket.protocol != "tcp" or socket.state not in _CONNECTED:
        return ""
    if pool_endpoint(socket.remote_address, socket.remote_port):
        return KNOWN_POOL
    if not miner_port(socket.remote_port):
        return ""
    try:
        public = ipaddress.ip_address(socket.remote_address).is_global
    except ValueError:
        return ""
    return "port" if public else "private port"


@detector("network.pool", aspect=Aspect.NETWORK, technique="T1496.001")
def pool_connection(snapshot: Snapshot) -> Iterator[Observation]:
    """A connection to a known pool's endpoint, or to a port that pools use.

    Ports are shared with honest services and lists age, so a port alone is weak.  One more bit when the
    process that holds it is older than a minute: miners keep one thin connection for days.
    """
    ways = lookup(snapshot)
    for socket in snapshot.sockets:
        towards = towards_a_pool(socket)
        if not towards:
            continue
        for pid in socket.pids:
            process = ways.by_pid.get(pid)
            if process is None:
                continue
            long_lived = snapshot.taken - process.start_time >= _LONG_LIVED_SECONDS
            where, known = f"{socket.remote_address}:{socket.remote_port}", towards == KNOWN_POOL
            yield Observation(
                subject=process.subject,
                degree=towards + (", long-lived" if long_lived and not known else ""),
                summary=f"is connected to {where}, " + ("a known pool" if known else "a port that pools use"),
                evidence=(f"{socket.protocol} {socket.local_port} to {where}, {socket.state}",),
            )


def towards_a_family(socket: Socket) -> PathMatch | None:
    """The family that was seen to use the far end of a socket."""
    return family_by_address(socket.remote_address) if socket.state in _CONNECTED else None


@detector("network.family-address", aspect=Aspect.NETWORK, technique="T1071.001")
def family_address(snapshot: Snapshot) -> Iterator[Observation]:
    """A connection to an address that a known family was seen to use: for its commands, its files or its pool.

    Addresses change hands within months, so this names a family and counts little.
    """
    ways = lookup(snapshot)
    for socket in snapshot.sockets:
        match = towards_a_family(socket)
        for process in (ways.by_pid.get(pid) for pid in socket.pids) if match else ():
            if match is not None and process is not None:
                where = f"{socket.remote_address}:{socket.remote_port}"
                yield Observation(
                    subject=process.subject,
                    summary=f"is connected to {where}, an address that {match.family} has used",
                    evidence=(f"{socket.protocol} {socket.local_port} to {where}, {socket.state}",),
                    family=match.family,
                )
