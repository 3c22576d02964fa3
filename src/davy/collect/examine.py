"""The second pass: the costly facts, about the few processes that triage named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from davy.collect.computation.burners import burns
from davy.collect.computation.rounding import roundings
from davy.collect.computation.workload import workloads
from davy.collect.concealment.hidden_names import hidden_names
from davy.collect.content.images import images
from davy.collect.content.memory import memory
from davy.collect.content.told_wallets import told_wallets
from davy.collect.details import details
from davy.collect.facts import COLLECTOR_SECONDS, every, within
from davy.collect.holders import Holders, far_ends, holders, ownerless
from davy.collect.sockets import sockets_beside
from davy.host import Gone, Host, HostError, Kernel
from davy.host.packages import PackageDatabase
from davy.model.computation import Rounding, Workload
from davy.model.concealment import HiddenName
from davy.model.content import ContentHit
from davy.model.facts import Gap, ProcessDetail, Socket
from davy.model.lookup import lookup
from davy.model.mining import Conversation, PoolMention, WalletSighting
from davy.model.reach import USUAL, Reach
from davy.model.snapshot import Snapshot
from davy.model.triage import Subjects

Examined = (
    ContentHit | Conversation | Gap | HiddenName | PoolMention | Rounding | WalletSighting | Workload
)  # fmt: skip
Examiner = Callable[[Host, Snapshot, Reach], Iterator[Examined]]

_NETWORKS_LIMIT: Final = 16

EXAMINERS: Final[tuple[tuple[str, Examiner], ...]] = (
    ("hidden names", hidden_names),
    ("content", images),
    ("memory", memory),
    ("workload", workloads),
    ("rounding", roundings),
    ("wallets", told_wallets),
)  # fmt: skip
"""What is asked of the subjects that have details, in order.  Each sees the snapshot with those details in it."""


def examine(
    host: Host, snapshot: Snapshot, subjects: Subjects, database: PackageDatabase, reach: Reach = USUAL
) -> Snapshot:
    """The snapshot, richer by the details of ``subjects``.  What has vanished meanwhile has no detail."""
    richer = _with_details(host, snapshot, subjects, database)
    facts = [
        fact
        for name, examiner in EXAMINERS
        for fact in within(COLLECTOR_SECONDS, name, examiner(host, richer, reach))
    ]  # fmt: skip
    return msgspec.structs.replace(
        richer,
        hidden_names=every(facts, HiddenName),
        content_hits=richer.content_hits + every(facts, ContentHit),
        conversations=every(facts, Conversation),
        wallets=every(facts, WalletSighting),
        pool_mentions=richer.pool_mentions + every(facts, PoolMention),
        workloads=every(facts, Workload),
        roundings=every(facts, Rounding),
        gaps=richer.gaps + every(facts, Gap),
    )


def _with_other_networks(host: Host, kernel: Kernel, snapshot: Snapshot, pids: Sequence[int]) -> Snapshot:
    facts = list(within(COLLECTOR_SECONDS, "sockets", _of_other_networks(host, kernel, pids)))
    return msgspec.structs.replace(
        snapshot, sockets=snapshot.sockets + every(facts, Socket), gaps=snapshot.gaps + every(facts, Gap)
    )


def _of_other_networks(host: Host, kernel: Kernel, pids: Sequence[int]) -> Iterator[Socket | Gap]:
    """The sockets of the network namespaces in which some processes are, as those of containers; each one once."""
    seen: set[str] = set()
    for pid in pids:
        try:
            name = kernel.procfs.link(f"{pid}/ns/net")
            if name in seen:
                continue
            if len(seen) >= _NETWORKS_LIMIT:
                yield Gap("sockets", "the rest of the network namespaces", f"more than {_NETWORKS_LIMIT} of them burn")
                return
            seen.add(name)
            yield from sockets_beside(host, pid)
        except Gone:
            continue
        except HostError as error:
            yield Gap("sockets", f"network namespace of process {pid}", str(error))


def _with_details(host: Host, snapshot: Snapshot, subjects: Subjects, database: PackageDatabase) -> Snapshot:
    ways = lookup(snapshot)
    named = {known.pid: known for subject in subjects.processes if (known := ways.by_subject.get(subject))}
    held: Holders = {}
    alone: frozenset[int] = frozenset()
    if host.kernel:
        everyone = [process.pid for process in snapshot.processes if not process.kernel_thread]
        held = holders(host, everyone if subjects.sockets else named)
        burning = {pid for pid, process in named.items() if burns(snapshot, process)}
        snapshot = _with_other_networks(host, host.kernel, snapshot, sorted(burning))
        theirs = {inode for inode, pids in held.items() if not burning.isdisjoint(pids)}
        if missing := far_ends(snapshot.sockets, theirs) - held.keys():
            found = holders(host, everyone)
            held = {**held, **{inode: found[inode] for inode in missing & found.keys()}}
        alone = ownerless(host, host.kernel, subjects.sockets - held.keys(), everyone)
        for inode in subjects.sockets & held.keys():
            named |= {pid: ways.by_pid[pid] for pid in held[inode]}
    database.owners({path for process in named.values() for path in (process.exe_path, process.script) if path})
    facts = list(details(host, host.kernel, named.values(), database)) if host.kernel else []
    return msgspec.structs.replace(
        snapshot,
        details=every(facts, ProcessDetail),
        sockets=tuple(
            msgspec.structs.replace(socket, pids=held.get(socket.inode, ()), ownerless=socket.inode in alone)
            if socket.inode in held or socket.inode in alone
            else socket
            for socket in snapshot.sockets
        ),
        gaps=(*snapshot.gaps, *every(facts, Gap), *_unread(database, snapshot)),
    )


def _unread(database: PackageDatabase, snapshot: Snapshot) -> Iterator[Gap]:
    """What of the package databases could not be read since the survey said so."""
    for why in database.unread:
        if (gap := Gap("packages", "a database", why)) not in snapshot.gaps:
            yield gap
