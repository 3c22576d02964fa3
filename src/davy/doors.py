"""The fast road: from a host to its doors alone, what listens on it and how, and what the logs say of those that are
open.

Nothing is sampled, and nothing is read that has no door: a look takes a fraction of a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Set
from typing import Final

import msgspec

from davy.collect.accounts import accounts
from davy.collect.autostarts.systemd.units import systemd_units
from davy.collect.containers import containers, with_own_users
from davy.collect.facts import COLLECTOR_SECONDS, every, within
from davy.collect.firewalls import firewalls
from davy.collect.processes import Sweep, own_pids, processes, sweep
from davy.collect.services import services
from davy.collect.sockets import sockets
from davy.host import Host, HostError, Kernel
from davy.knowledge.services import known_services
from davy.model.autostarts import Autostart
from davy.model.containers import Container
from davy.model.facts import Account, Gap, Process, Socket
from davy.model.facts import Host as HostFacts
from davy.model.logs import ClockStep, LogHit, LogRead
from davy.model.services import Firewall, Service
from davy.model.snapshot import Snapshot

STARTING: Final = 1.0
"""Seconds: what is written so soon after a start may be of the start itself, as a container's entry point does it."""
_SERVICES_SECONDS: Final = 5.0
_CHANGED: Final = "changed since it was started: what is said of it counts when it is restarted"
_LATER: Final = "its configuration was written after its start, and counts if it was reloaded since: else restart it"

Fact = Account | Container | Firewall | Gap | Process | Service | Socket


def doors(host: Host, *, probe: bool = False) -> Snapshot:
    """What listens on a host, or is configured to, and the few facts that say how.  Reads, and never changes the host.

    ``probe`` has its services asked over loopback: `davy.collect.services.probes`.  Raises `HostError`.
    """
    kernel = host.kernel
    began, taken = time.monotonic(), kernel.now() if kernel else time.time()
    facts: list[Fact] = [*within(COLLECTOR_SECONDS, "accounts", accounts(host))]
    if kernel is not None:
        users = {account.uid: account.name for account in reversed(every(facts, Account))}
        now = sweep(kernel)
        facts += processes(kernel, Sweep(now.uptime, {}, {}), now, users)
        facts += within(COLLECTOR_SECONDS, "sockets", sockets(host))
    found = list(within(COLLECTOR_SECONDS, "containers", containers(host, every(facts, Process))))
    running = every(facts, Process)
    if kernel is not None:
        running = tuple(with_own_users(kernel, running, every(found, Container)))
    facts = [*(fact for fact in facts if not isinstance(fact, Process)), *running, *found]
    facts += within(COLLECTOR_SECONDS, "firewalls", firewalls(host))
    units = list(within(COLLECTOR_SECONDS, "systemd", systemd_units(host)))
    facts += every(units, Gap)
    listed = services(host, running, every(facts, Socket), every(found, Container), every(units, Autostart))
    there = list(within(_SERVICES_SECONDS, "services", listed))
    if probe:
        there = [*every(there, Gap), *_asked(host, every(there, Service))]
    if kernel is not None:
        there = [*every(there, Gap), *_since_their_start(host, every(there, Service), running)]
    facts += there
    return Snapshot(
        host=_host(kernel),
        taken=taken,
        seconds=time.monotonic() - began,
        live=kernel is not None,
        own_pids=own_pids(kernel) if kernel else (),
        processes=running,
        sockets=every(facts, Socket),
        accounts=every(facts, Account),
        containers=every(facts, Container),
        services=every(facts, Service),
        firewalls=every(facts, Firewall),
        gaps=every(facts, Gap),
    )


def uses(host: Host, snapshot: Snapshot, wanted: Set[str], seconds: float | None, state: str | None) -> Snapshot:
    """The same snapshot with what the logs of the ``wanted`` services say, named by their subjects; the newest first.

    As far as it goes in ``seconds``, or all of it; ``state`` is a folder of Davy's own that keeps compiled patterns.
    """
    chosen = [service for service in snapshot.services if service.subject in wanted and service.logs]
    if not chosen:
        return snapshot
    from davy.collect.logs import USUAL, Budget, log_facts  # where there is something to search

    budget = Budget(seconds=seconds) if seconds is not None else msgspec.structs.replace(USUAL, seconds=_WHOLE_SECONDS)
    facts = list(log_facts(host, chosen, None, state, budget))
    return msgspec.structs.replace(
        snapshot,
        log_hits=every(facts, LogHit),
        logs_read=every(facts, LogRead),
        clock_steps=every(facts, ClockStep),
        gaps=(*snapshot.gaps, *every(facts, Gap)),
    )


_WHOLE_SECONDS: Final = 600.0


def _asked(host: Host, found: tuple[Service, ...]) -> Iterator[Service | Gap]:
    from davy.collect.services.probes import probed  # brings TLS along

    return probed(host, found, known_services())


def _since_their_start(host: Host, found: tuple[Service, ...], running: tuple[Process, ...]) -> Iterator[Service | Gap]:
    """The services; of those whose configuration was written after they had read it nobody knows what is in force."""
    begun = {process.pid: process.start_time for process in running}
    for service in found:
        start = begun.get(service.pid) if service.pid is not None else None
        changed = [path for path in service.files if start is not None and _written(host, path) > start + STARTING]
        yield msgspec.structs.replace(service, unread=service.unread or _LATER) if changed else service
        yield from (Gap("services", path, _CHANGED) for path in changed)


def _written(host: Host, path: str) -> float:
    try:
        return host.root.stat(path).mtime
    except HostError:
        return 0.0


def _host(kernel: Kernel | None) -> HostFacts:
    if kernel is None:
        return HostFacts(name=None, kernel=None, boot_time=None, boot_id=None, cpus=None)
    return HostFacts(
        name=kernel.name, kernel=kernel.release, boot_time=kernel.boot_time, boot_id=kernel.boot_id, cpus=kernel.cpus
    )
