"""What one run of a program costs, as the kernel accounts for it.  Source: wait4(2), getrusage(2)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import NamedTuple


class Cost(NamedTuple):
    """One run; the start and the end of an interpreter are in it."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time."""
    peak_bytes: int
    """Of resident memory; never less than the measuring process had itself when it started this one."""


def cost(command: list[str], environment: Mapping[str, str]) -> Cost:
    """Run a program to its end, its output thrown away.  Its status is not looked at: a scan ends 1 for a miner."""
    nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, environment, file_actions=nowhere)
    _, _, usage = os.wait4(pid, 0)
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


def costs(command: list[str], environment: Mapping[str, str], rounds: int) -> list[Cost]:
    """Several runs, one after the other."""
    return [cost(command, environment) for _ in range(rounds)]
