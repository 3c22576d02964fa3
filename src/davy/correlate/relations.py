"""Relations between processes that can carry guilt, and what stops it from spreading.

A shared control group, session, folder or parent only makes a neighbour: many innocent things share them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from davy.detect.places import in_a_home, odd_place, open_folder
from davy.detect.programs import own_program
from davy.knowledge.programs import shared_parent
from davy.model.cgroup_names import short_ids
from davy.model.facts import Process
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


def untouchable(snapshot: Snapshot, process: Process) -> bool:
    """What is never an actor: pid 1, kernel threads, Davy and its chain of parents, and what has ended.

    A zombie with more than one thread has only lost its first one: the others run on.
    """
    ended = process.state in ("Z", "X") and process.threads <= 1
    return ended or process.pid == 1 or process.kernel_thread or process.pid in snapshot.own_pids


def shared_by_many(process: Process) -> bool:
    """A service manager, cron, a login shell, a terminal server: what it starts does not taint it.

    A process chooses its name: whoever lies where such programs are not installed is not believed.
    """
    exe = process.exe
    if exe is not None and (exe.memory_only or (odd_place(exe.path) and not in_a_home(exe.path))):
        return False
    return shared_parent(process.name) and process.script is None and process.inline is None


def program_key(snapshot: Snapshot, process: Process) -> tuple[str, str] | None:
    """What makes two processes run one program: the executable and what it was given to run.

    None for what is not told by its program: an installed interpreter with a text of its own, a program not known.
    """
    own = own_program(snapshot, process)
    return (process.exe.path, own) if process.exe and own else None


def started_by(snapshot: Snapshot, process: Process) -> Iterator[Process]:
    """The parent, if guilt is carried to it: not to what many innocent things share."""
    parent = lookup(snapshot).parent(process)
    if parent is not None and not untouchable(snapshot, parent) and not shared_by_many(parent):
        yield parent


class Common:
    """What the processes of a gang have, and others may share."""

    def __init__(self, members: Iterable[Process] = ()) -> None:
        self._cgroups: set[str] = set()
        self._sessions: set[int] = set()
        self._folders: set[str] = set()
        self._logins: set[int] = set()
        for member in members:
            self.add(member)

    def add(self, member: Process) -> None:
        if member.cgroup is not None:
            self._cgroups.add(member.cgroup)
        if member.session:
            self._sessions.add(member.session)
        if member.program:
            self._folders.add(os.path.dirname(member.program))
        if member.audit_session is not None:
            self._logins.add(member.audit_session)

    def ties(self, process: Process) -> tuple[str, ...]:
        """In words, what a process shares with the gang."""
        found = []
        if process.cgroup in self._cgroups:
            found.append(f"the control group {short_ids(process.cgroup or '')}")
        if process.session in self._sessions:
            found.append(f"the session {process.session}")
        if process.program and os.path.dirname(process.program) in self._folders:
            found.append(f"the folder {os.path.dirname(process.program)}")
        if process.audit_session in self._logins:
            found.append(f"the login session {process.audit_session}")
        return tuple(found)

    def telling_ties(self, process: Process) -> tuple[str, ...]:
        """Those ties that not everything on the host has: not the root group, not /tmp itself."""
        common = {"the control group /"} | {f"the folder {folder}" for folder in self._folders if open_folder(folder)}
        return tuple(tie for tie in self.ties(process) if tie not in common)
