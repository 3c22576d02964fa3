"""Davy's reading of ``/proc`` against a C loop over the very same files."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from davy.collect.processes import processes, sweep
from davy.host import HostError, LiveKernel
from davy.host.procfs import LiveProcfs


class Reading(NamedTuple):
    """CPU seconds for the same files, each time by a procfs that was just mounted and has nothing in its caches."""

    floor_seconds: float
    """The C loop."""
    read_seconds: float
    """`LiveProcfs.read` and `LiveProcfs.link`."""
    survey_seconds: float
    """The survey's own functions, which also parse what they read."""


class _Listening(LiveProcfs):
    """A procfs that writes down what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def read(self, path: str, limit: int = 16_384) -> bytes:
        self.asked.append(("r", path))
        return super().read(path, limit)

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes | HostError]:
        self.asked += [("r", path) for path in paths]
        return super().read_each(paths)

    def link(self, path: str) -> str:
        self.asked.append(("l", path))
        return super().link(path)


def asked() -> list[tuple[str, str]]:
    """What the survey reads of all processes: ``r`` for a file or ``l`` for a link, and the path, in order."""
    procfs = _Listening()
    _survey(procfs)
    return procfs.asked


def _survey(procfs: LiveProcfs) -> float:
    kernel = LiveKernel()
    kernel.procfs = procfs
    started = time.process_time()
    before, after = sweep(kernel), sweep(kernel)
    for _ in processes(kernel, before, after, {}):
        pass
    return time.process_time() - started


def _read(paths: Sequence[tuple[str, str]]) -> float:
    procfs = LiveProcfs()
    read, link = procfs.read, procfs.link
    started = time.process_time()
    for kind, path in paths:
        try:
            if kind == "l":
                link(path)
            else:
                read(path)
        except HostError:
            continue
    return time.process_time() - started


def _floor(program: str, paths: Sequence[tuple[str, str]]) -> float:
    procfs = LiveProcfs()
    lines = "".join(f"{kind} {path}\n" for kind, path in paths)
    run = subprocess.run(
        [program, str(procfs.fd)], input=lines, pass_fds=[procfs.fd], capture_output=True, text=True, check=True
    )
    return float(run.stdout.split()[0])


def reading(program: str, paths: Sequence[tuple[str, str]]) -> Reading:
    """One round of all three; ``program`` is ``floor.c``, compiled."""
    return Reading(_floor(program, paths), _read(paths), _survey(LiveProcfs()))
