"""Watch for a while whether anything comes back, and learn who started it, from the kernel's own events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from msgspec import Struct

from davy.host import HostError, Kernel
from davy.host.events import FORK, ProcessEvents
from davy.host.stat import parse_exe, parse_stat
from davy.knowledge.programs import script_argument
from davy.model.facts import ProcessKey, Restart
from davy.model.plan import Freeze, Plan, Quarantine

_POLL_SECONDS: Final = 0.5
_LINEAGE_LIMIT: Final = 100_000


class Return(Struct, frozen=True):
    """Something of an evicted gang that runs again."""

    pid: int
    path: str
    started_by: tuple[Restart, ...]


def watch_for_returns(
    kernel: Kernel, plan: Plan, seconds: float, progress: Callable[[float], None] = lambda _: None
) -> Return | None:
    """The first process within ``seconds`` that runs what was evicted; None when nothing did.

    ``progress`` hears the seconds that are left.
    """
    watch = _Watch(kernel, plan)
    try:
        events = ProcessEvents()
    except HostError:
        events = None
    deadline = time.monotonic() + seconds
    try:
        while True:
            found = watch.sweep()
            if found or time.monotonic() >= deadline:
                return found
            progress(max(deadline - time.monotonic(), 0.0))
            pause = min(time.monotonic() + _POLL_SECONDS, deadline)
            if events is None:
                kernel.sleep(max(pause - time.monotonic(), 0.0))
                continue
            for event in events.until(pause):
                if event.what == FORK:
                    watch.forked(event.pid, event.parent)
                elif found := watch.look(event.pid):
                    return found
    finally:
        if events is not None:
            events.close()


class _Watch:
    def __init__(self, kernel: Kernel, plan: Plan) -> None:
        self._kernel = kernel
        self._parents: dict[int, ProcessKey] = {}
        files = {step.file.path for step in plan.steps if isinstance(step, Quarantine)}
        files |= {file.path for step in plan.steps if isinstance(step, Freeze) for file in step.programs}
        self._paths = {os.fsdecode(path) for path in files}

    def forked(self, pid: int, parent: int) -> None:
        """Remember who started whom, while the starter is still there to be asked."""
        if len(self._parents) < _LINEAGE_LIMIT:
            with suppress(HostError):
                ticks = parse_stat(self._kernel.procfs.read(f"{parent}/stat")).start_ticks
                self._parents[pid] = ProcessKey(parent, ticks)

    def look(self, pid: int) -> Return | None:
        """Whether this process runs what was evicted."""
        procfs = self._kernel.procfs
        with suppress(HostError, ValueError):
            path = parse_exe(procfs.link(f"{pid}/exe")).path
            if path in self._paths:
                return Return(pid, path, tuple(self._starters(pid, path)))
            arguments = tuple(os.fsdecode(procfs.read(f"{pid}/cmdline")).rstrip("\0").split("\0"))
            script, _ = script_argument(os.path.basename(path), arguments)
            if script is not None:
                script = os.path.normpath(os.path.join(procfs.link(f"{pid}/cwd"), script))
                if script in self._paths:
                    return Return(pid, script, tuple(self._starters(pid, script)))
        return None

    def sweep(self) -> Return | None:
        """A look at everything, for what no event told."""
        for pid in self._kernel.procfs.pids():
            if found := self.look(pid):
                return found
        return None

    def _starters(self, pid: int, path: str) -> Iterator[Restart]:
        """Who started it, and who started that, up to the first process."""
        seen: set[int] = set()
        here = pid
        while here > 1 and here not in seen:
            seen.add(here)
            parent = self._parents.get(here)
            if parent is None:
                try:
                    ppid = parse_stat(self._kernel.procfs.read(f"{here}/stat")).ppid
                    parent = ProcessKey(ppid, parse_stat(self._kernel.procfs.read(f"{ppid}/stat")).start_ticks)
                except HostError:
                    return
            if parent.pid <= 1:
                return
            yield Restart(parent, path)
            here = parent.pid
