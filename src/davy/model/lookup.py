"""Ways through a snapshot: who is whose parent, who shares what.  Pure, built once per snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from davy.model.autostarts import Autostart
from davy.model.cgroup_names import group_name
from davy.model.containers import Container
from davy.model.facts import Process, ProcessDetail, Renewal
from davy.model.snapshot import Snapshot

_OF_ANY_NAME: Final = frozenset({"containerd", "cri-o"})
"""Runtimes whose containers may have any id, by which alone their control groups are called."""


class Lookup:
    """Indexes over one snapshot.  Get one by `lookup`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.by_pid: dict[int, Process] = {process.pid: process for process in snapshot.processes}
        self.by_subject: dict[str, Process] = {process.subject: process for process in snapshot.processes}
        self.detail: dict[str, ProcessDetail] = {detail.key.subject: detail for detail in snapshot.details}
        self.renewal: dict[str, Renewal] = {renewal.path: renewal for renewal in snapshot.renewals}
        self.autostart: dict[str, Autostart] = {autostart.subject: autostart for autostart in snapshot.autostarts}
        self.container_by_id: dict[str, Container] = {one.id: one for one in snapshot.containers}
        self._container_by_pid = {one.pid: one for one in snapshot.containers if one.pid is not None}
        self._children: dict[int, list[Process]] = defaultdict(list)
        for process in snapshot.processes:
            self._children[process.ppid].append(process)

    def children(self, process: Process) -> list[Process]:
        return [child for child in self._children[process.pid] if child.start_ticks >= process.start_ticks]

    def descendants(self, process: Process) -> Iterator[Process]:
        """Children and theirs, each once."""
        todo, seen = [process], {process.pid}
        while todo:
            for child in self.children(todo.pop()):
                if child.pid not in seen:
                    seen.add(child.pid)
                    todo.append(child)
                    yield child

    def parent(self, process: Process) -> Process | None:
        """None when the parent has gone, or a later process bears its pid."""
        found = self.by_pid.get(process.ppid)
        return found if found is not None and found.start_ticks <= process.start_ticks else None

    def ancestors(self, process: Process) -> Iterator[Process]:
        """Parent, its parent, and so on."""
        seen = {process.pid}
        here = self.parent(process)
        while here is not None and here.pid not in seen:
            seen.add(here.pid)
            yield here
            here = self.parent(here)

    def container(self, process: Process) -> Container | None:
        """The container that a process is in: by its control group, else by the pid namespace it is in."""
        if found := container_by_group(process.cgroup, self.container_by_id):
            return found
        if process.inner_pid is None:
            return None
        pids = (process.pid, *(ancestor.pid for ancestor in self.ancestors(process)))
        return next((self._container_by_pid[pid] for pid in pids if pid in self._container_by_pid), None)


def container_by_group(cgroup: str | None, known: Mapping[str, Container]) -> Container | None:
    """The container that a control group is of; one of which only that is known has its id for a name."""
    if not cgroup or cgroup == "/":
        return None
    if name := group_name(cgroup):
        found = known.get(name.id)
        return found or Container(runtime=name.runtime, id=name.id, name=name.id[:12], running=True, cgroup=cgroup)
    named = (known[part] for part in cgroup.split("/") if part in known) if known else ()
    return next((one for one in named if one.runtime in _OF_ANY_NAME), None)


@lru_cache(maxsize=4)
def lookup(snapshot: Snapshot) -> Lookup:
    """The indexes of this snapshot; the same object each time it is asked for."""
    return Lookup(snapshot)
