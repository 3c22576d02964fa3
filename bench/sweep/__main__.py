"""Prints one table of figures, each beside its budget where it has one."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.compiled import compiled
from bench.figures import Figure, row
from davy.host import steps as pure
from davy.host import sweeps

_PID_MAX: Final = Path("/proc/sys/kernel/pid_max")
_ORDINARY: Final = 32_768
"""What ``kernel.pid_max`` is on a machine with few CPUs."""

_KINDS: Final[dict[str, sweeps.Steps]] = {"Python": pure}
if sweeps.steps is not pure:
    _KINDS["native"] = sweeps.steps


@contextmanager
def _pid_max(value: int) -> Iterator[None]:
    """``kernel.pid_max`` as it is asked for, and at the end as it was."""
    before = _PID_MAX.read_text()
    _PID_MAX.write_text(str(value))
    try:
        yield
    finally:
        _PID_MAX.write_text(before)


def _floor(program: str, last: int) -> float:
    run = subprocess.run([program, str(last)], capture_output=True, text=True, check=True)
    return float(run.stdout.split()[0])


def _davy(kind: str, last: int) -> float:
    sweeps.steps = _KINDS[kind]
    started = time.perf_counter()
    living = sweeps.living_pids(1, last)
    seconds = time.perf_counter() - started
    if os.getpid() not in living.pids or living.end != last + 1:
        raise SystemExit("bench.sweep: the sweep is not whole")
    return seconds


def _unhide(program: str) -> float:
    """Its status is not looked at: it ends 1 for what it takes for hidden."""
    started = time.perf_counter()
    subprocess.run([program, "quick"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def _full(floor: str, rounds: int) -> Iterator[Figure]:
    c: list[float] = []
    davy: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for _ in range(rounds):
        c.append(_floor(floor, sweeps.PID_LIMIT))
        for kind, seconds in davy.items():
            seconds.append(_davy(kind, sweeps.PID_LIMIT))
    least = Figure.of("a C loop of pidfd_open", c, "s")
    yield least
    for kind, seconds in davy.items():
        figure = Figure.of(f"Davy, {kind} steps", seconds, "s")
        yield figure
        yield figure.times("the same, times C", least, 1.2 if kind == "native" else None)


def _beside(program: str, rounds: int) -> Iterator[Figure]:
    """unhide over the same pid space, and Davy right after it."""
    with _pid_max(sweeps.PID_LIMIT):
        unhide = Figure.of("unhide quick", [_unhide(program)], "s")
    yield unhide
    for kind in _KINDS:
        davy = Figure.of("", [_davy(kind, sweeps.PID_LIMIT) for _ in range(rounds)], "s")
        yield unhide.times(f"the same, times Davy, {kind}", davy, 30 if kind == "native" else None, at_least=True)


def _ordinary(rounds: int) -> Iterator[Figure]:
    for kind in _KINDS:
        milliseconds = [_davy(kind, _ORDINARY) * 1e3 for _ in range(rounds)]
        yield Figure.of(f"{_ORDINARY:,} ids: Davy, {kind} steps", milliseconds, "ms", 1000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each but unhide, which runs once (5)")
    parser.add_argument(
        "--unhide", action="store_true", help=f"unhide quick, too; kernel.pid_max is {sweeps.PID_LIMIT} meanwhile"
    )
    options = parser.parse_args()
    unhide = shutil.which("unhide") if options.unhide else None
    if options.unhide and unhide is None:
        raise SystemExit("bench.sweep: there is no unhide on the search path")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that kernel.pid_max is put back
    print(
        f"{sweeps.PID_LIMIT:,} ids, {os.cpu_count()} CPUs, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )
    print(row("", "best", "median", "budget"), flush=True)
    with compiled(Path(__file__).with_name("floor.c")) as (floor,):
        for figure in _full(floor, options.rounds):
            print(figure, flush=True)
    for figure in _ordinary(max(options.rounds, 10)):
        print(figure, flush=True)
    if unhide:
        for figure in _beside(unhide, options.rounds):
            print(figure, flush=True)


main()
