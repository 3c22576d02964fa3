"""Hands on processes: stop them so that none can react, and end them all at once.

A stopped process is held by a pidfd that was checked against its start time, so that a pid that is reused is
never touched.  Where there is a cgroup v2 hierarchy the stopping is done by its freezer, which sends no signal
and which a child is born into; elsewhere by SIGSTOP, parents first.
Source: pidfd_open(2), pidfd_send_signal(2), Documentation/admin-guide/cgroup-v2.rst (cgroup.freeze).
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from davy.hands.errors import Untouched
from davy.host import HostError
from davy.host.cgroups import cgroup_mount, members_of
from davy.host.procfs import Procfs
from davy.host.stat import parse_stat, parse_unified
from davy.model.facts import PF_KTHREAD, ProcessKey

_FROZEN_SECONDS: Final = 2.0
_END_SECONDS: Final = 5.0


class Held:
    """One process, held by its pidfd."""

    def __init__(self, key: ProcessKey, pidfd: int, cgroup: str | None) -> None:
        self.key, self.pidfd, self.cgroup = key, pidfd, cgroup
        self.signalled = False

    def signal(self, number: signal.Signals) -> bool:
        """Whether it was still there to get the signal.  Raises `Untouched` when that is not permitted."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return False
        except PermissionError:
            raise Untouched(f"process {self.key.pid}: not permitted to end it") from None
        return True

    @property
    def ended(self) -> bool:
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        os.close(self.pidfd)


def hold(procfs: Procfs, key: ProcessKey) -> Held | None:
    """Take hold of exactly this process; None when it has gone, or another bears its pid by now."""
    try:
        pidfd = os.pidfd_open(key.pid)
    except OSError:
        return None
    try:
        stat = parse_stat(procfs.read(f"{key.pid}/stat"))
        if stat.start_ticks == key.start_ticks and not stat.flags & PF_KTHREAD and key.pid != 1:
            return Held(key, pidfd, parse_unified(procfs.read(f"{key.pid}/cgroup")))
    except HostError:
        pass
    os.close(pidfd)
    return None


class Stocks:
    """Where one eviction's processes are stopped: a frozen control group of Davy's own, or SIGSTOP.

    ``homes`` are the control groups that the processes were in, by pid, before a run that was cut short moved them.
    """

    def __init__(self, procfs: Procfs, name: str, homes: Mapping[int, str] | None = None) -> None:
        self._procfs = procfs
        self._mount = cgroup_mount(procfs)
        self._own = f"/{name}"
        self.group = os.path.join(self._mount, name) if self._mount else None
        signals = self._mount is None or not os.access(self._mount, os.W_OK)
        self.left_behind = signals or (self.group is not None and os.path.isdir(self.group))
        """Whether a run that was cut short may have left processes stopped: its group is taken away last of all."""
        self._former_homes = dict(homes or {}) if self.left_behind else {}
        self.held: dict[ProcessKey, Held] = {}
        self._frozen_in_place: set[str] = set()

    def open(self) -> None:
        """Make the control group, frozen before anything is in it; fall back to SIGSTOP where that is refused."""
        if self.group is None:
            return
        try:
            with suppress(FileExistsError):
                os.mkdir(self.group, 0o700)
            self._set(self.group, "1")
        except OSError:
            with suppress(OSError):
                os.rmdir(self.group)
            self.group = None

    @staticmethod
    def _set(group: str, value: str) -> None:
        with open(os.path.join(group, "cgroup.freeze"), "w") as file:
            file.write(value)

    @property
    def homes(self) -> dict[int, str]:
        """The control group that each process was in before it was stopped, by pid."""
        return self._former_homes | {key.pid: held.cgroup for key, held in self.held.items() if held.cgroup}

    def homes_of(self, keys: Iterable[ProcessKey]) -> dict[int, str]:
        """The same of processes that are yet to be stopped."""
        found = dict(self._former_homes)
        for key in keys:
            with suppress(HostError):
                cgroup = parse_unified(self._procfs.read(f"{key.pid}/cgroup"))
                if cgroup is not None and cgroup != self._own:
                    found.setdefault(key.pid, cgroup)
        return found

    def _home(self, held: Held) -> str | None:
        """Where a process belongs that a run which was cut short stopped, or that was born to one of those."""
        if held.cgroup != self._own:
            return held.cgroup
        return self._former_homes.get(held.key.pid) or next(iter(self._former_homes.values()), "/")

    def members(self) -> list[int]:
        """Pids in the control group: those that were put there, and children born there."""
        return members_of(self.group) if self.group else []

    def stop(self, keys: Sequence[ProcessKey]) -> list[Held]:
        """Stop these processes, in this order; those that have gone are passed over.  Raises `Untouched`."""
        taken = []
        for key in keys:
            if key in self.held:
                continue
            held = hold(self._procfs, key)
            if held is None:
                continue
            self.held[key] = held
            taken.append(held)
        self._freeze_in_place({held.cgroup for held in taken if held.cgroup and held.cgroup != self._own})
        for held in taken:
            if held.cgroup not in self._frozen_in_place:
                self._stop_one(held)
            held.cgroup = self._home(held)
        return taken

    def _stop_one(self, held: Held) -> None:
        if self.group is not None:
            try:
                self._move(held, self.group)
                return
            except ProcessLookupError:
                return
            except OSError:
                pass
        held.signalled = held.signal(signal.SIGSTOP)

    @staticmethod
    def _move(held: Held, group: str) -> None:
        with open(os.path.join(group, "cgroup.procs"), "w") as file:
            file.write(str(held.key.pid))

    def _freeze_in_place(self, cgroups: Iterable[str]) -> None:
        """Freeze a whole control group where it stands, if it is not the root and every member is held.

        Moving a service's main process away would tell its manager that the group is empty.
        """
        if self._mount is None or self.group is None:
            return
        for cgroup in cgroups:
            path = self._mount + cgroup
            if cgroup in ("", "/") or not self._all_held(path):
                continue
            try:
                self._set(path, "1")
            except OSError:
                continue
            if self._all_held(path):
                self._frozen_in_place.add(cgroup)
            else:
                self._set(path, "0")

    def _all_held(self, path: str) -> bool:
        pids = {key.pid for key in self.held}
        members = members_of(path)
        return bool(members) and pids.issuperset(members) and not self._has_children(path)

    @staticmethod
    def _has_children(path: str) -> bool:
        try:
            with os.scandir(path) as entries:
                return any(entry.is_dir(follow_symlinks=False) for entry in entries)
        except OSError:
            return True

    def settled(self) -> bool:
        """Wait until every held process has stopped or ended; False when one has not in time."""
        deadline = time.monotonic() + _FROZEN_SECONDS
        while time.monotonic() < deadline:
            if all(self._stopped(held) for held in self.held.values()):
                return True
            time.sleep(0.001)
        return False

    def _stopped(self, held: Held) -> bool:
        if held.ended:
            return True
        if held.signalled:
            try:
                return parse_stat(self._procfs.read(f"{held.key.pid}/stat")).state in "TtZX"
            except HostError:
                return True
        group = self._mount + held.cgroup if self._mount and held.cgroup in self._frozen_in_place else self.group
        return group is None or _is_frozen(group)

    def end(self) -> list[ProcessKey]:
        """Kill everything that is held, at once, and wait; the processes that did not end.  Raises `Untouched`."""
        for held in self.held.values():
            held.signal(signal.SIGKILL)
        deadline = time.monotonic() + _END_SECONDS
        waiting = list(self.held.values())
        while waiting and time.monotonic() < deadline:
            waiting = [held for held in waiting if not held.ended]
            if waiting:
                ending = select.poll()  # of any descriptor, where select(2) ends at 1,024
                for held in waiting[:512]:
                    ending.register(held.pidfd, select.POLLIN)
                ending.poll(10)
        self._thaw()
        return [held.key for held in waiting]

    def _thaw(self) -> None:
        """Thaw the groups that were frozen where they stand, also by a run that was cut short."""
        for cgroup in self._frozen_in_place | set(self._former_homes.values()):
            if self._mount is not None and cgroup not in ("", "/"):
                with suppress(OSError):
                    self._set(f"{self._mount}{cgroup}", "0")
        self._frozen_in_place.clear()

    def release(self) -> None:
        """Let everything that is still alive go on where it was, and take the control group away."""
        self._thaw()
        for held in self.held.values():
            if not held.ended:
                self._return(held)
            held.close()
        self.held.clear()
        if self.group is not None:
            deadline = time.monotonic() + _FROZEN_SECONDS
            while time.monotonic() < deadline:
                try:
                    os.rmdir(self.group)
                    return
                except FileNotFoundError:
                    return
                except OSError:
                    time.sleep(0.002)

    def _return(self, held: Held) -> None:
        if held.signalled:
            with suppress(Untouched):
                held.signal(signal.SIGCONT)
        elif self._mount is not None and self.group is not None:
            try:
                self._move(held, f"{self._mount}{held.cgroup or '/'}")
            except OSError:  # its own is gone by now
                with suppress(OSError):
                    self._move(held, self._mount)


def _is_frozen(group: str) -> bool:
    try:
        with open(os.path.join(group, "cgroup.events")) as file:
            words = file.read().split()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return "frozen" in words and words[words.index("frozen") + 1] == "1"
