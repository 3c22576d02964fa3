"""Who is asked for the costliest facts: the examined processes that burn CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.model.facts import Process
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_LEAST_CORES: Final = 0.4
"""Somewhat less than what counts as burning: a busy machine's numbers move."""


def burners(snapshot: Snapshot, most: int) -> Iterator[Process]:
    """At most so many of the processes that have details and want CPU, the greediest first; never Davy's own."""
    if snapshot.load is None or snapshot.load.window_seconds <= 0.0:
        return
    examined = lookup(snapshot).detail
    wants = {
        process: (process.window_cpu_seconds + (process.window_wait_seconds or 0.0)) / snapshot.load.window_seconds
        for process in snapshot.processes
        if process.window_cpu_seconds is not None and process.subject in examined
        if not process.kernel_thread and process.pid not in snapshot.own_pids
    }
    greedy = sorted(wants, key=lambda process: (-wants[process], process.pid))
    yield from [process for process in greedy if wants[process] >= _LEAST_CORES][:most]
