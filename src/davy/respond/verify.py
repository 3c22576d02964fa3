"""Watch for a while whether anything comes back, and learn who started it, from the kernel's own events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from davy.host import HostError, Kernel
from davy.host.events import EXEC, FORK, ProcessEvent, ProcessEvents
from davy.host.stat import parse_exe, parse_stat
from davy.knowledge.programs import interpreter, script_argument
from davy.model.facts import ProcessKey, Restart
from davy.model.plan import Freeze, Plan, Quarantine
from davy.respond.freeze import same_files

_POLL_SECONDS: Final = 0.5
_LINEAGE_LIMIT: Final = 100_000


class Return(Struct, frozen=True):
    """Something of an evicted gang that runs again."""

    pid: int
    path: str
    started_by: tuple[Restart, ...]


class Watch:
    """What happens from before the first step of an eviction on; use it in ``with``.

    ``plans`` are that of the eviction and those of earlier rounds.
    """

    def __init__(self, kernel: Kernel, plans: Sequence[Plan]) -> None:
        self._kernel = kernel
        self._parents: dict[int, int] = {}
        self._ticks: dict[int, int] = {}
        steps = [step for plan in plans for step in plan.steps]
        files = {step.file.path for step in steps if isinstance(step, Quarantine)}
        files |= {file.path for step in steps if isinstance(step, Freeze) for file in step.programs}
        self._paths = {os.fsdecode(path) for path in files}
        try:
            self._events: ProcessEvents | None = ProcessEvents()
        except HostError:
            self._events = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._events is not None:
            self._events.close()

    def drain(self) -> None:
        """Learn from the events that have arrived; to be called now and then while steps are carried out."""
        if self._events is not None:
            for event in self._events.waiting():
                self._learn(event)

    def for_returns(self, seconds: float, progress: Callable[[float], None] = lambda _: None) -> Return | None:
        """The first process within ``seconds`` that runs what was evicted; None when nothing did.

        ``progress`` hears the seconds that are left.
        """
        self.drain()
        deadline = time.monotonic() + seconds
        while True:
            found = self._sweep()
            if found or time.monotonic() >= deadline:
                return found
            progress(max(deadline - time.monotonic(), 0.0))
            pause = min(time.monotonic() + _POLL_SECONDS, deadline)
            if self._events is None:
                self._kernel.sleep(max(pause - time.monotonic(), 0.0))
                continue
            for event in self._events.until(pause):
                self._learn(event)
                if event.what == EXEC and (found := self._look(event.pid)):
                    return found

    def _learn(self, event: ProcessEvent) -> None:
        """Remember who forked whom, and who the parent is while it can still be asked."""
        if event.what != FORK or len(self._parents) >= _LINEAGE_LIMIT:
            return
        self._parents[event.pid] = event.parent
        self._ticks.pop(event.pid, None)
        if event.parent not in self._ticks:
            with suppress(HostError):
                self._ticks[event.parent] = parse_stat(self._kernel.procfs.read(f"{event.parent}/stat")).start_ticks

    def _look(self, pid: int) -> Return | None:
        """Whether this process runs what was evicted."""
        procfs = self._kernel.procfs
        with suppress(HostError, ValueError):
            if not same_files(procfs, pid):
                return None
            path = parse_exe(procfs.link(f"{pid}/exe")).path
            if path in self._paths:
                return Return(pid, path, tuple(self.starters(pid, path)))
            arguments = tuple(os.fsdecode(procfs.read(f"{pid}/cmdline")).rstrip("\0").split("\0"))
            script, _ = script_argument(os.path.basename(path), arguments)
            if script is not None:
                script = os.path.normpath(os.path.join(procfs.link(f"{pid}/cwd"), script))
                if script in self._paths:
                    return Return(pid, script, tuple(self.starters(pid, script)))
        return None

    def _sweep(self) -> Return | None:
        """A look at everything, for what no event told."""
        for pid in self._kernel.procfs.pids():
            if found := self._look(pid):
                return found
        return None

    def starters(self, pid: int, path: str) -> Iterator[Restart]:
        """The nearest living process that started it, those that have gone being passed over.

        Behind a shell that only runs a text it was given, the one that started the shell, too; no further: what
        started a guardian is not guilty of what the guardian does.
        """
        seen: set[int] = set()
        here = pid
        while here > 1 and here not in seen:
            seen.add(here)
            parent = self._parents.get(here)
            if parent is None:
                try:
                    parent = parse_stat(self._kernel.procfs.read(f"{here}/stat")).ppid
                except HostError:
                    return
            with suppress(HostError):
                ticks = parse_stat(self._kernel.procfs.read(f"{parent}/stat")).start_ticks
                if parent > 1 and self._ticks.get(parent, ticks) == ticks:
                    yield Restart(ProcessKey(parent, ticks), path)
                    if not self._only_runs_a_text(parent):
                        return
            here = parent

    def _only_runs_a_text(self, pid: int) -> bool:
        procfs = self._kernel.procfs
        exe = os.path.basename(parse_exe(procfs.link(f"{pid}/exe")).path)
        arguments = tuple(os.fsdecode(procfs.read(f"{pid}/cmdline")).rstrip("\0").split("\0"))
        return interpreter(exe) and script_argument(exe, arguments)[1] is not None
