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
from davy.host.totals import CpuTimes, Totals
from davy.model.concealment import Accounting, GroupShare, Interval
from davy.model.facts import Process

_TICK_SPREAD: Final = 3 * 0.41
"""What three standard deviations of a difference of two times are, in the ticks to which both were cut off."""
_TEARDOWN_SECONDS: Final = 0.0003
"""What a process still takes to let go of its memory after its exit record was written, as a rule."""
_LONG_TEARDOWN_SECONDS: Final = 0.001
"""The same of a large program; its parent's account has it, unless nobody waits for it."""
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


class _Owned(NamedTuple):
    """CPU seconds between two readings."""

    owned: float
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
) -> Accounting:
    """The account of the intervals between ``readings``; processes that are ``hidden`` own nothing."""
    intervals: list[Interval] = []
    there = readings[0].sweep.stats
    later = tuple(record for record in readings[0].exits or () if (record.tgid or record.tid) in there)
    for before, after in itertools.pairwise(readings):
        seconds = after.uptime - before.uptime
        if seconds <= 0.0:
            continue
        busy = _busy(before.totals.whole, after.totals.whole, seconds * cpus, ticks_per_second)
        mine = _owned(before, after, later, hidden=hidden, ticks_per_second=ticks_per_second, most=seconds * cpus)
        later = mine.later
        intervals.append(
            Interval(
                seconds=seconds,
                busy=busy / seconds,
                owned=mine.owned / seconds,
                unsure=min(mine.unsure, busy) / seconds,
            )
        )
    return Accounting(
        cpus=cpus,
        intervals=tuple(intervals),
        claimed_busy=_claimed(readings[0].claimed, readings[-1].claimed, cpus),
        groups=groups,
        sampled_busy=_sampled(readings),
        yardstick=yardstick,
    )


def passed(before: CpuTimes, after: CpuTimes) -> CpuTimes:
    """What passed between two looks; idle time may go back a little, which counts as nothing."""
    return CpuTimes(*(max(now - then, 0) for then, now in zip(before, after, strict=True)))


def _busy(before: CpuTimes, after: CpuTimes, most: float, ticks_per_second: int) -> float:
    """CPU seconds, out of at ``most``, in which CPUs were neither idle nor the kernel's or the hypervisor's."""
    times = passed(before, after)
    away = times.idle + times.iowait + times.interrupts + times.steal
    return max(most - away / ticks_per_second, 0.0)


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
    """What visible processes and those that ended took between two readings, ``most`` CPU seconds being possible.

    Two accounts of those that ended are drawn up, neither of which can say too much, and the greater one counts.
    One is their parents': whoever waits for a child takes over its time, so time of children that came up, less what
    the ended ones had taken before, is what they took; children that nobody waits for are missing.  The other is the
    kernel's exit records, in which the last tick of each is missing.
    """
    then, now = before.sweep.stats, after.sweep.stats
    took, waited_for, active = 0, 0, 0
    for pid, stat in now.items():
        if pid in hidden:
            continue
        earlier = then.get(pid)
        if earlier is None or earlier.start_ticks != stat.start_ticks:
            earlier = None
        own = stat.cpu_ticks - (earlier.cpu_ticks if earlier else 0)
        children = stat.children_ticks - (earlier.children_ticks if earlier else 0)
        took, waited_for = took + max(own, 0), waited_for + max(children, 0)
        active += (own != 0) + (children != 0)
    ended = {
        pid: stat
        for pid, stat in then.items()
        if pid not in hidden and (pid not in now or now[pid].start_ticks != stat.start_ticks)
    }
    waited_for -= sum(stat.cpu_ticks + stat.children_ticks for stat in ended.values())
    spread = _TICK_SPREAD * math.sqrt(active + len(ended)) / ticks_per_second
    owned, by_parents = took / ticks_per_second, waited_for / ticks_per_second
    if after.exits is None:
        unseen = bool(ended) or after.totals.forks != before.totals.forks
        return _Owned(owned + max(by_parents, 0.0), most if unseen else spread, ())
    threads: dict[int, list[ExitRecord]] = defaultdict(list)
    for record in (*carried, *after.exits):
        threads[record.tgid or record.tid].append(record)
    living = threads.keys() & now.keys() - ended.keys()
    gone = {pid: records for pid, records in threads.items() if pid not in living and pid not in hidden}
    by_records = _by_records(gone, ended, ticks_per_second, most)
    unsure = spread + 3.0 * math.sqrt(min(by_records.short_lived, most) / ticks_per_second)
    unsure += by_records.unsure
    unsure += len(gone) * (_TEARDOWN_SECONDS if by_parents >= by_records.owned else _LONG_TEARDOWN_SECONDS)
    return _Owned(
        owned + max(by_parents, by_records.owned, 0.0), unsure, tuple(one for pid in living for one in threads[pid])
    )


class _ByRecords(NamedTuple):
    owned: float
    unsure: float
    short_lived: float
    """What is in ``owned`` of processes that began and ended within the interval: ticks that happened to meet them."""


def _by_records(
    gone: Mapping[int, Sequence[ExitRecord]], ended: Mapping[int, Stat], ticks_per_second: int, most: float
) -> _ByRecords:
    """What processes that are ``gone`` took in the interval; those ``ended`` were there when it began.

    Of the latter, time of threads that had ended before is in what they had taken then, but in no record.
    """
    owned, unsure = 0.0, 0.0
    counted = ticked = 0.0
    for pid, records in gone.items():
        total = sum(record.cpu_seconds for record in records)
        known = ended.get(pid)
        if known is None:
            counted += total
            ticked += sum(record.ticked_seconds for record in records)
            continue
        total = max(total, *(record.group_cpu_seconds or 0.0 for record in records))
        had = known.cpu_ticks / ticks_per_second
        if known.threads == 1 or total >= had:
            owned += min(max(total - had, 0.0), most)
        else:
            unsure += min(total, most)
    unsure += most * sum(pid not in gone for pid in ended)
    short_lived = max(counted, ticked)
    return _ByRecords(owned + short_lived, unsure, short_lived)


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
