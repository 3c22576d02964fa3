"""CPU time that passed, against CPU time that somebody owns.

Whatever hides its processes still burns CPU: what the CPUs were not idle for, less what every visible process took,
less what processes that ended took, is owned by nobody who was seen.

Busy is what was not idle: the kernel measures idle time by the clock, while what it books as user and system time it
samples at its ticks.  Source: proc_stat(5), Documentation/timers/no_hz.rst, Documentation/accounting/taskstats.rst.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from davy.collect.processes import Sweep
from davy.host.cpu_samples import Samples
from davy.host.exits import ExitRecord
from davy.host.stat import Stat
from davy.host.stat import ended as has_ended
from davy.host.totals import CpuTimes, Totals
from davy.model.concealment import Accounting, GroupShare, Interval
from davy.model.facts import Process

_TICK_SPREAD: Final = 3 * 0.41
"""What three standard deviations of a difference of two times are, in the ticks to which both were cut off."""
_TEARDOWN_SECONDS: Final = 0.001
"""What a process may still take to let go of its memory after its exit record was written."""
_GENERATIONS: Final = 64
_GROUP_LEAST: Final = 0.1
"""A control group with less CPU time that nobody owns than so many cores is not named."""


class Reading(NamedTuple):
    """What the accounts show at one moment."""

    uptime: float
    totals: Totals
    """By Davy's own procfs."""
    claimed: CpuTimes | None
    """By the ordinary ``/proc/stat``; None where it cannot be read, or is no such file."""
    sweep: Sweep
    exits: tuple[ExitRecord, ...] | None
    """Threads that ended since the reading before; None when the kernel does not tell, or some were lost."""
    usage: Mapping[str, float]
    """CPU seconds of each control group with those below it."""
    samples: Samples | None
    """Who was found on a CPU since the reading before."""
    uncounted: int = 0
    """Threads that the kernel counts and the sweep has not, as far as they did not come meanwhile."""


class _Owned(NamedTuple):
    """CPU seconds between two readings."""

    owned: float
    spread: float
    """What the rounding of each process's time may add."""
    unsure: float
    later: tuple[ExitRecord, ...]
    """Threads of processes that are still there, which the next interval has to account for."""


def accounting(
    readings: Sequence[Reading],
    *,
    cpus: int,
    ticks_per_second: int,
    hidden: AbstractSet[int],
    groups: tuple[GroupShare, ...] = (),
    yardstick: float | None = None,
    own: bool = True,
) -> Accounting:
    """The account of the intervals between ``readings``; processes that are ``hidden`` own nothing.

    ``own`` says whether the totals are of a procfs that nothing can be mounted over.
    """
    intervals: list[Interval] = []
    there = readings[0].sweep.stats
    later = tuple(record for record in readings[0].exits or () if (record.tgid or record.tid) in there)
    for before, after in itertools.pairwise(readings):
        seconds = after.uptime - before.uptime
        if seconds <= 0.0:
            continue
        busy, unsure = _busy(before.totals, after.totals, seconds, ticks_per_second)
        most = seconds * max(len(before.totals.cpus), len(after.totals.cpus))
        mine = _owned(before, after, later, hidden=hidden, ticks_per_second=ticks_per_second, most=most)
        later = mine.later
        intervals.append(
            Interval(
                seconds=seconds,
                busy=busy / seconds,
                owned=mine.owned / seconds,
                unsure=min(math.hypot(mine.spread, unsure) + mine.unsure, busy) / seconds,
            )
        )
    return Accounting(
        cpus=cpus,
        intervals=tuple(intervals),
        claimed_busy=_claimed(readings[0].claimed, readings[-1].claimed, cpus),
        counted_busy=_claimed(readings[0].totals.whole, readings[-1].totals.whole, cpus) if own else None,
        groups=groups,
        sampled_busy=_sampled(readings),
        yardstick=yardstick,
    )


def passed(before: CpuTimes, after: CpuTimes) -> CpuTimes:
    """What passed between two looks; idle time may go back a little, which counts as nothing."""
    return CpuTimes(*(max(now - then, 0) for then, now in zip(before, after, strict=True)))


def _busy(before: Totals, after: Totals, seconds: float, ticks_per_second: int) -> tuple[float, float]:
    """CPU seconds in which CPUs were neither idle nor the kernel's or the hypervisor's, and what rounding may add.

    A CPU that was switched off or on meanwhile is left out: nobody counts how long it was there.
    """
    there = before.cpus.keys() & after.cpus.keys()
    parts = [(before.whole, after.whole)]
    if before.cpus.keys() != after.cpus.keys():
        parts = [(before.cpus[cpu], after.cpus[cpu]) for cpu in there]
    away = moved = 0
    for then, now in parts:
        times = passed(then, now)
        gone = (times.idle, times.iowait, times.irq, times.softirq, times.steal)
        away += sum(gone)
        moved += sum(ticks > 0 for ticks in gone)
    spread = _TICK_SPREAD * math.sqrt(moved) / ticks_per_second
    return max(seconds * len(there) - away / ticks_per_second, 0.0), spread


def _claimed(before: CpuTimes | None, after: CpuTimes | None, cpus: int) -> float | None:
    """Cores busy as whoever trusts these numbers reckons: by shares of a total that they give, too."""
    if before is None or after is None:
        return None
    times = passed(before, after)
    return cpus * times.tasks / times.passed if times.passed else 0.0


def _sampled(readings: Sequence[Reading]) -> float | None:
    found = [reading.samples for reading in readings[1:] if reading.samples is not None]
    seconds = sum(samples.seconds for samples in found)
    return sum(samples.busy_cores * samples.seconds for samples in found) / seconds if seconds > 0.0 else None


def _owned(
    before: Reading,
    after: Reading,
    carried: tuple[ExitRecord, ...],
    *,
    hidden: AbstractSet[int],
    ticks_per_second: int,
    most: float,
) -> _Owned:
    """What visible processes and those that ended took between two readings, ``most`` CPU seconds being possible."""
    then, now = before.sweep.stats, after.sweep.stats
    took, changed = 0, 0
    waited_for: dict[int, float] = {}
    for pid, stat in now.items():
        if pid in hidden:
            continue
        earlier = then.get(pid)
        if earlier is None or earlier.start_ticks != stat.start_ticks:
            earlier = None
        own = stat.cpu_ticks - (earlier.cpu_ticks if earlier else 0)
        children = stat.children_ticks - (earlier.children_ticks if earlier else 0)
        took += max(own, 0)
        changed += (own != 0) + (children != 0)
        waited_for[pid] = children / ticks_per_second
    ended = {
        pid: stat
        for pid, stat in then.items()
        if pid not in hidden and (pid not in now or now[pid].start_ticks != stat.start_ticks)
    }
    owned = took / ticks_per_second
    spread = _TICK_SPREAD * math.sqrt(changed + len(ended)) / ticks_per_second
    if after.exits is None:
        unseen = bool(ended) or after.totals.forks != before.totals.forks
        return _Owned(owned + sum(waited_for.values()), spread, most if unseen else 0.0, ())
    threads: dict[int, list[ExitRecord]] = defaultdict(list)
    for record in (*carried, *after.exits):
        threads[record.tgid or record.tid].append(record)
    living = threads.keys() & now.keys() - ended.keys()
    gone = {
        pid: _last_account(records, ended.get(pid), ticks_per_second, most)
        for pid, records in threads.items()
        if pid not in living and pid not in hidden
    }
    gone |= {
        pid: _LastAccount(stat.ppid, 0.0, 0.0, (stat.cpu_ticks + stat.children_ticks) / ticks_per_second)
        for pid, stat in ended.items()
        if pid not in gone and has_ended(stat)
    }
    inherited, unsure = _inherited(gone, waited_for, ticks_per_second)
    unsure += most * sum(pid not in gone for pid in ended)
    return _Owned(owned + inherited, spread, unsure, tuple(record for pid in living for record in threads[pid]))


class _LastAccount(NamedTuple):
    """What one process that ended took within the interval, and had taken before, in CPU seconds."""

    parent: int
    least: float
    most: float
    before: float


def _last_account(
    records: Sequence[ExitRecord], known: Stat | None, ticks_per_second: int, most: float
) -> _LastAccount:
    """One process's last account; ``known`` is what it was when the interval began.

    Time of threads that had ended before is in what it had taken then, and in no record but the whole group's.  Where
    there is none of the group, those that ended since took no more than they did in all.
    """
    least = max(sum(record.cpu_seconds for record in records), *(record.group_cpu_seconds or 0.0 for record in records))
    upper = least + sum(record.most_seconds - record.cpu_seconds for record in records)
    parent = records[-1].ppid
    if known is None:
        return _LastAccount(parent, min(least, most), min(upper, most), 0.0)
    had = known.cpu_ticks / ticks_per_second
    before = had + known.children_ticks / ticks_per_second
    if known.threads > 1 and least < had:
        whole = all(record.tgid is not None for record in records)
        told = sum(record.most_seconds for record in records) if whole else most
        return _LastAccount(parent, 0.0, min(told, most), before)
    return _LastAccount(parent, min(max(least - had, 0.0), most), min(max(upper - had, 0.0), most), before)


def _inherited(
    gone: Mapping[int, _LastAccount], waited_for: Mapping[int, float], ticks_per_second: int
) -> tuple[float, float]:
    """What processes that ended took, and how much more it may be, in CPU seconds.

    Two accounts are drawn up for each living process, over all its descendants that ended, and the greater one
    counts: neither says too much.  One is its own: it takes over the time of those it waits for, and theirs.  It is
    exact, unless it waits for none (SIG_IGN of sigaction(2)).  The other is their exit records, which lack what each
    took since the last tick.
    """
    heirs: dict[int, list[_LastAccount]] = defaultdict(list)
    for account in gone.values():
        heir, steps = account.parent, 0
        while heir in gone and steps < _GENERATIONS:
            heir, steps = gone[heir].parent, steps + 1
        heirs[heir].append(account)
    owned = unsure = 0.0
    for heir in heirs.keys() | waited_for.keys():
        accounts = heirs.get(heir, ())
        least = sum(account.least for account in accounts)
        own = waited_for.get(heir, 0.0) - sum(account.before for account in accounts)
        owned += max(own, least, 0.0)
        if accounts and (own <= 0.0 or own + 1.0 / ticks_per_second < least):
            unsure += sum(account.most for account in accounts) - least + _TEARDOWN_SECONDS * len(accounts)
    return owned, unsure


def groups_of(
    readings: Sequence[Reading], processes: Iterable[Process], hidden: AbstractSet[int]
) -> tuple[GroupShare, ...]:
    """The control groups that took more than their visible processes did, most first.

    What ended within them is not told apart, so this says where to look once the whole does not add up.
    """
    first, last = readings[0], readings[-1]
    seconds = last.uptime - first.uptime
    if seconds <= 0.0:
        return ()
    taken = {path: last.usage[path] - first.usage[path] for path in last.usage.keys() & first.usage.keys()}
    own = dict(taken)
    for path, spent in taken.items():
        above = os.path.dirname(path)
        if path != "/" and above in own:
            own[above] -= spent
    for process in processes:
        if process.cgroup in own and process.pid not in hidden:
            own[process.cgroup] -= process.window_cpu_seconds or 0.0
    shares = [GroupShare(path, spent / seconds) for path, spent in own.items() if spent / seconds >= _GROUP_LEAST]
    return tuple(sorted(shares, key=lambda share: -share.unowned))
