"""Programs that keep appearing under new pids, so that no sampling by pid ever sees them burn.

A miner that forks every few milliseconds and lets its parent exit has no CPU time of its own: what it takes
is seen by looking at the process list many times while the window passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.collect.processes import Sweep
from davy.host import HostError, Kernel
from davy.host.stat import Stat, parse_exe, parse_stat
from davy.model.facts import PF_KTHREAD, Renewal

_BETWEEN_LOOKS: Final = 0.05
_NEW_PIDS_LIMIT: Final = 256
_LEAST_PIDS: Final = 4
"""So many pids of one program, each gone at a later look, make a renewal."""


class Looks:
    """The looks taken while one window passes."""

    def __init__(self, kernel: Kernel, first: Sweep) -> None:
        self._kernel = kernel
        self._known = set(first.stats)
        self._sightings: dict[str, list[tuple[int, str]]] = {}
        self._count = 0

    def _sight(self, pid: int, stat: Stat) -> None:
        path = parse_exe(self._kernel.procfs.link(f"{pid}/exe")).path
        self._sightings.setdefault(path, []).append((pid, stat.state))

    def until(self, uptime: float) -> None:
        """Look again and again until the clock of process start times shows ``uptime``."""
        procfs = self._kernel.procfs
        while True:
            self._count += 1
            listed = set(procfs.pids())
            for pid in sorted(listed - self._known)[-_NEW_PIDS_LIMIT:]:
                try:
                    stat = parse_stat(procfs.read(f"{pid}/stat"))
                    if not stat.flags & PF_KTHREAD:
                        self._sight(pid, stat)
                except HostError:
                    continue
            self._known |= listed
            left = uptime - self._kernel.uptime()
            if left <= 0:
                return
            self._kernel.sleep(min(_BETWEEN_LOOKS, left))

    def renewals(self) -> Iterator[Renewal]:
        """The programs seen under several pids that are gone by now."""
        for path, seen in self._sightings.items():
            pids = tuple(pid for pid, _ in seen)
            if len(pids) >= _LEAST_PIDS and sum(not self._lives(pid) for pid in pids) >= _LEAST_PIDS:
                yield Renewal(
                    path=path,
                    pids=pids,
                    running=sum(state == "R" for _, state in seen),
                    sightings=len(seen),
                    looks=self._count,
                )

    def _lives(self, pid: int) -> bool:
        """Not gone, and not only waiting to be reaped."""
        try:
            return parse_stat(self._kernel.procfs.read(f"{pid}/stat")).state not in "ZX"
        except HostError:
            return False
