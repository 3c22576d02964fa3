"""Every way of seeing a process, side by side: who is alive to the kernel, and which listing leaves it out.

No view is trusted against another that was taken at another moment.  Whom some listing left out is held by a pidfd,
which pins that process and no later one of its pid; everything is listed anew while it is held; and only who still
lives after that was left out in truth.  Twice.  A thread has no pidfd, so threads are never met here.

Source: pidfd_open(2), cgroups(7), proc_pid_task(5), perf_event_open(2); the idea of one table is Volatility's modxview.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final, NamedTuple

from davy.host import Denied, HostError, Kernel
from davy.host.cgroups import Groups
from davy.host.clean_start import Start
from davy.host.ids import Held, PidViews
from davy.host.mounts import covered_processes, parse_mountinfo
from davy.host.procfs import Procfs
from davy.host.stat import Stat, parse_stat
from davy.host.task_iterator import Task
from davy.host.totals import parse_load, parse_totals
from davy.model.concealment import LISTINGS, ProcessRow, ProcessTable, View
from davy.model.facts import Gap

_SWEEP_SECONDS: Final = 0.3
"""How long an ordinary scan goes through the pids that the kernel may have handed out."""
_SUSPECTS_LIMIT: Final = 256
"""More than this are not held at a time: whoever hides so many has hidden nothing.

Those come first whom something left out already; others mostly were born since the sweep.
"""
_ROUNDS: Final = 2
_MOUNTINFO_LIMIT: Final = 16 << 20
_SPARE_PIDS: Final = 64
"""So many may be handed out between the look at the last pid and the end of the sweep."""


class Sightings(NamedTuple):
    """The pids that each of the kernel's own views shows, and what could not be asked."""

    by_view: Mapping[View, AbstractSet[int]]
    tasks: Mapping[int, Task] = MappingProxyType({})
    """The first thread of each process of the kernel's own list, which knows names and start times."""
    gaps: tuple[Gap, ...] = ()

    @property
    def everyone(self) -> frozenset[int]:
        return frozenset().union(*self.by_view.values())


def sightings(kernel: Kernel, groups: Groups | None, *, deep: bool) -> Sightings:
    """Who is alive to the kernel, by every view that is no listing of ``/proc``.

    The pid space is swept as far as the kernel has handed pids out, or ``deep``, to its end.
    """
    by_view: dict[View, AbstractSet[int]] = {}
    gaps: list[Gap] = []
    try:
        last = _handed_out(kernel, deep)
        swept = kernel.living(1, last, None if deep else _SWEEP_SECONDS)
        by_view[View.PIDFD] = frozenset(swept.pids)
        if swept.end <= last:
            gaps.append(Gap("views", f"pids {swept.end} to {last}", "no time; davy scan --deep asks for them"))
    except HostError as error:
        gaps.append(Gap("views", "the pid space", str(error)))
    if groups is not None:
        by_view[View.CGROUP] = frozenset(_members(kernel.procfs, groups))
    by_view[View.CHILDREN] = frozenset(_children(kernel.procfs, deep))
    tasks: dict[int, Task] = {}
    if kernel.first_pid_namespace:
        try:
            tasks = {task.pid: task for task in kernel.tasks() if task.leads}
            by_view[View.TASKS] = tasks.keys()
        except HostError as error:
            if deep:
                gaps.append(Gap("views", "the kernel's own list of tasks", str(error)))
    return Sightings(by_view, tasks, tuple(gaps))


def _handed_out(kernel: Kernel, deep: bool) -> int:
    """The highest pid that a sweep must ask for.  Raises `HostError`.

    While fewer tasks were ever created than there are pids, none lies above the last that was handed out.
    """
    most = int(kernel.procfs.read("sys/kernel/pid_max"))
    if deep or parse_totals(kernel.procfs.read("stat", 1 << 20)).forks >= most:
        return most
    return min(parse_load(kernel.procfs.read("loadavg")).last_pid + _SPARE_PIDS, most)


def _members(procfs: Procfs, groups: Groups) -> Iterator[int]:
    """Whom the control groups list, and the processes of those threads that belong to none of these."""
    processes = {pid for group in groups.groups for pid in group.pids}
    yield from processes
    known = set(processes)
    for pid in processes if any(group.threads for group in groups.groups) else ():
        with contextlib.suppress(HostError, ValueError):
            known.update(map(int, procfs.names(f"{pid}/task")))
    for tid in {tid for group in groups.groups for tid in group.threads or ()} - known:
        with contextlib.suppress(HostError, ValueError):
            yield int(procfs.read(f"{tid}/status").partition(b"\nTgid:\t")[2].partition(b"\n")[0])


def _children(procfs: Procfs, deep: bool) -> Iterator[int]:
    """Whom every listed process's first thread, or ``deep`` every thread, names as its children."""
    for pid in procfs.pids():
        with contextlib.suppress(HostError, ValueError):
            for tid in procfs.names(f"{pid}/task") if deep else (pid,):
                yield from map(int, procfs.read(f"{pid}/task/{tid}/children", 1 << 20).split())


def process_table(
    kernel: Kernel,
    seen: Sightings,
    stats: Mapping[int, Stat],
    *,
    covered: AbstractSet[int] = frozenset(),
    start: Start | None = None,
    uncounted: int = 0,
) -> ProcessTable | Gap:
    """Every process, and which views show it.

    ``stats`` are of the last sweep, ``covered`` the pids whose folder in the ordinary ``/proc`` lies below a mount;
    ``start`` knows what Davy itself saw while something was preloaded into it.
    """
    ordinary = kernel.ordinary
    if ordinary is None:
        return Gap("processes", "the ordinary /proc", "there is none of this pid namespace")
    try:
        if _keeps_to_oneself(kernel, ordinary):
            return Gap("views", "the ordinary /proc", "shows a user no processes of others (hidepid)")
        start = start or Start()
        listings = _Listings(kernel, ordinary, start)
        shown = listings.now()
        everyone = seen.everyone.union(stats, covered, *shown.values())
        plain = listings.plain(stats).intersection(*shown.values()) - covered - start.unlisted
        views = (*shown.items(), *seen.by_view.items())
        rows = {
            pid: ProcessRow(
                pid=pid,
                start_ticks=stats[pid].start_ticks,
                name=stats[pid].name,
                seen=frozenset(view for view, pids in views if pid in pids) | {View.LOOK_UP, View.OWN_LOOK_UP},
                missing=frozenset(),
            )
            for pid in plain
        }
        listed = frozenset.intersection(*map(frozenset, shown.values()))
        suspects = sorted(everyone - plain, key=lambda pid: (pid not in covered, pid in listed, pid))
        rows |= {row.pid: row for row in _confirmed(listings, kernel.pids, suspects, seen, covered)}
        living = sum(kernel.pids.alive(pid) is True for pid in suspects) if len(suspects) > _SUSPECTS_LIMIT else 0
    except HostError as error:
        return Gap("views", "the ordinary /proc", str(error))
    columns = {*shown, *seen.by_view, View.LOOK_UP, View.OWN_LOOK_UP, View.SIGNAL, View.GROUP, View.SCHEDULER}
    return ProcessTable(
        columns=tuple(view for view in View if view in columns),
        rows=tuple(rows[pid] for pid in sorted(rows)),
        uncounted=uncounted,
        unconfirmed=max(living - _SUSPECTS_LIMIT, 0),
    )


def _keeps_to_oneself(kernel: Kernel, ordinary: Procfs) -> bool:
    """Whether that ``/proc`` shows a user only what is the user's own: then the first process is kept back."""
    if kernel.procfs.own:
        return False  # only root has one, from whom nothing is kept
    (first,) = ordinary.read_each(["1/stat"])
    return isinstance(first, HostError) and bool(kernel.pids.signal0(1))


def _mounted_over(procfs: Procfs) -> frozenset[int]:
    """The processes at or below whose folder in the ordinary ``/proc`` something is mounted.

    It may be a file system that never answers.
    """
    try:
        return covered_processes(parse_mountinfo(os.fsdecode(procfs.read("self/mountinfo", _MOUNTINFO_LIMIT))))
    except HostError:
        return frozenset()


class _Listings:
    """The ways a process is listed, each as often as it is asked."""

    def __init__(self, kernel: Kernel, ordinary: Procfs, start: Start) -> None:
        self._own, self._ordinary, self._start = kernel.procfs, ordinary, start
        self._mounted_over = _mounted_over(kernel.procfs)
        self.ticks_per_second = kernel.ticks_per_second

    def plain(self, stats: Mapping[int, Stat]) -> frozenset[int]:
        """Those of the processes of a sweep that the ordinary ``/proc`` shows, too, by their pid."""
        pids = [pid for pid in stats if pid not in self._mounted_over]
        texts = self._ordinary.read_each([f"{pid}/stat" for pid in pids])
        return frozenset(pid for pid, text in zip(pids, texts, strict=True) if _same(_parsed(pid, text), stats[pid]))

    def now(self) -> dict[View, AbstractSet[int]]:
        """The pids that each listing shows."""
        return {
            View.LISTING: frozenset(self._ordinary.listed()),
            View.GETDENTS: frozenset(self._ordinary.pids()),
            View.OWN_LISTING: frozenset(self._own.pids()),
        }

    def looked_up(self, pid: int) -> frozenset[View]:
        """The procfs, ours and the ordinary one, in which a process is found under its pid.

        Where a security module keeps its entry from us (EACCES), it is there.
        """
        (told,) = self._own.read_each([f"{pid}/stat"])
        own = _parsed(pid, told)
        found = {View.OWN_LOOK_UP} if own is not None or isinstance(told, Denied) else set()
        if pid not in self._mounted_over:
            (text,) = self._ordinary.read_each([f"{pid}/stat"])
            ordinary = _parsed(pid, text)
            if isinstance(text, Denied) or (ordinary is not None and (own is None or _same(ordinary, own))):
                found.add(View.LOOK_UP)
        return frozenset(found)

    def stat(self, pid: int) -> Stat | None:
        (text,) = self._own.read_each([f"{pid}/stat"])
        return _parsed(pid, text)

    def left_out(self, pid: int, stat: Stat | None, shown: Mapping[View, AbstractSet[int]]) -> frozenset[View]:
        """The views that leave out a process which was there all the time."""
        missing = {view for view, pids in shown.items() if pid not in pids}
        missing |= {View.LOOK_UP, View.OWN_LOOK_UP} - self.looked_up(pid)
        if stat is not None and self._start.left_out(pid, stat.start_ticks / self.ticks_per_second):
            missing.add(View.LISTING)
        return frozenset(missing)


def _parsed(pid: int, text: bytes | HostError) -> Stat | None:
    """A process's ``stat``; None where there is none of it, as for a thread and below a mount."""
    if isinstance(text, HostError) or not text.startswith(b"%d (" % pid):
        return None
    try:
        return parse_stat(text)
    except HostError:
        return None


def _same(one: Stat | None, other: Stat) -> bool:
    return one is not None and one.start_ticks == other.start_ticks


def _identity(stat: Stat | None, task: Task | None, ticks_per_second: int) -> tuple[int, str]:
    """When a process started, in clock ticks since boot, and its name: by its entry, or else by the kernel's list."""
    if stat is not None:
        return stat.start_ticks, stat.name
    return (task.start_nanoseconds * ticks_per_second // 1_000_000_000, task.name) if task is not None else (0, "")


def _confirmed(
    listings: _Listings, pids: PidViews, suspects: Iterable[int], seen: Sightings, covered: AbstractSet[int]
) -> Iterator[ProcessRow]:
    """The rows of those suspects that live, with what left them out again and again while they were held."""
    with contextlib.ExitStack() as hold:
        held: dict[int, Held] = {}
        for pid in suspects:
            if len(held) == _SUSPECTS_LIMIT:
                break
            if (one := pids.hold(pid)) is not None:
                held[pid] = hold.enter_context(one)
        stats = {pid: listings.stat(pid) for pid in held}
        missing: dict[int, frozenset[View]] = {}
        for _ in range(_ROUNDS):
            held = {pid: one for pid, one in held.items() if not one.ended()}
            if not held:
                return
            shown = listings.now()
            for pid in held:
                found = listings.left_out(pid, stats[pid], shown)
                missing[pid] = missing.get(pid, found) & found
        asked = {View.SIGNAL: pids.signal0, View.GROUP: pids.group, View.SCHEDULER: pids.scheduler}
        for pid, one in held.items():
            answers = {view for view, ask in asked.items() if ask(pid)} | {View.PIDFD}
            shows = answers | {view for view, found in seen.by_view.items() if pid in found}
            if one.ended():
                continue
            start_ticks, name = _identity(stats[pid], seen.tasks.get(pid), listings.ticks_per_second)
            yield ProcessRow(
                pid=pid,
                start_ticks=start_ticks,
                name=name,
                seen=frozenset(shows) | (LISTINGS - missing[pid]),
                missing=missing[pid],
                covered=pid in covered,
            )
