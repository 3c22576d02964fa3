"""Rounding modes: the busiest threads of the processes that burn, each stopped for a tenth of a millisecond at a time.

Source: ptrace(2); RandomX specification, 5.4.1 (CFROUND): a program of 256 instructions has one on average, and a
thread runs thousands of programs a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from davy.collect.computation.burners import burners
from davy.host import Host, HostError, Kernel
from davy.host.stat import parse_schedstat, parse_stat
from davy.host.tracing import Refusal, Tracee, Turns
from davy.model.computation import Rounding, RoundingMode, ThreadRounding
from davy.model.facts import Gap, Process
from davy.model.lookup import lookup
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

_WHAT: Final = "rounding of floating point"
_PROCESSES_LIMIT: Final = 8
_THREADS_LIMIT: Final = 8
"""Of all processes together, fairly shared out: a miner's threads all do the same."""
_THREADS_OF_ONE: Final = 4
_CANDIDATES_LIMIT: Final = 256
_SAMPLES: Final = 32
_SAMPLES_IN_ALL: Final = 40
"""So many samples say as much once each direction is a good part of them."""
_EACH_LEAST: Final = 6
_EACH_SHARE: Final = 1 / 8
_TURNS_LIMIT: Final = 96
"""While the samples are of several modes but not of all, or too few."""
_PAUSE: Final = 0.002
"""Seconds between two samples of a thread: about as long as RandomX takes for one program without its data set."""
_PATIENCE: Final = 0.15
"""After so many seconds fewer samples have to do, where none is out of the ordinary: the machine is busy."""
_SAMPLES_LEAST: Final = 12
_SECONDS: Final = 0.6
"""On a machine with more work than CPUs a thread may have to wait before it can stop."""

_DIRECTED: Final = frozenset({RoundingMode.DOWN, RoundingMode.UP, RoundingMode.ZERO})


def roundings(host: Host, snapshot: Snapshot, reach: Reach) -> Iterator[Rounding | Gap]:
    """The rounding of each examined process that burns, as far as the kernel lets Davy look at it."""
    kernel = host.kernel
    burning = list(burners(snapshot, _PROCESSES_LIMIT + 1))
    if kernel is None or not burning:
        return
    if not reach.ptrace:
        yield Gap("rounding", _WHAT, "not asked for: it takes ptrace")
        return
    if len(burning) > _PROCESSES_LIMIT:
        yield Gap("rounding", _WHAT, f"of the {_PROCESSES_LIMIT} busiest processes only")
    share = max(min(_THREADS_LIMIT // len(burning), _THREADS_OF_ONE), 1)
    chosen = [
        (process, Tracee(process.pid, process.start_ticks, tids))
        for process in burning[:_PROCESSES_LIMIT]
        if process.pid != 1 and _same(kernel, process)
        if (tids := _busiest(kernel, snapshot, process)[:share])
    ]
    try:
        sampled = kernel.rounding(
            [tracee for _, tracee in chosen],
            Turns(_PAUSE, _settled, _TURNS_LIMIT),
            _SECONDS,
        )
    except HostError as error:
        yield Gap("rounding", _WHAT, str(error))
        return
    refused = []
    for (process, tracee), (modes, refusals) in zip(chosen, sampled, strict=True):
        if Refusal.NOT_PERMITTED in refusals:
            refused.append(process)
        for refusal in sorted(refusals - {Refusal.NOT_PERMITTED}):
            yield Gap("rounding", f"{_WHAT} of process {process.pid} ({process.name})", str(refusal))
        threads = tuple(_counted(tid, modes[tid]) for tid in tracee.tids if modes[tid])
        if threads and _same(kernel, process):
            yield Rounding(pid=process.pid, start_ticks=process.start_ticks, threads=threads)
    if refused:
        yield Gap("rounding", _WHAT, f"not permitted for {len(refused)} of the {len(chosen)} busiest processes")


def _busiest(kernel: Kernel, snapshot: Snapshot, process: Process) -> tuple[int, ...]:
    """The threads of a process that have run the most since they were looked at last.

    Raises nothing: of a process that has gone there are none.
    """
    detail = lookup(snapshot).detail.get(process.subject)
    before = {thread.tid: thread.cpu_seconds for thread in detail.thread_loads} if detail else {}
    try:
        tids = [int(name) for name in kernel.procfs.names(f"{process.pid}/task")[:_CANDIDATES_LIMIT]]
    except (HostError, ValueError):
        return ()
    texts = kernel.procfs.read_each([f"{process.pid}/task/{tid}/schedstat" for tid in tids])
    ran = {}
    for tid, text in zip(tids, texts, strict=True):
        try:
            ran[tid] = parse_schedstat(text)[0] - before.get(tid, 0.0) if isinstance(text, bytes) else 0.0
        except (ValueError, IndexError):
            continue
    return tuple(sorted((tid for tid in ran if ran[tid] > 0.0), key=lambda tid: (-ran[tid], tid)))


def _settled(modes: Mapping[int, Sequence[RoundingMode]], seconds: float) -> bool:
    """Whether more samples would say no more: each direction was seen often enough, or no thread in two modes."""
    seen = [(len(each), frozenset(each)) for each in modes.values()]
    restless = [mode for each in modes.values() if len(frozenset(each)) > 1 for mode in each]
    if restless:
        rarest = min(restless.count(direction) for direction in _DIRECTED)
        enough = len(restless) >= _SAMPLES_IN_ALL and rarest >= max(_EACH_LEAST, _EACH_SHARE * len(restless))
        return enough and any(kinds >= _DIRECTED for _, kinds in seen)
    if seconds < _PATIENCE:
        return all(count >= _SAMPLES for count, _ in seen)
    return sum(count for count, _ in seen) >= _SAMPLES_LEAST


def _counted(tid: int, modes: Sequence[RoundingMode]) -> ThreadRounding:
    return ThreadRounding(
        tid=tid,
        nearest=modes.count(RoundingMode.NEAREST),
        down=modes.count(RoundingMode.DOWN),
        up=modes.count(RoundingMode.UP),
        zero=modes.count(RoundingMode.ZERO),
        changes=sum(one is not other for one, other in pairwise(modes)),
    )


def _same(kernel: Kernel, process: Process) -> bool:
    """Whether its pid is still that of the same process."""
    try:
        return parse_stat(kernel.procfs.read(f"{process.pid}/stat")).start_ticks == process.start_ticks
    except HostError:
        return False
