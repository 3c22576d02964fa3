"""Behaviour: what a process does to the CPUs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.rule import Observation, detector
from davy.model.facts import Process
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

BURNING_CORES: Final = 0.5
"""From so many cores on a process counts as burning; the same is asked of what it got and waited for."""


def wanted_cores(snapshot: Snapshot, process: Process) -> float:
    """Cores that a process used within the window, or would have used had others not been ahead of it."""
    if snapshot.load is None or snapshot.load.window_seconds <= 0.0 or process.window_cpu_seconds is None:
        return 0.0
    waited = process.window_wait_seconds or 0.0
    return (process.window_cpu_seconds + waited) / snapshot.load.window_seconds


def life_cores(snapshot: Snapshot, process: Process) -> float:
    """Cores on average over a process's whole life: used, or waited for by its threads as far as is known."""
    age = snapshot.taken + snapshot.seconds - process.start_time
    detail = lookup(snapshot).detail.get(process.subject)
    waited = sum(thread.waited_seconds for thread in detail.thread_loads) if detail else 0.0
    return (process.cpu_seconds + waited) / age if age >= 1.0 else 0.0


@detector("behaviour.cpu-load", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def cpu_load(snapshot: Snapshot) -> Iterator[Observation]:
    """A process burns CPU.

    Half a core or more within the window, counting time it was ready to run but others ran; one more bit
    when it has done so all its life, be it seconds or months.  Every honest heavy job does the same, so this
    counts only beside other aspects.
    """
    for process in snapshot.processes:
        wanted = wanted_cores(snapshot, process)
        if process.kernel_thread or wanted < BURNING_CORES or process.pid in snapshot.own_pids:
            continue
        used, average = process.window_cpu_seconds or 0.0, life_cores(snapshot, process)
        window = snapshot.load.window_seconds if snapshot.load else 1.0
        evidence = [f"{used / window:.2f} cores over {window:.1f} s", f"{average:.2f} cores over its life"]
        if process.window_wait_seconds:
            evidence.append(f"waited {process.window_wait_seconds:.2f} s for a CPU within the window")
        yield Observation(
            subject=process.subject,
            degree="all its life" if average >= BURNING_CORES else "now",
            summary=f"burns {wanted:.1f} cores" + (", and has all its life" if average >= BURNING_CORES else ""),
            evidence=tuple(evidence),
        )


@detector("behaviour.renews-itself", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def renews_itself(snapshot: Snapshot) -> Iterator[Observation]:
    """A program keeps running under ever new pids, each gone after a moment.

    A miner that forks and lets its parent exit slips through everything that measures by pid.  Compilers and
    scripts start many short processes too, but of programs that a package owns and for a parent that stays.
    """
    for renewal in snapshot.renewals:
        share = renewal.running / renewal.looks if renewal.looks else 0.0
        if share < BURNING_CORES:
            continue
        for process in snapshot.processes:
            if process.exe_path == renewal.path and process.window_cpu_seconds is None:
                yield Observation(
                    subject=process.subject,
                    summary=f"renews itself: {len(renewal.pids)} pids within the window",
                    evidence=(
                        f"{renewal.path} seen under {len(renewal.pids)} pids in {renewal.looks} looks, "
                        f"running in {renewal.running} of {renewal.sightings} sightings",
                    ),
                )
