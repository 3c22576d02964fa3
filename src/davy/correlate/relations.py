"""Relations between processes that can carry guilt, and what stops it from spreading.

A shared control group, session, folder or parent only makes a neighbour: many innocent things share them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from davy.knowledge.programs import shared_parent
from davy.model.facts import Process, Snapshot
from davy.model.lookup import lookup


def untouchable(snapshot: Snapshot, process: Process) -> bool:
    """What is never an actor: pid 1, kernel threads, Davy and its chain of parents."""
    return process.pid == 1 or process.kernel_thread or process.pid in snapshot.own_pids


def shared_by_many(process: Process) -> bool:
    """A service manager, cron, a login shell, a terminal server: what it starts does not taint it."""
    return shared_parent(process.name) and process.script is None and process.inline is None


def started_by(snapshot: Snapshot, process: Process) -> Iterator[Process]:
    """The parent, if guilt is carried to it: not to what many innocent things share."""
    parent = lookup(snapshot).parent(process)
    if parent is not None and not untouchable(snapshot, parent) and not shared_by_many(parent):
        yield parent


def ties(one: Process, other: Process) -> tuple[str, ...]:
    """In words, what two processes share."""
    found = []
    if one.cgroup is not None and one.cgroup == other.cgroup:
        found.append(f"the control group {one.cgroup}")
    if one.session and one.session == other.session:
        found.append(f"the session {one.session}")
    if one.program and other.program and os.path.dirname(one.program) == os.path.dirname(other.program):
        found.append(f"the folder {os.path.dirname(one.program)}")
    if one.audit_session is not None and one.audit_session == other.audit_session:
        found.append(f"the login session {one.audit_session}")
    return tuple(found)
