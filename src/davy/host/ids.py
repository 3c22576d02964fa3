"""Asking the kernel about one pid, by calls that look at no file system: what is mounted or hooked there is no matter.

Source: pidfd_open(2), kill(2), tgkill(2), getpgid(2), sched_getscheduler(2).
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from davy.host.errors import HostError, mapped
from davy.host.syscalls import thread_exists

_NOBODY: Final = 0x7FFF_FFFF
"""A pid that no kernel gives: pids end at 4,194,304."""
_NO_PROCESS: Final = frozenset({errno.ESRCH, errno.ENOENT, errno.EINVAL})


class Held:
    """A process held by a descriptor, which means it alone even when its pid is another's by now.

    Close it, or use it in ``with``.
    """

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid, self._descriptor = pid, descriptor

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def ended(self) -> bool:
        """Whether every thread of it has ended.  A zombie has."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(0))


class PidViews(Protocol):
    """The kernel's answers about a pid: True, False, or None where it does not say.

    "Not permitted" means that it is there.  `signal0`, `group` and `scheduler` answer for threads as they do for
    processes; `alive`, `hold` and `thread_group` for processes alone.  All of them answer True for a zombie, until its
    parent has waited for it.  The pids are those of our own pid namespace.
    """

    def hold(self, pid: int) -> Held | None:
        """The process itself; None when there is none.  Raises `HostError` where the kernel does not say."""

    def alive(self, pid: int) -> bool | None:
        """By pidfd_open: since Linux 5.3."""

    def signal0(self, pid: int) -> bool | None:
        """By kill with signal 0."""

    def group(self, pid: int) -> bool | None:
        """By getpgid."""

    def scheduler(self, pid: int) -> bool | None:
        """By sched_getscheduler."""

    def thread_group(self, pid: int) -> bool | None:
        """By tgkill with signal 0: whether it is a process, not a thread of one; since before there was pidfd_open."""

    def belongs(self, tid: int, pid: int) -> bool | None:
        """By tgkill: whether ``tid`` is a thread of process ``pid``."""


def _answer(ask: Callable[[int], object], pid: int) -> bool | None:
    try:
        ask(pid)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OSError:
        return None
    return True


def _signal0(pid: int) -> None:
    os.kill(pid, 0)


def _thread_group(pid: int) -> None:
    thread_exists(pid, pid)


def _pidfd(pid: int) -> None:
    os.close(os.pidfd_open(pid))


class LivePidViews:
    """Those of the kernel Davy runs on."""

    def __init__(self) -> None:
        self._silent = frozenset(
            ask
            for ask in (_pidfd, _signal0, os.getpgid, os.sched_getscheduler, _thread_group)
            if _answer(ask, _NOBODY) is not False or _answer(ask, os.getpid()) is not True
        )
        """Calls that tell us nothing: a filter refuses them (seccomp(2)), or the kernel is older."""

    def _ask(self, ask: Callable[[int], object], pid: int) -> bool | None:
        if pid <= 0 or pid >= _NOBODY:
            return False
        return None if ask in self._silent else _answer(ask, pid)

    def hold(self, pid: int) -> Held | None:
        if pid <= 0 or pid >= _NOBODY:
            return None
        try:
            return Held(pid, os.pidfd_open(pid))
        except OSError as error:
            if error.errno in _NO_PROCESS:
                return None
            raise mapped(error, f"process {pid}") from None

    def alive(self, pid: int) -> bool | None:
        if _pidfd in self._silent:
            return None
        try:
            held = self.hold(pid)
        except HostError:
            return None
        if held is None:
            return False
        held.close()
        return True

    def signal0(self, pid: int) -> bool | None:
        return self._ask(_signal0, pid)

    def group(self, pid: int) -> bool | None:
        return self._ask(os.getpgid, pid)

    def scheduler(self, pid: int) -> bool | None:
        return self._ask(os.sched_getscheduler, pid)

    def thread_group(self, pid: int) -> bool | None:
        return self._ask(_thread_group, pid)

    def belongs(self, tid: int, pid: int) -> bool | None:
        if _thread_group in self._silent:
            return None
        return self._ask(lambda thread: thread_exists(pid, thread), tid) if pid > 0 else False


class _Remembered(Held):
    """A process written down beforehand."""

    def __init__(self, pid: int, has_ended: bool) -> None:
        super().__init__(pid, -1)
        self._has_ended = has_ended

    def ended(self) -> bool:
        return self._has_ended


class RecordedPids:
    """Answers written down beforehand, for tests: each call's pids, or None for a call that says nothing.

    A call that is not given answers as `alive` does, and for ``threads`` (thread to process) too where it would live.
    """

    def __init__(
        self,
        alive: Iterable[int] | None,
        *,
        threads: Mapping[int, int] | None = None,
        ended: Iterable[int] = (),
        said: Mapping[str, Iterable[int] | None] | None = None,
    ) -> None:
        """``said`` has the pids of calls that answer otherwise, by the method's name."""
        self._threads = dict(threads or {})
        self._ended = frozenset(ended)
        processes = None if alive is None else frozenset(alive)
        everything = None if processes is None else processes | self._threads.keys()
        self._said: dict[str, frozenset[int] | None] = {
            "alive": processes, "thread_group": processes,
            "signal0": everything, "group": everything, "scheduler": everything,
        }  # fmt: skip
        for call, pids in (said or {}).items():
            self._said[call] = None if pids is None else frozenset(pids)

    def _answer(self, call: str, pid: int) -> bool | None:
        pids = self._said[call]
        return None if pids is None else pid in pids

    def hold(self, pid: int) -> Held | None:
        return _Remembered(pid, pid in self._ended) if self.alive(pid) else None

    def alive(self, pid: int) -> bool | None:
        return self._answer("alive", pid)

    def signal0(self, pid: int) -> bool | None:
        return self._answer("signal0", pid)

    def group(self, pid: int) -> bool | None:
        return self._answer("group", pid)

    def scheduler(self, pid: int) -> bool | None:
        return self._answer("scheduler", pid)

    def thread_group(self, pid: int) -> bool | None:
        return self._answer("thread_group", pid)

    def belongs(self, tid: int, pid: int) -> bool | None:
        if tid == pid:
            return self.thread_group(pid)
        return None if self._said["thread_group"] is None else self._threads.get(tid) == pid
