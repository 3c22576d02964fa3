"""Who is asked for the costliest facts: the examined processes that burn CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.model.facts import Process
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_LEAST_CORES: Final = 0.4
"""Somewhat less than what counts as burning: a busy machine's numbers move."""


def wanted(snapshot: Snapshot, process: Process) -> float:
    """Cores that a process wanted within the window; 0 for kernel threads, for Davy's own and for what nobody knows."""
    if snapshot.load is None or snapshot.load.window_seconds <= 0.0 or process.window_cpu_seconds is None:
        return 0.0
    if process.kernel_thread or process.pid in snapshot.own_pids:
        return 0.0
    return (process.window_cpu_seconds + (process.window_wait_seconds or 0.0)) / snapshot.load.window_seconds


def burns(snapshot: Snapshot, process: Process) -> bool:
    return wanted(snapshot, process) >= _LEAST_CORES


def burners(snapshot: Snapshot, most: int) -> Iterator[Process]:
    """At most so many of the processes that have details and burn, the greediest first."""
    examined = lookup(snapshot).detail
    found = [each for each in snapshot.processes if each.subject in examined and burns(snapshot, each)]
    yield from sorted(found, key=lambda process: (-wanted(snapshot, process), process.pid))[:most]
