"""Ways through a snapshot: who is whose parent, who shares what.  Pure, built once per snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from davy.model.autostarts import Autostart
from davy.model.containers import Container
from davy.model.facts import Process, ProcessDetail, Renewal
from davy.model.housing import Housing
from davy.model.snapshot import Snapshot


class Lookup:
    """Indexes over one snapshot.  Get one by `lookup`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.by_pid: dict[int, Process] = {process.pid: process for process in snapshot.processes}
        self.by_subject: dict[str, Process] = {process.subject: process for process in snapshot.processes}
        self.detail: dict[str, ProcessDetail] = {detail.key.subject: detail for detail in snapshot.details}
        self.renewal: dict[str, Renewal] = {renewal.path: renewal for renewal in snapshot.renewals}
        self.autostart: dict[str, Autostart] = {autostart.subject: autostart for autostart in snapshot.autostarts}
        self._housing = Housing(snapshot.processes, snapshot.containers)
        self.container_by_id = self._housing.by_id
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
        """The container that a process is in; None of one on the host."""
        return self._housing.of(process)


@lru_cache(maxsize=4)
def lookup(snapshot: Snapshot) -> Lookup:
    """The indexes of this snapshot; the same object each time it is asked for."""
    return Lookup(snapshot)
