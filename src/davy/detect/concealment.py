"""Concealment: processes that a listing leaves out, CPU time that nobody owns, numbers that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.network import KNOWN_POOL, towards_a_pool
from davy.detect.rule import Observation, detector
from davy.model.cgroup_names import short_ids
from davy.model.concealment import LISTINGS, Accounting, View
from davy.model.findings import HOST, Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

UNOWNED_CORES: Final = 0.25
"""From so many cores on, in every part of the window, CPU time that nobody owns is told."""


@detector("concealment.hidden-process", aspect=Aspect.CONCEALMENT, technique="T1014")
def hidden_process(snapshot: Snapshot) -> Iterator[Observation]:
    """A process is alive to the kernel, and a listing or its own entry in ``/proc`` does not show it.

    It was held while everything was listed anew, twice, so it did not merely end or begin meanwhile.  Nothing honest
    does this: a mount over its folder, a library preloaded into whatever lists, or a kernel module hides it.
    """
    table = snapshot.process_table
    known = lookup(snapshot).by_subject
    for row in table.hidden if table else ():
        missing = [view.value for view in View if view in row.missing and view in LISTINGS]
        shown = ", ".join(view.value for view in View if view in row.seen)
        if row.covered:
            summary = "is hidden by something mounted over its folder in /proc"
        elif View.GETDENTS not in row.missing and View.LISTING in row.missing:
            summary = "is left out of what programs list that have something preloaded"
        else:
            summary = "is alive to the kernel, and a listing of /proc leaves it out"
        evidence = [f"seen by {shown}"]
        if missing:
            evidence.append(f"left out of {', '.join(missing)}")
        if row.subject not in known:
            evidence.append("nothing of it can be read: contain the host, collect, and rebuild it")
        yield Observation(subject=row.subject, summary=summary, evidence=tuple(evidence))


@detector("concealment.uncounted-threads", aspect=Aspect.CONCEALMENT, technique="T1014")
def uncounted_threads(snapshot: Snapshot) -> Iterator[Observation]:
    """The kernel counts more threads than all processes that could be seen have.

    Its count (/proc/loadavg, sysinfo) is kept apart from every list, so what was taken out of the lists is in it.
    Threads that came or went while they were counted are allowed for.  Alone it is a hint to look closer.
    """
    table = snapshot.process_table
    if table is not None and table.uncounted:
        count = table.uncounted
        yield Observation(
            subject=HOST,
            summary=f"the kernel counts {count} thread{'s' if count > 1 else ''} that no visible process has",
            evidence=(f"{len(table.rows)} processes were seen",),
        )


@detector("concealment.ownerless-socket", aspect=Aspect.CONCEALMENT, technique="T1014")
def ownerless_socket(snapshot: Snapshot) -> Iterator[Observation]:
    """A connection to where pools listen is held by no process that can be seen.

    Every process's open files were looked through, twice.  A hidden process holds it, or it is a descriptor that one
    process has sent to another which has not taken it yet.
    """
    for socket in snapshot.sockets:
        towards = towards_a_pool(socket)
        if socket.ownerless and towards:
            where = f"{socket.remote_address}:{socket.remote_port}"
            yield Observation(
                subject=HOST,
                degree="known pool" if towards == KNOWN_POOL else "port",
                summary=f"a connection to {where} that no visible process holds",
                evidence=(f"{socket.protocol} {socket.local_port} to {where}, {socket.state}, inode {socket.inode}",),
            )


@detector("concealment.unowned-cpu", aspect=Aspect.CONCEALMENT, technique="T1014")
def unowned_cpu(snapshot: Snapshot) -> Iterator[Observation]:
    """CPU time passes that no visible process owns.

    What the CPUs were not idle for, less interrupts and steal, less what every visible process and every process that
    ended took.  Told from a quarter of a core on, in two windows.  Where hidden processes were found that took it, it
    counts against them; else against the host: something burns that cannot be seen.
    """
    account = snapshot.accounting
    if account is None or account.unowned < UNOWNED_CORES or len(account.intervals) < 2:
        return
    summary = f"{in_words(account)} by no visible process"
    evidence = [
        f"{one.seconds:.2f} s: {one.busy:.2f} cores busy, {one.owned:.2f} owned, {one.unsure:.2f} not known"
        for one in account.intervals
    ]
    evidence += [
        f"{group.unowned:.2f} cores in the control group {short_ids(group.cgroup)}" for group in account.groups[:3]
    ]
    if account.sampled_busy is not None:
        evidence.append(f"{account.sampled_busy:.2f} cores busy by samples of who is on a CPU")
    window = sum(one.seconds for one in account.intervals)
    hidden = {row.subject for row in snapshot.process_table.hidden} if snapshot.process_table else set()
    burning = [
        process
        for process in snapshot.processes
        if process.subject in hidden and (process.window_cpu_seconds or 0.0) >= UNOWNED_CORES / 4 * window
    ]
    for process in burning:
        used = (process.window_cpu_seconds or 0.0) / window
        yield Observation(
            subject=process.subject,
            degree="process",
            summary=f"takes {used:.1f} of {account.unowned:.1f} cores that no visible process owns",
            evidence=tuple(evidence),
        )
    explained = sum(process.window_cpu_seconds or 0.0 for process in burning) / window
    if account.unowned - explained >= UNOWNED_CORES:
        yield Observation(subject=HOST, degree="host", summary=summary, evidence=tuple(evidence))


def in_words(account: Accounting) -> str:
    """``1.9 of 2 cores busy, 1.0 of them owned``; the reader finishes the sentence."""
    return f"{account.busy:.1f} of {account.cpus} cores busy, {account.unowned:.1f} of them owned"


@detector("concealment.forged-numbers", aspect=Aspect.CONCEALMENT, technique="T1565.001")
def forged_numbers(snapshot: Snapshot) -> Iterator[Observation]:
    """What ``/proc/stat`` tells every program is not what the CPUs do.

    The ordinary file is compared with the same file of a procfs that nothing can be mounted over, and both with
    samples of who is on a CPU.  Programs such as top show the forged number.
    """
    account = snapshot.accounting
    if account is None or len(account.intervals) < 2:
        return
    counted = account.busy if account.counted_busy is None else account.counted_busy
    if account.claimed_busy is not None and abs(account.claimed_busy - counted) >= _forged_from(account):
        yield Observation(
            subject=HOST,
            degree="claimed",
            summary=f"/proc/stat claims {account.claimed_busy:.1f} cores busy; {account.busy:.1f} are",
            evidence=(f"the kernel's own file: {counted:.2f} of {account.cpus} cores over the window",),
        )
    elif account.sampled_busy is not None and account.sampled_busy - account.busy >= _forged_from(account):
        yield Observation(
            subject=HOST,
            degree="counted",
            summary=f"the kernel's account says {account.busy:.1f} cores are busy; {account.sampled_busy:.1f} are",
            evidence=(f"samples of who is on a CPU: {account.sampled_busy:.2f} of {account.cpus} cores",),
        )


def _forged_from(account: Accounting) -> float:
    """Half a core, and more where there are many: ticks are samples, and so is what perf finds."""
    return max(0.5, 0.15 * account.cpus)
