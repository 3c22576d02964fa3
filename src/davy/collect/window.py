"""The CPU window: what is looked at when it opens, half-way, and when it closes, and who is watched meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Final

from davy.collect.concealment.accounting import Reading, accounting, groups_of, passed
from davy.collect.concealment.views import Sightings, sightings
from davy.collect.processes import Sweep, sweep
from davy.collect.renewals import Looks
from davy.host import Host, HostError, Kernel
from davy.host.cgroups import Groups
from davy.host.cpu_samples import UNKNOWN, CpuSampler
from davy.host.exits import ExitRecords
from davy.host.stat import parse_schedstat
from davy.host.totals import CpuTimes, parse_totals
from davy.model.concealment import Accounting, View
from davy.model.facts import Gap, Load, Process

_STAT_LIMIT: Final = 1 << 20
_LEAST_SHARE: Final = 0.25
"""Both parts of the window last at least so much of it, however long other things took."""


class Window:
    """One window.  Opened with the first look at all processes; use it in ``with``."""

    def __init__(self, host: Host, kernel: Kernel, seconds: float, *, deep: bool) -> None:
        """Raises `HostError` when not even processes can be listed."""
        self._host, self._kernel, self._seconds = host, kernel, seconds
        self.gaps: list[Gap] = []
        self._exits: ExitRecords | None = None
        self._sampler: CpuSampler | None = None
        self._open()
        self._own_wait = _own_wait(kernel)
        groups = self._groups(threads=deep)
        self._seen = sightings(kernel, groups, deep=deep)
        self.gaps += self._seen.gaps
        self._beside = self._seen.everyone - frozenset(kernel.procfs.pids())
        """Who is alive to the kernel, and in no listing."""
        self._readings = [self._reading(groups)]
        self.looks = Looks(kernel, self.first)

    def _open(self) -> None:
        if not self._kernel.first_pid_namespace:
            return
        try:
            self._exits = self._kernel.exits()
        except HostError as error:
            self.gaps.append(Gap("accounting", "CPU time of processes that end", str(error)))
        try:
            self._sampler = self._kernel.sampler()
            self._sampler.start()
        except HostError as error:
            self.gaps.append(Gap("accounting", "who is on a CPU", str(error)))

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in (self._exits, self._sampler):
            if subscription is not None:
                subscription.close()

    @property
    def first(self) -> Sweep:
        return self._readings[0].sweep

    @property
    def last(self) -> Sweep:
        return self._readings[-1].sweep

    def halfway(self) -> None:
        """Wait for the middle of the window, if it has not passed, and read the accounts."""
        self.looks.until(self.first.uptime + self._seconds / 2)
        self._readings.append(self._reading(None))

    def close(self) -> None:
        """Wait for its end, and look at all processes again."""
        end = max(self.first.uptime + self._seconds, self.last.uptime + self._seconds * _LEAST_SHARE)
        self.looks.until(end)
        self._readings.append(self._reading(self._groups()))

    def _groups(self, *, threads: bool = False) -> Groups | None:
        try:
            return self._kernel.groups(threads=threads)
        except HostError as error:
            self.gaps.append(Gap("views", "control groups", str(error)))
            return None

    def _reading(self, groups: Groups | None) -> Reading:
        kernel = self._kernel
        totals = parse_totals(kernel.procfs.read("stat", _STAT_LIMIT))
        uptime = kernel.uptime()
        claimed = self._claimed()
        counted = self._threads()
        now = sweep(kernel, self._beside)
        counted = min(counted, self._threads())
        came = parse_totals(kernel.procfs.read("stat", _STAT_LIMIT)).forks - totals.forks
        exits = self._exits
        records = tuple(exits.drain()) if exits is not None else ()
        return Reading(
            uptime=uptime,
            totals=totals,
            claimed=claimed,
            sweep=now,
            exits=None if exits is None or exits.lost else records,
            usage={group.path: group.cpu_seconds for group in groups.groups if group.cpu_seconds is not None}
            if groups
            else {},
            samples=self._sampler.samples() if self._sampler is not None else None,
            uncounted=max(counted - sum(stat.threads for stat in now.stats.values()) - came, 0),
        )

    def _claimed(self) -> CpuTimes | None:
        """What the ordinary ``/proc/stat`` claims; what may never answer is not asked."""
        try:
            return parse_totals(self._host.root.read("/proc/stat", _STAT_LIMIT)).whole
        except HostError:
            return None

    def _threads(self) -> int:
        """How many the kernel counts; 0 where it counts those of others, too."""
        if not self._kernel.first_pid_namespace:
            return 0
        try:
            return self._kernel.thread_count()
        except HostError:
            return 0

    @property
    def uncounted(self) -> int:
        """Threads that the kernel counted each time, and no process that was seen has."""
        return min(reading.uncounted for reading in self._readings)

    def sightings(self) -> Sightings:
        """Whom the kernel's own views showed when the window opened, and who was found on a CPU since."""
        found = [reading.samples for reading in self._readings[1:] if reading.samples is not None]
        if not found:
            return self._seen
        sampled = frozenset(
            pid for samples in found for pid, tid in samples.counts if pid > 0 and (pid, tid) != UNKNOWN
        )
        return self._seen._replace(by_view={**self._seen.by_view, View.SAMPLED: sampled})

    def load(self) -> Load:
        """What the CPUs did while the window passed."""
        first, last = self._readings[0], self._readings[-1]
        seconds = max(last.uptime - first.uptime, 1e-3)
        times = passed(first.totals.whole, last.totals.whole)
        busy = (times.passed - times.idle - times.iowait) / self._kernel.ticks_per_second
        return Load(window_seconds=seconds, busy_cores=busy / seconds, pressure_percent=self._pressure())

    def _pressure(self) -> float | None:
        try:
            some = self._kernel.procfs.read("pressure/cpu").split(b"\n")[0].split()
            return next((float(field[6:]) for field in some if field.startswith(b"avg10=")), None)
        except (HostError, ValueError):
            return None  # a kernel without pressure stall information

    def accounting(self, processes: Sequence[Process], hidden: AbstractSet[int]) -> Accounting | Gap:
        """CPU time against its owners.  ``hidden`` processes own nothing."""
        kernel = self._kernel
        if not kernel.first_pid_namespace:
            what = "CPU time that no visible process owns"
            return Gap("accounting", what, "in a container: the kernel's totals are the whole machine's")
        return accounting(
            self._readings,
            cpus=kernel.cpus,
            ticks_per_second=kernel.ticks_per_second,
            hidden=hidden,
            groups=groups_of(self._readings, processes, hidden),
            yardstick=_waited(self._own_wait, _own_wait(kernel)),
            own=kernel.procfs.own,
        )


def _own_wait(kernel: Kernel) -> tuple[float, float] | None:
    """What Davy itself has used and waited for."""
    try:
        return parse_schedstat(kernel.procfs.read("self/schedstat"))
    except (HostError, ValueError, IndexError):
        return None


def _waited(before: tuple[float, float] | None, after: tuple[float, float] | None) -> float | None:
    """The share of the time in which Davy wanted a CPU that it had to wait for one."""
    if before is None or after is None:
        return None
    used, waited = after[0] - before[0], after[1] - before[1]
    return waited / (used + waited) if used + waited > 0.0 else None
