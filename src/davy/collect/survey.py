"""The first pass: what every scan needs, taken while the CPU window passes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from davy.collect.accounts import accounts
from davy.collect.computation.gpu import gpu_uses
from davy.collect.computation.tuning import tuning
from davy.collect.concealment.covers import covers, first_look
from davy.collect.concealment.module_files import module_files
from davy.collect.concealment.modules import module_table
from davy.collect.concealment.preloads import preloads
from davy.collect.concealment.views import process_table
from davy.collect.content.hot_files import hot_files
from davy.collect.content.pool_names import pool_names
from davy.collect.facts import COLLECTOR_SECONDS, every, one, within
from davy.collect.firewalls import firewalls
from davy.collect.following import following
from davy.collect.installation import installed
from davy.collect.known_files import known_files
from davy.collect.processes import own_pids, processes
from davy.collect.renewals import caught
from davy.collect.sockets import sockets
from davy.collect.system_tools import system_tools
from davy.collect.whose import whose
from davy.collect.window import Window
from davy.host import Host, Kernel
from davy.host.packages import PackageDatabase
from davy.model.autostarts import Autostart, Followed
from davy.model.computation import Tuning
from davy.model.concealment import (
    Accounting,
    Cover,
    ModuleFile,
    ModuleTable,
    Preload,
    ProcessTable,
)
from davy.model.containers import Container
from davy.model.content import ContentHit
from davy.model.facts import Account, Gap, KnownFile, Load, Process, Renewal, Restart, Socket
from davy.model.facts import Host as HostFacts
from davy.model.gpu import GpuUse
from davy.model.mining import PoolMention
from davy.model.reach import USUAL, Reach
from davy.model.services import Firewall, Service
from davy.model.snapshot import Snapshot
from davy.model.tools import SystemTool

Fact = (
    Account | Accounting | Autostart | Container | ContentHit | Cover | Firewall | Followed | Gap | GpuUse | KnownFile
    | Load | ModuleFile | ModuleTable | Preload | PoolMention | Process | ProcessTable | Renewal | Service | Socket
    | SystemTool | Tuning
)  # fmt: skip
Collector = Callable[[Host], Iterator[Fact]]

COLLECTORS: Final[tuple[tuple[str, Collector], ...]] = (
    ("accounts", accounts),
    ("sockets", sockets),
    ("known files", known_files),
    ("preloads", preloads),
    ("gpu", gpu_uses),
    ("tuning", tuning),
    ("pool names", pool_names),
    ("firewalls", firewalls),
)
"""What is read of any root before its autostarts, in order; each is a function of the host, yielding facts and gaps."""


def survey(
    host: Host,
    window_seconds: float,
    database: PackageDatabase,
    progress: Callable[[str], None] = lambda _: None,
    restarts: tuple[Restart, ...] = (),
    reach: Reach = USUAL,
) -> Snapshot:
    """All that every scan needs of ``host``; ``progress`` hears the name of what is read.

    ``restarts`` are what an eviction has seen before this scan; the ``database`` is that of the host's packages.
    Raises `HostError`.
    """
    deep = reach.deep
    kernel = host.kernel
    began, taken = time.monotonic(), kernel.now() if kernel else time.time()
    if kernel is None:
        facts = list(_of_the_root(host, progress))
        progress("hot folders")
        facts += within(COLLECTOR_SECONDS, "content", hot_files(host, every(facts, Account), reach))
        facts = _with_what_they_start(host, facts, database, reach)
        facts += _containers(host, facts)
    else:
        progress("processes")
        shown = first_look(host, kernel)
        with Window(host, kernel, window_seconds, deep=deep) as window:
            facts = list(_of_the_root(host, progress))
            files = every(facts, ModuleFile)
            facts += within(COLLECTOR_SECONDS, "modules", module_table(host, kernel, files, deep=deep or bool(files)))
            progress("the CPU window")
            window.halfway()
            progress("hot folders")
            facts += within(COLLECTOR_SECONDS, "content", hot_files(host, every(facts, Account), reach))
            progress("what autostarts run")
            facts = _with_what_they_start(host, facts, database, reach)
            progress("the CPU window")
            window.close()
            facts += within(COLLECTOR_SECONDS, "covers", covers(host, kernel, shown))
            facts += _of_the_window(host, kernel, window, facts)
        progress("containers")
        facts = _in_containers(host, kernel, facts)
    progress("services")
    facts += _services(host, facts)
    return Snapshot(
        host=HostFacts(
            name=kernel.name if kernel else None,
            kernel=kernel.release if kernel else None,
            boot_time=kernel.boot_time if kernel else None,
            boot_id=kernel.boot_id if kernel else None,
            cpus=kernel.cpus if kernel else None,
            installed=installed(host),
        ),
        taken=taken,
        seconds=time.monotonic() - began,
        live=kernel is not None,
        own_pids=own_pids(kernel) if kernel else (),
        load=one(facts, Load),
        processes=every(facts, Process),
        restarts=restarts,
        renewals=every(facts, Renewal),
        sockets=every(facts, Socket),
        accounts=every(facts, Account),
        autostarts=every(facts, Autostart),
        followed=every(facts, Followed),
        tools=every(facts, SystemTool),
        known_files=every(facts, KnownFile),
        containers=every(facts, Container),
        services=every(facts, Service),
        firewalls=every(facts, Firewall),
        process_table=one(facts, ProcessTable),
        module_table=one(facts, ModuleTable),
        module_files=every(facts, ModuleFile),
        preloads=every(facts, Preload),
        covers=every(facts, Cover),
        accounting=one(facts, Accounting),
        gpu_uses=every(facts, GpuUse),
        tuning=one(facts, Tuning),
        content_hits=every(facts, ContentHit),
        pool_mentions=every(facts, PoolMention),
        gaps=every(facts, Gap),
    )


def _of_the_root(host: Host, progress: Callable[[str], None]) -> Iterator[Fact]:
    from davy.collect.autostarts.readers import AUTOSTARTS  # while the window passes: it takes as long as reading them
    from davy.knowledge.services import known_services

    loading = []
    for name, collector in (*COLLECTORS, *AUTOSTARTS):
        progress(name)
        for fact in within(COLLECTOR_SECONDS, name, collector(host)):
            if isinstance(fact, Autostart):
                loading.append(fact)
            yield fact
    progress("kernel modules")
    yield from within(COLLECTOR_SECONDS, "modules", module_files(host, loading))
    known_services()


def _with_what_they_start(host: Host, facts: list[Fact], database: PackageDatabase, reach: Reach) -> list[Fact]:
    """The facts, of each autostart also whose it is, and those of what they run and of the system's tools."""
    autostarts = whose(every(facts, Autostart), database)
    told = every(facts, ContentHit)
    return [
        *(fact for fact in facts if not isinstance(fact, Autostart)),
        *autostarts,
        *within(
            COLLECTOR_SECONDS,
            "autostarts",
            following(host, autostarts, every(facts, Account), told, database, reach),
        ),
        *within(COLLECTOR_SECONDS, "system tools", system_tools(host, database)),
        *(Gap("packages", "a database", why) for why in database.unread),
    ]


def _containers(host: Host, facts: Sequence[Fact]) -> list[Fact]:
    from davy.collect.containers import containers  # reads with what reads autostarts

    return list(within(COLLECTOR_SECONDS, "containers", containers(host, every(facts, Process))))


def _in_containers(host: Host, kernel: Kernel, facts: list[Fact]) -> list[Fact]:
    """The facts, those of containers too, and of each process in one the name that its user has there."""
    from davy.collect.containers import with_own_users

    found = _containers(host, facts)
    processes = with_own_users(kernel, every(facts, Process), every(found, Container))
    return [*(fact for fact in facts if not isinstance(fact, Process)), *processes, *found]


def _services(host: Host, facts: Sequence[Fact]) -> list[Fact]:
    from davy.collect.services import services  # reads with what reads autostarts

    processes, containers = every(facts, Process), every(facts, Container)
    found = services(host, processes, every(facts, Socket), containers, every(facts, Autostart))
    return list(within(COLLECTOR_SECONDS, "services", found))


def _of_the_window(host: Host, kernel: Kernel, window: Window, facts: Sequence[Fact]) -> Iterator[Fact]:
    """Who lives, what it takes, and who shows it; ``facts`` are those read while the window passed."""
    if not kernel.procfs.own and os.geteuid() == 0:
        yield Gap("processes", "/proc", "a procfs of our own was refused; the mounted one may be covered")
    yield from window.gaps
    yield window.load()
    users = {account.uid: account.name for account in reversed(every(facts, Account))}
    found: list[Process] = []
    for row in processes(kernel, window.first, window.last, users):
        if isinstance(row, Process):
            found.append(row)
        yield row
    renewals = tuple(window.looks.renewals())
    yield from renewals
    yield from caught(kernel, window.first, renewals, found, users)
    covered = frozenset(cover.pid for cover in every(facts, Cover) if cover.pid is not None)
    table = process_table(
        kernel, window.sightings(), window.last.stats, covered=covered, start=host.start, uncounted=window.uncounted
    )
    yield table
    if isinstance(table, ProcessTable) and table.unconfirmed:
        yield Gap(
            "processes", f"{table.unconfirmed} that some view leaves out", "too many to be held and looked at again"
        )
    hidden = {row.pid for row in table.hidden} if isinstance(table, ProcessTable) else set()
    yield window.accounting(found, hidden)
