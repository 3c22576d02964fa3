"""Triage: which few subjects are worth the costly facts.  Pure; errs on the side of a closer look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.detect.behaviour import BURNING_CORES, wanted_cores
from davy.detect.gpu import gpu_workers
from davy.detect.identity import claimed_name
from davy.detect.network import towards_a_family, towards_a_pool
from davy.detect.places import base, odd_place
from davy.knowledge import family_by_name, family_by_path
from davy.knowledge.programs import kernel_thread_like, near_miss, system_daemon
from davy.knowledge.words import mining_words
from davy.model.facts import Exe, Process
from davy.model.lookup import Lookup, lookup
from davy.model.snapshot import Snapshot
from davy.model.triage import Subjects

_SUBJECTS_LIMIT: Final = 256
"""More processes than this are not looked at closely; the likeliest come first."""
_NO_REASON: Final = 9


class _Guise(NamedTuple):
    """What a process shows of itself.  The workers of one program all show the same, and are judged by it once."""

    name: str
    exe: Exe | None
    script: str | None
    cmdline: tuple[str, ...]


def _of_guise(guise: _Guise) -> Iterator[int]:
    """How pressing each reason for a closer look is, 1 the most; both kinds together are 0."""
    name, exe, script, cmdline = guise
    if exe and (exe.memory_only or exe.deleted or odd_place(exe.path) or (script and odd_place(script))):
        yield 1
    program = script or (exe.path if exe else None)
    if family_by_name(name) or (program and family_by_path(program)):
        yield 1
    if exe and (kernel_thread_like(name) or near_miss(name) or family_by_name(base(exe.path))):
        yield 1
    if cmdline:
        first = claimed_name(cmdline[0])
        if exe and (kernel_thread_like(cmdline[0]) or (system_daemon(first) and first != base(exe.path))):
            yield 2
        if len(cmdline) > 1 and mining_words(cmdline, exe.path if exe else None):
            yield 1


def _of_cpu(snapshot: Snapshot, process: Process) -> int:
    """How pressing what a process does to the CPUs is."""
    if wanted_cores(snapshot, process) >= BURNING_CORES:
        return 1
    used, load = process.window_cpu_seconds, snapshot.load
    return 3 if used and load and used > 0.1 * load.window_seconds else _NO_REASON


def _above(ways: Lookup, process: Process, walked: set[str]) -> Iterator[Process]:
    """The ancestors that have not been ``walked`` yet: each chain is gone up once, however many hang on it."""
    for ancestor in ways.ancestors(process):
        if ancestor.subject in walked:
            return
        walked.add(ancestor.subject)
        yield ancestor


def triage(snapshot: Snapshot) -> Subjects:
    """The subjects that `davy.collect.examine` should look at closely."""
    ways = lookup(snapshot)
    pressing: dict[str, int] = {}
    of_guise: dict[_Guise, int] = {}
    renewed = {renewal.path for renewal in snapshot.renewals}
    restarting = {restart.starter for restart in snapshot.restarts}
    on_cards = gpu_workers(snapshot).keys()
    walked: set[str] = set()
    for process in snapshot.processes:
        if process.kernel_thread:
            continue
        guise = _Guise(process.name, process.exe, process.script, process.cmdline)
        if guise not in of_guise:
            of_guise[guise] = min(_of_guise(guise), default=_NO_REASON)
        looks, burns = of_guise[guise], 1 if process.key in on_cards else _of_cpu(snapshot, process)
        reason = 0 if looks == burns == 1 else min(looks, burns)
        if process.exe_path in renewed or process.key in restarting:
            reason = min(reason, 1)
        if reason == _NO_REASON:
            continue
        pressing[process.subject] = min(reason, pressing.get(process.subject, _NO_REASON))
        for relative in (*_above(ways, process, walked), *ways.children(process)):
            if not relative.kernel_thread and relative.pid != 1:
                pressing.setdefault(relative.subject, 4)
    chosen = sorted(pressing, key=lambda subject: (pressing[subject], subject))[:_SUBJECTS_LIMIT]
    return Subjects(
        processes=frozenset(chosen),
        sockets=frozenset(
            socket.inode for socket in snapshot.sockets if towards_a_pool(socket) or towards_a_family(socket)
        ),
    )
