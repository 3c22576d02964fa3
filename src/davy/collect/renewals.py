"""Programs that keep appearing under new pids, so that no sampling by pid ever sees them burn.

A miner that forks every few milliseconds and lets its parent exit has no CPU time of its own: what it takes
is seen by looking at the process list many times while the window passes.

Source: proc_stat(5), "processes".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from davy.collect.processes import Sweep, processes
from davy.host import HostError, Kernel
from davy.host.procfs import FILE_LIMIT
from davy.host.stat import Stat, parse_exe, parse_stat
from davy.model.facts import PF_KTHREAD, Process, Renewal

_BETWEEN_LOOKS: Final = 0.05
_NEW_PIDS_LIMIT: Final = 256
_LEAST_PIDS: Final = 4
"""So many pids of one program, each gone at a later look, make a renewal."""
_CATCH_SECONDS: Final = 0.25
_BETWEEN_CATCHES: Final = 0.002


class Looks:
    """The looks taken while one window passes."""

    def __init__(self, kernel: Kernel, first: Sweep) -> None:
        self._kernel = kernel
        self._known = set(first.stats)
        self._sightings: dict[str, list[tuple[int, str]]] = {}
        self._count = 0
        self._forks = b""

    def _sight(self, pid: int, stat: Stat) -> None:
        path = parse_exe(self._kernel.procfs.link(f"{pid}/exe")).path
        self._sightings.setdefault(path, []).append((pid, stat.state))

    def until(self, uptime: float) -> None:
        """Look again and again until the clock of process start times shows ``uptime``."""
        while True:
            self._count += 1
            if self._forked():
                self._look()
            left = uptime - self._kernel.uptime()
            if left <= 0:
                return
            self._kernel.sleep(min(_BETWEEN_LOOKS, left))

    def _forked(self) -> bool:
        """Whether anything was created since this was last asked, as far as the kernel says.

        It counts every clone(2), also one that chooses its pid.  Asking costs a tenth of a listing.
        """
        try:
            data = self._kernel.procfs.read("stat", FILE_LIMIT)
        except HostError:
            return True
        forks = data.partition(b"\nprocesses ")[2].partition(b"\n")[0]
        changed = forks != self._forks or not forks
        self._forks = forks
        return changed

    def _look(self) -> None:
        procfs = self._kernel.procfs
        listed = set(procfs.pids())
        for pid in sorted(listed - self._known)[-_NEW_PIDS_LIMIT:]:
            try:
                stat = parse_stat(procfs.read(f"{pid}/stat"))
                if not stat.flags & PF_KTHREAD:
                    self._sight(pid, stat)
            except HostError:
                continue
        self._known |= listed

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


def caught(
    kernel: Kernel, first: Sweep, renewals: Iterable[Renewal], found: Iterable[Process], users: dict[int, str]
) -> Iterator[Process]:
    """A living process of each program that renews itself and is not among those ``found``.

    Reading all processes in their turn takes longer than one of its pids lives.  So the pids that are new since the
    window began are looked through, and the right one is read at once.
    """
    missed = {renewal.path for renewal in renewals} - {process.exe_path for process in found}
    deadline = kernel.uptime() + _CATCH_SECONDS
    while missed and kernel.uptime() < deadline:
        for pid in set(kernel.procfs.pids()) - first.stats.keys():
            try:
                if parse_exe(kernel.procfs.link(f"{pid}/exe")).path not in missed:
                    continue
                now = Sweep(kernel.uptime(), {pid: parse_stat(kernel.procfs.read(f"{pid}/stat"))}, {})
            except HostError:
                continue
            for row in processes(kernel, first, now, users):
                if isinstance(row, Process) and row.cmdline and row.exe_path in missed:
                    missed.discard(row.exe_path)
                    yield row
        kernel.sleep(_BETWEEN_CATCHES)
