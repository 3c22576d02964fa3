"""Which process is in which container: the one way to tell.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from davy.model.cgroup_names import group_name
from davy.model.containers import Container
from davy.model.facts import Process

_OF_ANY_NAME: Final = frozenset({"containerd", "cri-o"})
"""Runtimes whose containers may have any id, by which alone their control groups are called."""


class Housing:
    """The containers of one moment, and the processes in them."""

    def __init__(self, processes: Iterable[Process], containers: Iterable[Container]) -> None:
        self.by_id: dict[str, Container] = {one.id: one for one in containers}
        self._by_first = {one.pid: one for one in self.by_id.values() if one.pid is not None}
        self._by_pid = {process.pid: process for process in processes}

    def of(self, process: Process) -> Container | None:
        """The container that a process is in: by its control group, else by the pid namespace it is in."""
        if found := container_by_group(process.cgroup, self.by_id):
            return found
        return next((self._by_first[pid] for pid in self._line(process) if pid in self._by_first), None)

    def _line(self, process: Process) -> Iterator[int]:
        """A process and, as far as it is in a pid namespace of its own, its ancestors."""
        seen: set[int] = set()
        here: Process | None = process
        while here is not None and here.pid not in seen:
            seen.add(here.pid)
            yield here.pid
            above = self._by_pid.get(here.ppid) if process.inner_pid is not None else None
            here = above if above is not None and above.start_ticks <= here.start_ticks else None


def container_by_group(cgroup: str | None, known: Mapping[str, Container]) -> Container | None:
    """The container that a control group is of; one of which only that is known has its id for a name."""
    if not cgroup or cgroup == "/":
        return None
    if name := group_name(cgroup):
        found = known.get(name.id)
        return found or Container(runtime=name.runtime, id=name.id, name=name.id[:12], running=True, cgroup=cgroup)
    named = (known[part] for part in cgroup.split("/") if part in known) if known else ()
    return next((one for one in named if one.runtime in _OF_ANY_NAME), None)
