"""The rounding mode of running threads, read from their registers while each is stopped for a tenth of a millisecond.

A thread is seized, interrupted, read and let go again, every time anew: it is traced for no longer than it takes to
read it.  Whatever goes wrong meanwhile, the thread of Davy's own that traces ends, and the kernel lets go of all it
traced: the same happens when Davy is killed.  A tracer holds one thread at a time and never asks for a second before
the first is let go, so a process in the midst of execve(2) and its tracer cannot wait for each other.

Signals are looked at without being taken (WNOWAIT), so one that arrives in the same moment is delivered, once, even
if the tracer dies before it lets go.  A process that somebody stopped stays stopped: the kernel stops it anew when it
is no longer traced.

Source: ptrace(2); kernel/ptrace.c (__ptrace_unlink, exit_ptrace); kernel/signal.c (ptrace_stop); Intel SDM volume 1,
10.2.3; Arm ARM, FPCR and FPSCR; arch/x86/kernel/ptrace.c, arch/arm64/kernel/ptrace.c (register sets).
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, NamedTuple

from davy.host.errors import Gone, HostError, Refused
from davy.host.procfs import Procfs
from davy.host.stat import parse_stat
from davy.host.syscalls import ptrace_detach, ptrace_interrupt, ptrace_registers, ptrace_seize
from davy.model.computation import RoundingMode

_WALL: Final = 0x40000000
_LOOK: Final = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT | _WALL
_GLANCES: Final = 24
"""So often a thread is looked at without a pause: on another CPU it stops within microseconds."""
_NAP: Final = 0.00005
_NAP_LIMIT: Final = 0.0005
_STOP_SECONDS: Final = 0.25
"""A thread that has not stopped by then sleeps within the kernel, or is kept off the CPUs by its control group."""
_JOIN_SECONDS: Final = 0.1

_NT_PRSTATUS: Final = 1
_NT_PRFPREG: Final = 2
_NT_PRXFPREG: Final = 0x46E62B7F
_NT_ARM_VFP: Final = 0x400

_X86: Final = (RoundingMode.NEAREST, RoundingMode.DOWN, RoundingMode.UP, RoundingMode.ZERO)
_ARM: Final = (RoundingMode.NEAREST, RoundingMode.UP, RoundingMode.DOWN, RoundingMode.ZERO)


class _Place(NamedTuple):
    """Where a set of registers has the rounding mode."""

    kind: int
    offset: int
    shift: int
    modes: tuple[RoundingMode, ...]


_PLACES: Final[dict[str, tuple[_Place, ...]]] = {
    "x86_64": (_Place(_NT_PRFPREG, 24, 13, _X86), _Place(_NT_PRXFPREG, 24, 13, _X86)),
    "aarch64": (_Place(_NT_PRFPREG, 516, 22, _ARM), _Place(_NT_ARM_VFP, 256, 22, _ARM)),
}
"""By machine: as 64-bit threads have it, then as 32-bit ones do."""
_FXSAVE_BYTES: Final = 512
"""Of a 32-bit thread on x86 the first kind holds 108 bytes, of the old FPU alone."""
_REGISTERS_LIMIT: Final = 640


class Refusal(StrEnum):
    """Why a process was not sampled, or not to the end."""

    TRACED = "somebody else traces it"
    NOT_PERMITTED = "not permitted"
    NEVER_STOPPED = "a thread of it did not stop in time"
    FAILED = "its registers cannot be read"


class Sampled(NamedTuple):
    """What was seen of one process: the modes of each thread in order, and what kept Davy from seeing more."""

    modes: Mapping[int, Sequence[RoundingMode]]
    refusals: frozenset[Refusal]


class Tracee(NamedTuple):
    """A process, and which threads of it are to be sampled."""

    pid: int
    start_ticks: int
    tids: tuple[int, ...]


Settled = Callable[[Mapping[int, Sequence[RoundingMode]], float], bool]
"""Whether the modes seen of a process, after so many seconds, are enough."""


class Turns(NamedTuple):
    """How often each thread is stopped: once a turn, until that has ``settled`` something."""

    pause: float
    """Seconds from one turn to the next."""
    settled: Settled
    most: int
    """Never more turns than this."""


def can_trace() -> bool:
    """Whether Davy knows where this processor has the rounding mode."""
    return os.uname().machine in _PLACES and struct.calcsize("P") == 8


class _Registers(NamedTuple):
    mode: RoundingMode
    text: bytes
    """All that was read: the very same again is a thread that has not run meanwhile."""


def _registers(thread: int) -> _Registers:
    """The rounding mode of a stopped thread, among its registers.  Raises OSError."""
    for place in _PLACES[os.uname().machine]:
        try:
            data = ptrace_registers(thread, place.kind, _REGISTERS_LIMIT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            continue  # a thread of the other kind has no such set
        if len(data) >= max(place.offset + 4, _FXSAVE_BYTES if place.modes is _X86 else 0):
            word = int.from_bytes(data[place.offset : place.offset + 4], sys.byteorder)
            general = ptrace_registers(thread, _NT_PRSTATUS, _REGISTERS_LIMIT)
            return _Registers(place.modes[word >> place.shift & 3], general + data)
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


class _Lost(Exception):
    """What is traced cannot be let go of in order: its tracer must end, so that the kernel lets go of it."""


class _Case:
    """What the tracers of one process's threads have seen of it together."""

    def __init__(self, tracee: Tracee) -> None:
        self.pid, self.start_ticks = tracee.pid, tracee.start_ticks
        self.modes: dict[int, list[RoundingMode]] = {tid: [] for tid in tracee.tids}
        self.refusals: set[Refusal] = set()
        self.settled = False


class _Tracer:
    """Takes the samples of one thread.  Its `run` is for a thread of Davy's own, which ends when it returns."""

    def __init__(
        self, procfs: Procfs, case: _Case, tid: int, turns: Turns, over: threading.Event, seconds: float
    ) -> None:
        self._procfs, self._case, self._tid, self._turns, self._over = procfs, case, tid, turns, over
        self._began = time.monotonic()
        self._deadline = self._began + seconds
        self._last = b""

    def run(self) -> None:
        try:
            for _ in range(self._turns.most):
                began = time.monotonic()
                if self._ended() or self._case.settled or not self._sample():
                    return
                self._case.settled |= self._turns.settled(self._case.modes, time.monotonic() - self._began)
                self._over.wait(max(min(began + self._turns.pause, self._deadline) - time.monotonic(), 0.0))
        except _Lost:
            return
        except OSError:
            self._case.refusals.add(Refusal.FAILED)

    def _ended(self) -> bool:
        return self._over.is_set() or time.monotonic() >= self._deadline

    def _sample(self) -> bool:
        """One sample of a thread that wants a CPU; False when there will be none any more.

        A thread that sleeps is left alone, since stopping it could be felt: some system calls are not taken up again.
        On a busy machine a thread may not have run since it was sampled last: that is no further sample.  Raises
        `_Lost`, and OSError for registers that cannot be read: it is traced no longer, or until the tracer ends.
        """
        try:
            if not self._wants_a_cpu():
                return True
        except HostError:
            return False
        if not self._seize():
            return False
        try:
            ptrace_interrupt(self._tid)
            found = self._stopped()
            if found.si_code in (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED):
                return False  # the kernel buries it, or leaves a whole process to its parent, when the tracer ends
            try:
                registers = _registers(self._tid)
            finally:
                self._let_go(found.si_status)
        except ProcessLookupError:
            raise _Lost from None  # killed while it was stopped
        if registers.text != self._last:
            self._case.modes[self._tid].append(registers.mode)
        self._last = registers.text
        return True

    def _wants_a_cpu(self) -> bool:
        """By its state now.  Raises `HostError` when it is not the thread any more that was meant."""
        case = self._case
        stat = parse_stat(self._procfs.read(f"{case.pid}/task/{self._tid}/stat"))
        if self._tid == case.pid and stat.start_ticks != case.start_ticks:
            raise Gone(f"{case.pid}: another process")
        return stat.state == "R"

    def _seize(self) -> bool:
        try:
            ptrace_seize(self._tid)
        except ProcessLookupError:
            return False
        except OSError as error:
            self._case.refusals.add(self._reason(error))
            return False
        return True

    def _reason(self, error: OSError) -> Refusal:
        if error.errno != errno.EPERM:
            return Refusal.FAILED
        try:
            status = self._procfs.read(f"{self._case.pid}/task/{self._tid}/status")
        except HostError:
            return Refusal.NOT_PERMITTED
        return Refusal.NOT_PERMITTED if b"\nTracerPid:\t0\n" in status else Refusal.TRACED

    def _stopped(self) -> os.waitid_result:
        """The thread once it has stopped, or ended.  Raises `_Lost` for one that does neither in time."""
        until, nap = time.monotonic() + _STOP_SECONDS, 0.0
        for glance in itertools.count(1):
            try:
                found = os.waitid(os.P_PID, self._tid, _LOOK)
            except ChildProcessError:
                raise _Lost from None  # its process runs another program now, under another thread
            if found is not None:
                return found
            if time.monotonic() > until:
                self._case.refusals.add(Refusal.NEVER_STOPPED)
                raise _Lost
            if self._over.is_set() and glance > 2 * _GLANCES:
                raise _Lost
            if glance > _GLANCES:
                nap = min(max(nap * 1.2, _NAP), _NAP_LIMIT)
            time.sleep(nap)
        raise _Lost

    def _let_go(self, status: int) -> None:
        """Let a stopped thread run on.  Only where it stopped for a signal is there one to deliver.

        Source: ptrace(2), "Signal-delivery-stop"; a status with an event in its second byte stopped for that alone.
        Raises OSError.
        """
        event, number = status >> 8, status & 0x7F
        ptrace_detach(self._tid, 0 if event else number)


def rounding_modes(procfs: Procfs, tracees: Sequence[Tracee], turns: Turns, seconds: float) -> list[Sampled]:
    """Sample all threads at the same time, each by a thread of Davy's own, for ``seconds`` at most.

    What is refused, or does not stop, is said of its process.  Raises `Refused` when Davy may have no more threads.
    """
    cases, over, running = [_Case(tracee) for tracee in tracees], threading.Event(), []
    deadline = time.monotonic() + seconds
    with _cannot_be_suspended():
        try:
            for case in cases:
                for tid in case.modes:
                    running.append(_started(_Tracer(procfs, case, tid, turns, over, seconds)))  # noqa: PERF401
            for thread in running:
                thread.join(max(deadline - time.monotonic(), 0.0))
        finally:
            over.set()
            until = time.monotonic() + _JOIN_SECONDS
            for thread in running:
                thread.join(max(until - time.monotonic(), 0.0))
    return [
        Sampled({tid: tuple(modes) for tid, modes in case.modes.items()}, frozenset(case.refusals))
        for case in cases
    ]  # fmt: skip


def _started(tracer: _Tracer) -> threading.Thread:
    """The thread that traces; nobody has to wait for it to end.  Raises `Refused` where there can be none."""
    thread = threading.Thread(target=tracer.run, name="rounding", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise Refused(f"rounding: {error}") from None
    return thread


@contextmanager
def _cannot_be_suspended() -> Iterator[None]:
    """Put off Ctrl-Z: suspended between a stop and its end, Davy would keep somebody else from going on, too."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
