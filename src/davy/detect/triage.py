"""Triage: which few subjects are worth the costly facts.  Pure; errs on the side of a closer look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.behaviour import BURNING_CORES, wanted_cores
from davy.detect.network import towards_a_pool
from davy.detect.places import base, odd_place
from davy.knowledge import family_by_name, family_by_path
from davy.knowledge.commands import suspicious_command
from davy.knowledge.programs import kernel_thread_like, near_miss, system_daemon
from davy.knowledge.words import mining_words
from davy.model.facts import Process, Snapshot
from davy.model.lookup import lookup
from davy.model.triage import Subjects

_SUBJECTS_LIMIT: Final = 256
"""More processes than this are not looked at closely; the likeliest come first."""


def _reasons(snapshot: Snapshot, process: Process) -> Iterator[int]:
    """How pressing each reason for a closer look is, 1 the most."""
    exe = process.exe
    if exe and (exe.memory_only or odd_place(exe.path) or (process.script and odd_place(process.script))):
        yield 1
    if exe and exe.deleted:
        yield 1
    if family_by_name(process.name) or (process.program and family_by_path(process.program)):
        yield 1
    if exe and (kernel_thread_like(process.name) or near_miss(process.name)):
        yield 1
    if exe and family_by_name(base(exe.path)):
        yield 1
    if process.cmdline:
        first = base(process.cmdline[0].split(" ")[0])
        if exe and (kernel_thread_like(process.cmdline[0]) or (system_daemon(first) and first != base(exe.path))):
            yield 2
        if len(process.cmdline) > 1 and mining_words(process.cmdline, process.exe_path):
            yield 1
    if wanted_cores(snapshot, process) >= BURNING_CORES:
        yield 1
    elif (
        process.window_cpu_seconds and snapshot.load and process.window_cpu_seconds > 0.1 * snapshot.load.window_seconds
    ):
        yield 3


def triage(snapshot: Snapshot) -> Subjects:
    """The subjects that `davy.collect.examine` should look at closely."""
    ways = lookup(snapshot)
    pressing: dict[str, int] = {}
    renewed = {renewal.path for renewal in snapshot.renewals}
    restarting = {restart.starter for restart in snapshot.restarts}
    for process in snapshot.processes:
        if process.kernel_thread:
            continue
        reason = min(_reasons(snapshot, process), default=0)
        if process.exe_path in renewed or process.key in restarting:
            reason = 1
        if not reason:
            continue
        pressing[process.subject] = min(reason, pressing.get(process.subject, 9))
        for relative in (*ways.ancestors(process), *ways.children(process)):
            if not relative.kernel_thread and relative.pid != 1:
                pressing.setdefault(relative.subject, 4)
    chosen = sorted(pressing, key=lambda subject: (pressing[subject], subject))[:_SUBJECTS_LIMIT]
    named = {ways.by_subject[subject].program for subject in chosen}
    return Subjects(
        processes=frozenset(chosen),
        autostart_paths=frozenset(
            autostart.path
            for autostart in snapshot.autostarts
            if suspicious_command(autostart.command) or not named.isdisjoint(autostart.programs)
        ),
        sockets=frozenset(socket.inode for socket in snapshot.sockets if towards_a_pool(socket)),
    )
