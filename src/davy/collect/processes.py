"""Processes: what each is, and what CPU it took over the sampling window and over its life.

Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5), proc_pid_exe(5), cgroups(7),
Documentation/scheduler/sched-stats.rst (schedstat), Documentation/filesystems/proc.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.host import Denied, Gone, HostError, Kernel
from davy.host.procfs import Procfs
from davy.host.stat import (
    Stat,
    parse_cgroup,
    parse_exe,
    parse_inner_pid,
    parse_schedstat,
    parse_sleeps,
    parse_stat,
    parse_uid,
)
from davy.knowledge.programs import script_argument
from davy.model.facts import PF_KTHREAD, Gap, Process, ProcessKey

_UNSET_ID: Final = 0xFFFFFFFF
CMDLINE_LIMIT: Final = 16_384
"""Bytes of a command line that are read; the kernel keeps up to 2 MiB."""
_WAITERS_LIMIT: Final = 128
_THREADS_LIMIT: Final = 256
_SOME_SHARE: Final = 0.05
"""Of a core over its life: what a process that sleeps must have used for its threads to be asked what they wait for."""


class ThreadWait(NamedTuple):
    """What one thread has used and waited for over its life, and whether it wants a CPU now."""

    cpu_seconds: float
    waited_seconds: float
    """Run delay: the kernel adds a wait when it ends, so one that still lasts is not in it."""
    sleeps: int
    """Voluntary context switches: how often it gave the CPU back by itself."""
    runnable: bool


class Sweep(NamedTuple):
    """One look at every process's ``stat``, and at the threads of those that want a CPU."""

    uptime: float
    stats: dict[int, Stat]
    waits: dict[ProcessKey, dict[str, ThreadWait]]


def _thread_waits(procfs: Procfs, pid: int) -> dict[str, ThreadWait]:
    """What the threads of one process wait for, by thread id.  Raises `HostError`."""
    found = {}
    tids = procfs.names(f"{pid}/task")[:_THREADS_LIMIT]
    paths = [f"{pid}/task/{tid}/{name}" for tid in tids for name in ("schedstat", "status")]
    texts = list(procfs.read_each(paths))
    for tid, schedstat, status in zip(tids, texts[::2], texts[1::2], strict=True):
        if isinstance(schedstat, HostError) or isinstance(status, HostError):
            continue
        try:
            cpu, waited = parse_schedstat(schedstat)
            runnable, sleeps = parse_sleeps(status)
        except (IndexError, ValueError):
            continue
        found[tid] = ThreadWait(cpu, waited, sleeps, runnable)
    return found


def waited_between(before: dict[str, ThreadWait], after: dict[str, ThreadWait], seconds: float) -> float:
    """How long the threads of one process were ready to run but others ran, within a window of ``seconds``.

    A thread that wanted a CPU at both ends and never gave one back wanted it all the time.
    """
    total = 0.0
    for tid, then in before.items():
        now = after.get(tid)
        if now is None:
            continue
        waited = now.waited_seconds - then.waited_seconds
        if then.runnable and now.runnable and then.sleeps == now.sleeps:
            waited = max(waited, seconds - (now.cpu_seconds - then.cpu_seconds))
        total += max(waited, 0.0)
    return total


def sweep(kernel: Kernel, beside: frozenset[int] = frozenset()) -> Sweep:
    """Every process's stat.  One that vanishes meanwhile is not in it.

    Processes ``beside`` those of the listing are asked for by their pid.
    """
    procfs, stats, waits = kernel.procfs, {}, {}
    pids = sorted(beside.union(procfs.pids())) if beside else procfs.pids()
    for pid, text in zip(pids, procfs.read_each([f"{pid}/stat" for pid in pids]), strict=True):
        if isinstance(text, HostError):
            continue
        try:
            stats[pid] = parse_stat(text)
        except Gone:
            continue
    uptime = kernel.uptime()
    now = uptime * kernel.ticks_per_second
    wanting = [pid for pid, stat in stats.items() if _wants_a_cpu(stat, now)]
    wanting.sort(key=lambda pid: stats[pid].state != "R")
    for pid in wanting[:_WAITERS_LIMIT]:
        try:
            waits[ProcessKey(pid, stats[pid].start_ticks)] = _thread_waits(procfs, pid)
        except HostError:
            continue
    return Sweep(uptime, stats, waits)


def _wants_a_cpu(stat: Stat, now: float) -> bool:
    """Whether the threads of a process are worth asking, ``now`` in clock ticks since boot.

    The state is that of its first thread, which sleeps in programs that compute in others.
    """
    if stat.flags & PF_KTHREAD:
        return False
    if stat.state == "R":
        return True
    return stat.threads > 1 and stat.cpu_ticks > _SOME_SHARE * max(now - stat.start_ticks, 1.0)


class _Unread:
    """Counts what the kernel kept back, to say it once per kind instead of once per process."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def gaps(self) -> Iterator[Gap]:
        for what, count in self.counts.items():
            yield Gap("processes", what, f"not readable for {count} processes: not permitted")


def _optional_id(procfs: Procfs, path: str) -> int | None:
    try:
        value = int(procfs.read(path))
    except (HostError, ValueError):
        return None
    return None if value == _UNSET_ID else value


def _living_thread(procfs: Procfs, pid: int) -> str:
    """Where the facts of a process are whose first thread has ended: with one that still runs."""
    try:
        for tid in procfs.names(f"{pid}/task")[:_THREADS_LIMIT]:
            if tid != str(pid):
                return f"{pid}/task/{tid}"
    except HostError:
        pass
    return str(pid)


def processes(kernel: Kernel, before: Sweep, after: Sweep, users: dict[int, str]) -> Iterator[Process | Gap]:
    """Every process alive at the end of the window, with the CPU time it took within it."""
    ticks, page, procfs = kernel.ticks_per_second, kernel.page_bytes, kernel.procfs
    unread = _Unread()
    for pid, stat in after.stats.items():
        earlier = before.stats.get(pid)
        same = earlier is not None and earlier.start_ticks == stat.start_ticks
        key = ProcessKey(pid, stat.start_ticks)
        waited = None
        if key in before.waits and key in after.waits:
            waited = waited_between(before.waits[key], after.waits[key], after.uptime - before.uptime)
        kernel_thread = bool(stat.flags & PF_KTHREAD)
        uid: int | None = 0 if kernel_thread else None
        cmdline: tuple[str, ...] = ()
        exe, cwd, cgroup, script, inline = None, None, None, None, None
        login_uid = audit_session = inner_pid = None
        if not kernel_thread:
            here = _living_thread(procfs, pid) if stat.state in "ZX" and stat.threads > 1 else str(pid)
            try:
                status = procfs.read(f"{pid}/status")
                uid, inner_pid = parse_uid(status), parse_inner_pid(status)
                raw = procfs.read(f"{here}/cmdline", CMDLINE_LIMIT)
                cmdline = tuple(os.fsdecode(raw).rstrip("\0").split("\0")) if raw else ()
                cgroup = parse_cgroup(procfs.read(f"{pid}/cgroup"))
            except Gone:
                continue
            except HostError:
                unread.note("status, command line or control group")
            try:
                exe = parse_exe(procfs.link(f"{here}/exe"))
                cwd = procfs.link(f"{here}/cwd")
            except Denied:
                if pid == 1:
                    yield Gap("first process", "executable of process 1", "not permitted; it is never an actor")
                else:
                    unread.note("executable")
            except HostError:
                pass  # a zombie has neither
            login_uid = _optional_id(procfs, f"{pid}/loginuid")
            audit_session = _optional_id(procfs, f"{pid}/sessionid")
            if exe and len(cmdline) > 1:
                script, inline = script_argument(os.path.basename(exe.path), cmdline)
                if script is not None and not script.startswith("/"):
                    script = os.path.normpath(os.path.join(cwd, script)) if cwd else None
        yield Process(
            pid=pid,
            start_ticks=stat.start_ticks,
            start_time=kernel.boot_time + stat.start_ticks / ticks,
            name=stat.name,
            state=stat.state,
            ppid=stat.ppid,
            pgrp=stat.pgrp,
            session=stat.session,
            tty=stat.tty,
            flags=stat.flags,
            nice=stat.nice,
            threads=stat.threads,
            rss_bytes=stat.rss_pages * page,
            cpu_seconds=stat.cpu_ticks / ticks,
            children_cpu_seconds=stat.children_ticks / ticks,
            window_cpu_seconds=(stat.cpu_ticks - earlier.cpu_ticks) / ticks if earlier and same else None,
            window_wait_seconds=waited,
            uid=uid,
            user=users.get(uid, str(uid)) if uid is not None else None,
            login_uid=login_uid,
            audit_session=audit_session,
            cmdline=cmdline,
            exe=exe,
            cwd=cwd,
            cgroup=cgroup,
            inner_pid=inner_pid,
            script=script,
            inline=inline,
        )
    yield from unread.gaps()


def own_pids(kernel: Kernel) -> tuple[int, ...]:
    """Davy and its chain of parents, up to pid 1."""
    chain = [os.getpid()]
    try:
        while chain[-1] > 1 and len(chain) < 64:
            parent = parse_stat(kernel.procfs.read(f"{chain[-1]}/stat")).ppid
            if parent == 0:
                break
            chain.append(parent)
    except HostError:
        pass
    return tuple(chain)
