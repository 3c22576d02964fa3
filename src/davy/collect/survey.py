"""The first pass: what every scan needs, taken while the CPU window passes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from davy.collect.accounts import accounts
from davy.collect.autostarts import anacron_lines, at_jobs, cron_lines, cron_scripts, systemd_units
from davy.collect.known_files import known_files
from davy.collect.modules import module_table
from davy.collect.preloads import preloads
from davy.collect.processes import Sweep, own_pids, processes, sweep
from davy.collect.renewals import Looks, caught
from davy.collect.sockets import sockets
from davy.collect.views import process_table
from davy.host import Host, HostError, Kernel
from davy.model.concealment import ModuleTable, Preload, ProcessTable
from davy.model.facts import Account, Autostart, Gap, KnownFile, Load, Process, Renewal, Restart, Socket
from davy.model.facts import Host as HostFacts
from davy.model.snapshot import Snapshot

Fact = Account | Autostart | KnownFile | Preload | Socket | Gap
Collector = Callable[[Host], Iterator[Fact]]

COLLECTORS: Final[tuple[tuple[str, Collector], ...]] = (
    ("accounts", accounts),
    ("cron", cron_lines),
    ("cron", cron_scripts),
    ("anacron", anacron_lines),
    ("at", at_jobs),
    ("systemd", systemd_units),
    ("sockets", sockets),
    ("known files", known_files),
    ("preloads", preloads),
)
"""Everything that is read besides processes, in order.  Each is a function of the host that yields facts and gaps."""

COLLECTOR_SECONDS: Final = 10.0
"""How long one collector may take before what is left of it becomes a gap."""


def within(seconds: float, name: str, facts: Iterable[Fact]) -> Iterator[Fact]:
    """The facts of one collector until its time is over."""
    deadline = time.monotonic() + seconds
    try:
        for fact in facts:
            yield fact
            if time.monotonic() > deadline:
                yield Gap(name, "the rest", f"took longer than {seconds:g} s")
                return
    except HostError as error:
        yield Gap(name, "the rest", str(error))


def _load(kernel: Kernel, busy_before: float, busy_after: float, seconds: float) -> Load:
    pressure = None
    try:
        first = kernel.procfs.read("pressure/cpu").split(b"\n")[0].split()
        pressure = next((float(field[6:]) for field in first if field.startswith(b"avg10=")), None)
    except (HostError, ValueError):
        pass  # a kernel without pressure stall information
    return Load(
        window_seconds=seconds,
        busy_cores=max(busy_after - busy_before, 0.0) / seconds if seconds > 0 else 0.0,
        pressure_percent=pressure,
    )


def _busy_seconds(kernel: Kernel) -> float:
    """CPU time that was neither idle nor waiting for a disk, all CPUs added up."""
    fields = [int(field) for field in kernel.procfs.read("stat").split(b"\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / kernel.ticks_per_second


def survey(
    host: Host,
    window_seconds: float,
    progress: Callable[[str], None] = lambda _: None,
    restarts: tuple[Restart, ...] = (),
) -> Snapshot:
    """All that every scan needs of ``host``; ``progress`` hears the name of what is read.

    ``restarts`` are what an eviction has seen before this scan.  Raises `HostError`.
    """
    started, taken = time.monotonic(), host.kernel.now() if host.kernel else time.time()
    kernel = host.kernel
    first: Sweep | None = None
    looks: Looks | None = None
    busy_before = 0.0
    if kernel:
        progress("processes")
        busy_before = _busy_seconds(kernel)
        first = sweep(kernel)
        looks = Looks(kernel, first)
    facts: list[Fact] = []
    for name, collector in COLLECTORS:
        progress(name)
        facts += within(COLLECTOR_SECONDS, name, collector(host))
    gaps = [fact for fact in facts if isinstance(fact, Gap)]
    found: tuple[Process, ...] = ()
    renewals: tuple[Renewal, ...] = ()
    load, processes_seen, modules_seen = None, None, None
    if kernel and first and looks:
        if not kernel.procfs.own and os.geteuid() == 0:
            gaps.append(Gap("processes", "/proc", "a procfs of our own was refused; the mounted one may be covered"))
        progress("the CPU window")
        processes_seen, modules_seen = process_table(host, kernel), module_table(host, kernel)
        looks.until(first.uptime + window_seconds)
        last = sweep(kernel)
        load = _load(kernel, busy_before, _busy_seconds(kernel), max(last.uptime - first.uptime, 1e-3))
        users = {fact.uid: fact.name for fact in reversed(facts) if isinstance(fact, Account)}
        rows = list(processes(kernel, first, last, users))
        renewals = tuple(looks.renewals())
        found = tuple(row for row in rows if isinstance(row, Process))
        found += tuple(caught(kernel, first, renewals, found, users))
        gaps += [row for row in rows if isinstance(row, Gap)]
        gaps += [view for view in (processes_seen, modules_seen) if isinstance(view, Gap)]
    return Snapshot(
        host=HostFacts(
            name=kernel.name if kernel else None,
            kernel=kernel.release if kernel else None,
            boot_time=kernel.boot_time if kernel else None,
            boot_id=kernel.boot_id if kernel else None,
            cpus=kernel.cpus if kernel else None,
        ),
        taken=taken,
        seconds=time.monotonic() - started,
        live=kernel is not None,
        own_pids=own_pids(kernel) if kernel else (),
        load=load,
        processes=found,
        restarts=restarts,
        renewals=renewals,
        sockets=tuple(fact for fact in facts if isinstance(fact, Socket)),
        accounts=tuple(fact for fact in facts if isinstance(fact, Account)),
        autostarts=tuple(fact for fact in facts if isinstance(fact, Autostart)),
        known_files=tuple(fact for fact in facts if isinstance(fact, KnownFile)),
        preloads=tuple(fact for fact in facts if isinstance(fact, Preload)),
        process_table=processes_seen if isinstance(processes_seen, ProcessTable) else None,
        module_table=modules_seen if isinstance(modules_seen, ModuleTable) else None,
        gaps=tuple(gaps),
    )
