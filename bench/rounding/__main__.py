"""What it costs to read the rounding of running threads: one stop, a whole look, and what the burner loses by it."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path
from typing import Final

from bench.compiled import compiled
from bench.figures import Figure, row
from davy.collect.examine import EXAMINERS
from davy.host import live, tracing
from davy.host.stat import parse_stat
from davy.model.reach import Reach
from davy.scan import scan

_ROUNDS: Final = 9
_SOURCE: Final = Path(__file__).parents[2] / "tests" / "live" / "randomx" / "burner.c"
_STOPS: Final = 500


class _Timed:
    """How long each thread stood still: from the stop that was seen to the detach, and from the question on."""

    def __init__(self) -> None:
        self.asked: dict[int, float] = {}
        self.seconds: list[float] = []

    def interrupt(self, thread: int) -> None:
        self.asked[thread] = time.perf_counter()
        _interrupt(thread)

    def detach(self, thread: int, signal: int) -> None:
        _detach(thread, signal)
        self.seconds.append(time.perf_counter() - self.asked[thread])


_interrupt, _detach = tracing.ptrace_interrupt, tracing.ptrace_detach


def _stops(pid: int) -> list[float]:
    kernel = live().kernel
    assert kernel is not None
    timed = _Timed()
    tracing.ptrace_interrupt, tracing.ptrace_detach = timed.interrupt, timed.detach
    try:
        start = parse_stat(kernel.procfs.read(f"{pid}/stat")).start_ticks
        turns = tracing.Turns(0.001, lambda *_: False, _STOPS)
        kernel.rounding([tracing.Tracee(pid, start, (pid,))], turns, 30.0)
    finally:
        tracing.ptrace_interrupt, tracing.ptrace_detach = _interrupt, _detach
    return [seconds * 1e3 for seconds in timed.seconds]


def _looks() -> list[float]:
    host, examiner = live(), dict(EXAMINERS)["rounding"]
    snapshot, _ = scan(host, reach=Reach(ptrace=False))
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        list(examiner(host, snapshot, Reach()))
        seconds.append((time.perf_counter() - began) * 1e3)
    return seconds


def _work(program: str, pause: float | None) -> float:
    """Seconds of CPU time and waiting that a fixed piece of work takes, while it is sampled for all its life or not."""
    began = time.perf_counter()
    burner = subprocess.Popen([program, "once", "1", "3000000"], stdout=subprocess.DEVNULL)
    kernel = live().kernel
    assert kernel is not None
    if pause is not None:
        start = parse_stat(kernel.procfs.read(f"{burner.pid}/stat")).start_ticks
        turns = tracing.Turns(pause, lambda *_: False, 1 << 30)
        kernel.rounding([tracing.Tracee(burner.pid, start, (burner.pid,))], turns, 60.0)
    burner.wait()
    return time.perf_counter() - began


def main() -> None:
    print(f"{os.cpu_count()} CPUs, Linux {platform.release()}, Python {platform.python_version()}")
    print(row("", "best", "median", "budget"), flush=True)
    with compiled(_SOURCE) as (program,):
        burners = [subprocess.Popen([program, kind], stdout=subprocess.DEVNULL) for kind in ("all", "none")]
        try:
            time.sleep(0.2)
            stops = _stops(burners[0].pid)
            print(Figure.of("one stop, seen to end", stops, "ms", 0.2))
            slowest = statistics.quantiles(stops, n=100)[98]
            print(f"{'  mean, and the slowest of 100':34}{statistics.mean(stops):8.3f} ms {slowest:8.3f} ms")
            print(Figure.of("a look at two burners", _looks(), "ms", 150), flush=True)
        finally:
            for one in burners:
                one.kill()
                one.wait()
        left = Figure.of("fixed work, left alone", [_work(program, None) for _ in range(3)], "s")
        asked = Figure.of("the same, sampled every 2 ms", [_work(program, 0.002) for _ in range(3)], "s")
        print(left, asked, asked.times("  times as long", left, 1.1), sep="\n")


main()
