"""Content of memory, and what goes with it: conversations with a pool, wallets, names of pools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from davy.detect.places import base
from davy.detect.programs import interprets
from davy.detect.rule import Observation, detector
from davy.knowledge.matching import ContentRule, Kind, rule_by_id
from davy.knowledge.programs import interpreter
from davy.model.content import ContentHit, Place
from davy.model.facts import Process, Socket
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.mining import Conversation, PoolMention, WalletSighting
from davy.model.snapshot import Snapshot

_FRESH_SECONDS: Final = 12 * 3600.0
"""Work that was made so long ago, or is to be made so long from now, is of a conversation that goes on."""
_MANY_WALLETS: Final = 8
"""Whoever holds more addresses than this keeps a list of them: a wallet, a block explorer, a scanner."""
_MANY_POOLS: Final = 6
_SHOWN: Final = 4
_CONNECTED: Final = frozenset({"ESTABLISHED", "CLOSE_WAIT"})


def connections(snapshot: Snapshot, process: Process) -> list[Socket]:
    """The TCP connections that a process has made itself: not those that others made to a port it listens on."""
    own = [socket for socket in snapshot.sockets if process.pid in socket.pids and socket.protocol == "tcp"]
    served = {socket.local_port for socket in own if socket.state == "LISTEN"}
    return [socket for socket in own if socket.state in _CONNECTED and socket.local_port not in served]


def _serves(snapshot: Snapshot, process: Process) -> bool:
    """Whether others are connected to a port that it listens on."""
    own = [socket for socket in snapshot.sockets if process.pid in socket.pids and socket.protocol == "tcp"]
    served = {socket.local_port for socket in own if socket.state == "LISTEN"}
    return any(socket.state in _CONNECTED and socket.local_port in served for socket in own)


def _of_text(snapshot: Snapshot, process: Process | None) -> bool:
    """Whether a process is an interpreter, whose memory holds all kinds of text."""
    return process is not None and interpreter(base(process.exe_path or "")) and interprets(snapshot, process)


def degree_of(snapshot: Snapshot, said: Conversation, process: Process) -> str:
    """How surely what memory holds is a conversation that goes on, of a miner."""
    connected, both = bool(connections(snapshot, process)), bool(said.jobs and said.shares)
    text, answered = _of_text(snapshot, process), bool(said.shares or said.logins)
    if text and not (connected and answered):
        return "text"
    if said.newest is not None:
        fresh = abs(snapshot.taken - said.newest) <= _FRESH_SECONDS
        if not fresh:
            return "without time" if connected and both and said.apart else "long ago"
        if connected:
            return "goes on"
        return "serves" if _serves(snapshot, process) else "unconnected"
    if both and connected:
        return "without time"
    return "text" if text else "in part"


@detector("content.stratum-conversation", aspect=Aspect.CONTENT, technique="T1496.001")
def stratum_conversation(snapshot: Snapshot) -> Iterator[Observation]:
    """Its memory holds what a miner and its pool say: work handed out, shares handed in, whom to pay.

    Work carries the time it was made at.  Where that is now and the process holds a connection of its own, nothing
    else looks like it; encryption on the way does not change it.  A pool's own server speaks the other part: it
    listens.  Documentation has examples, and those are years old and stand among other text: they count for little.
    """
    ways = lookup(snapshot)
    for said in snapshot.conversations:
        process = ways.by_subject.get(said.subject)
        if process is None or process.pid in snapshot.own_pids:
            continue
        degree = degree_of(snapshot, said, process)
        counted = f"{said.jobs} jobs, {said.shares} shares, {len(said.logins)} logins"
        yield Observation(
            subject=process.subject,
            degree=degree,
            summary={
                "goes on": "talks with a mining pool at this moment: its memory holds the work of now",
                "without time": "talks with a mining pool: its memory holds work and shares",
                "unconnected": "its memory holds a mining pool's work of now, though no connection was seen",
                "serves": "its memory holds a mining pool's work of now, and it serves others",
            }.get(degree, "its memory holds pieces of a conversation with a mining pool"),
            evidence=(counted, *said.texts),
        )


@detector("network.stratum-connection", aspect=Aspect.NETWORK, technique="T1071.001")
def stratum_connection(snapshot: Snapshot) -> Iterator[Observation]:
    """It holds a connection of its own while its memory holds both parts of a conversation with a pool.

    The address tells nothing then: a proxy, a tunnel or a private pool will do.  Whoever serves a pool, or only
    reads about one, has no such connection.
    """
    ways = lookup(snapshot)
    for said in snapshot.conversations:
        process = ways.by_subject.get(said.subject)
        if process is None or degree_of(snapshot, said, process) not in ("goes on", "without time"):
            continue
        far = [f"{socket.remote_address}:{socket.remote_port}" for socket in connections(snapshot, process)]
        yield Observation(
            subject=process.subject,
            summary=f"its talk with a mining pool has a connection to go by: {far[0]}",
            evidence=tuple(f"tcp to {one}" for one in far[:_SHOWN]),
        )


@detector("content.memory", aspect=Aspect.CONTENT, technique="T1496.001")
def in_memory(snapshot: Snapshot) -> Iterator[Observation]:
    """The memory of a process holds what only miners have: their messages, settings, constants.

    What is unpacked only in memory is found there.  An interpreter's memory holds all kinds of text: what it reads
    about miners is no miner, and counts little.
    """
    ways, of_text = lookup(snapshot), dict[str, list[tuple[ContentHit, ContentRule]]]()
    for hit in snapshot.content_hits:
        process, rule = ways.by_subject.get(hit.subject), rule_by_id(hit.rule)
        if hit.place is not Place.MEMORY or process is None or rule is None or rule.kind is Kind.CONVERSATION:
            continue
        if _of_text(snapshot, process):
            of_text.setdefault(process.subject, []).append((hit, rule))
            continue
        yield Observation(
            subject=process.subject,
            degree=rule.confidence,
            summary=f"its memory holds this: {rule.title}",
            evidence=(f"rule {hit.rule} at {hit.offset:#x}: {', '.join(hit.patterns[:8])}", hit.text[:120]),
            family=hit.family,
        )
    for subject, hits in of_text.items():
        yield Observation(
            subject=subject,
            degree="text",
            summary=f"among the text in its memory: {', '.join(rule.title for _, rule in hits[:_SHOWN])}",
            evidence=tuple(f"rule {hit.rule} at {hit.offset:#x}" for hit, _ in hits[: 2 * _SHOWN]),
        )


@detector("content.wallet", aspect=Aspect.CONTENT, technique="T1496.001")
def wallet(snapshot: Snapshot) -> Iterator[Observation]:
    """A wallet address, its checksum right, on the command line or in the memory of a process.

    It counts more where it stands in a login to a pool.  Wallets, shops and donation pages have addresses, too; whoever
    has many keeps a list.  So it counts beside other aspects, and never makes anybody a miner.
    """
    ways, by_subject = lookup(snapshot), defaultdict[str, list[WalletSighting]](list)
    for sighting in snapshot.wallets:
        by_subject[sighting.subject].append(sighting)
    for subject, sightings in by_subject.items():
        sure = [sighting for sighting in sightings if not sighting.weak] or sightings
        degree = _wallet_degree(sure)
        if degree in ("login", "memory") and _of_text(snapshot, ways.by_subject.get(subject)):
            degree = "text"
        coins = ", ".join(sorted({sighting.coin for sighting in sure})[:_SHOWN])
        yield Observation(
            subject=subject,
            degree=degree,
            summary=f"{len(sure)} wallet addresses of {coins}" if len(sure) > 1 else f"a wallet address of {coins}",
            evidence=tuple(f"{one.coin} {one.address} ({one.place.value})" for one in sure[:_SHOWN]),
        )


def _wallet_degree(sightings: list[WalletSighting]) -> str:
    if len({sighting.address for sighting in sightings}) > _MANY_WALLETS:
        return "many"
    if all(sighting.weak for sighting in sightings):
        return "unchecked"
    if any(sighting.login for sighting in sightings):
        return "login"
    return "command line" if any(one.place is Place.COMMAND_LINE for one in sightings) else "memory"


@detector("content.pool-name", aspect=Aspect.CONTENT, technique="T1496.001")
def pool_name(snapshot: Snapshot) -> Iterator[Observation]:
    """A known pool's name in the memory of what burns, in a resolver's cache, or sent nowhere by a hosts file.

    Whoever reads web pages reads such names; a browser or a list of what to block has many of them.  Rivals write
    each other's pools into ``/etc/hosts``: that is a trace of one.
    """
    ways, by_subject = lookup(snapshot), defaultdict[str, list[PoolMention]](list)
    for mention in snapshot.pool_mentions:
        by_subject[mention.subject].append(mention)
    for subject, mentions in by_subject.items():
        names = sorted({mention.name for mention in mentions})
        blocked = any(mention.blocked for mention in mentions)
        if mentions[0].place is Place.MEMORY:
            text = _of_text(snapshot, ways.by_subject.get(subject))
            many = len({mention.pool for mention in mentions}) > _MANY_POOLS
            degree = "many" if many else "text" if text else "memory"
        elif blocked and not all(mention.alone for mention in mentions):
            continue
        else:
            degree = "blocked" if blocked else "file"
        yield Observation(
            subject=subject,
            degree=degree,
            summary=("sends mining pools nowhere: " if degree == "blocked" else "names mining pools: ")
            + ", ".join(names[:_SHOWN]),
            evidence=tuple(
                f"{one.path}, line {one.line}: {one.name}" if one.line else f"{one.path or one.place.value}: {one.name}"
                for one in mentions[:_SHOWN]
            ),
        )
