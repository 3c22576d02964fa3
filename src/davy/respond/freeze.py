"""Stop a whole gang to a fixed point: every actor, whatever runs its programs, and all that descends from them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from davy.hands.processes import Held, Stocks
from davy.host import HostError, Kernel
from davy.host.events import FORK, ProcessEvents
from davy.host.procfs import Procfs
from davy.host.stat import Stat, ended, parse_exe, parse_stat
from davy.knowledge.programs import script_argument
from davy.model.facts import PF_KTHREAD, FileKey, ProcessKey
from davy.model.incidents import Role
from davy.model.plan import FileIdentity, Freeze

_SECONDS: Final = 10.0
_QUIET_SWEEPS: Final = 2
"""So many sweeps in a row without anybody new make the fixed point."""


class Gang:
    """The processes of one plan, stopped; use it in ``with``: what is still alive at the end goes on again."""

    def __init__(self, kernel: Kernel, step: Freeze, stocks: Stocks, spared: Iterable[int]) -> None:
        self._kernel, self._step, self._stocks = kernel, step, stocks
        self._spared = frozenset(spared) | {1, os.getpid()}
        self._programs = {file.key for file in step.programs}
        self._scripts = {os.fsdecode(file.path) for file in step.programs if file.within is None}
        self._lineage: dict[int, int | None] = {}
        """Pid to start ticks of what the gang forked, by the kernel's word; None when it had gone before we looked."""
        self.rounds = 0

    @property
    def held(self) -> Sequence[Held]:
        return list(self._stocks.held.values())

    def stop(self) -> bool:
        """Stop all of it; False when the fixed point was not reached in time."""
        self._stocks.open()
        order = sorted(self._step.targets, key=lambda target: target.role is not Role.GUARDIAN)
        try:
            events = ProcessEvents()
        except HostError:
            events = None
        try:
            self._stocks.stop([target.key for target in order if target.pid not in self._spared])
            deadline, quiet = time.monotonic() + _SECONDS, 0
            while quiet < _QUIET_SWEEPS and time.monotonic() < deadline:
                self.rounds += 1
                fresh = self._stocks.stop(self._joining(events))
                settled = self._stocks.settled()
                quiet = 0 if fresh or not settled else quiet + 1
            return quiet >= _QUIET_SWEEPS
        finally:
            if events is not None:
                events.close()

    def _joining(self, events: ProcessEvents | None) -> list[ProcessKey]:
        """Processes that belong and are not held yet: by descent, by program, by birth in the stopped group."""
        procfs = self._kernel.procfs
        held = {key.pid for key in self._stocks.held}
        if events is not None:
            self._learn(events, held)
        born = set(self._stocks.members())
        found: dict[int, ProcessKey] = {}
        stats: dict[int, Stat] = {}
        for pid in procfs.pids():
            with suppress(HostError):
                stats[pid] = parse_stat(procfs.read(f"{pid}/stat"))
        for pid, stat in stats.items():
            if pid in held or pid in self._spared or stat.flags & PF_KTHREAD or ended(stat):
                continue
            forked = self._lineage.get(pid) == stat.start_ticks
            if forked or pid in born or self._descends(pid, stats, held) or self._runs(pid):
                found[pid] = ProcessKey(pid, stat.start_ticks)
        return list(found.values())

    def _learn(self, events: ProcessEvents, held: set[int]) -> None:
        """Whom the gang has forked since the last look, also when the parent has gone since."""
        for event in events.waiting():
            if event.what != FORK:
                continue
            if event.parent not in held and event.parent not in self._lineage:
                self._lineage.pop(event.pid, None)  # the pid is somebody else's by now
                continue
            try:
                self._lineage[event.pid] = parse_stat(self._kernel.procfs.read(f"{event.pid}/stat")).start_ticks
            except HostError:
                self._lineage[event.pid] = None

    def _descends(self, pid: int, stats: dict[int, Stat], held: set[int]) -> bool:
        seen: set[int] = set()
        here = stats[pid].ppid
        while here > 1 and here not in seen and here not in self._spared:
            if here in held:
                return True
            seen.add(here)
            parent = stats.get(here)
            if parent is None:
                return False
            here = parent.ppid
        return False

    def _runs(self, pid: int) -> bool:
        """Whether a process runs one of the plan's programs, or an interpreter one of its scripts."""
        procfs = self._kernel.procfs
        with suppress(HostError, ValueError):
            if FileKey(*procfs.inode(f"{pid}/exe")) in self._programs:
                return True
            if not same_files(procfs, pid):
                return False
            exe = os.path.basename(parse_exe(procfs.link(f"{pid}/exe")).path)
            arguments = tuple(os.fsdecode(procfs.read(f"{pid}/cmdline")).rstrip("\0").split("\0"))
            script, _ = script_argument(exe, arguments)
            if script is not None:
                return os.path.normpath(os.path.join(procfs.link(f"{pid}/cwd"), script)) in self._scripts
        return False


def same_files(procfs: Procfs, pid: int) -> bool:
    """Whether a path means the same file to a process as to Davy: it is in the same mount namespace and root.

    Raises `HostError`.
    """
    return procfs.inode(f"{pid}/ns/mnt") == procfs.inode("self/ns/mnt") and procfs.link(f"{pid}/root") == "/"


def running(kernel: Kernel, file: FileIdentity, but: Iterable[int] = ()) -> list[int]:
    """Processes that run or map a file, other than ``but``."""
    procfs, spared, found = kernel.procfs, set(but), []
    device = b"%02x:%02x" % (os.major(file.device), os.minor(file.device))
    needles = [b" %s %d " % (device, file.inode)]
    if file.within is None:
        needles.append(b" " + file.path + b"\n")
    for pid in procfs.pids():
        if pid in spared:
            continue
        try:
            maps = procfs.read(f"{pid}/maps", 4 << 20)
            if FileKey(*procfs.inode(f"{pid}/exe")) == file.key or any(needle in maps for needle in needles):
                found.append(pid)
        except HostError:
            continue
    return found
