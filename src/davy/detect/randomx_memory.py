"""RandomX by what it computes with: its data set and scratchpads, its ever new programs, a machine tuned for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.rule import Observation, detector
from davy.detect.workload import burning, native
from davy.knowledge.tuning import miners_register
from davy.model.computation import Backing, Workload
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot

_MIB: Final = 1 << 20
_DATASETS: Final = (2080 * _MIB, (2080 + 256) * _MIB)
"""What RandomX computes from in fast mode, alone or together with the cache it was made of."""
_GIANT: Final = 3 << 30
"""Both in pages of 1 GiB."""
_CACHE: Final = 256 * _MIB
_SCRATCHPAD: Final = 2 * _MIB
_STACK: Final = 8 * _MIB
_SLACK: Final = 256 << 10
"""What allocators add, and a thread's own buffers."""

_CHANGES_LEAST: Final = 2


def _fits(size: int, base: int, threads: int) -> bool:
    """Whether memory is this much, together with scratchpads and stacks that the kernel joined to it."""
    over = size - base
    most = (threads + 2) * (_SCRATCHPAD + _STACK)
    return 0 <= over <= most and over % _SCRATCHPAD <= _SLACK


def _scratchpads(work: Workload, data: int) -> int:
    """How many scratchpads there may be: pieces of 2 MiB, alone, joined to each other, or joined to the data set."""
    found, most = 0, max(work.busy_threads, 1) + 1
    for region in work.regions:
        pieces, rest = divmod(region.bytes, _SCRATCHPAD)
        if 0 < pieces <= most and rest <= _SLACK and (region.bytes != _STACK or region.backing is Backing.HUGE):
            found += pieces * region.count
    base = max((each for each in (*_DATASETS, _CACHE) if each <= data), default=data)
    return found + (data - base) // _SCRATCHPAD


def _programs_change(work: Workload) -> bool:
    """Whether its code was another whenever it had run for a moment; the kernel's count of that is behind by one."""
    return work.code_changes >= max(work.code_runs - 1, _CHANGES_LEAST)


@detector("behaviour.randomx-memory", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def randomx_memory(snapshot: Snapshot) -> Iterator[Observation]:
    """A burning process has memory as RandomX wants it: the data set of 2,080 MiB or its cache, and scratchpads.

    RandomX reads from a data set of exactly that size, which is made from a cache of 256 MiB (light mode has the cache
    alone), and each thread works on 2 MiB and runs programs that are written anew for every hash.  Heaps of that
    size are rare, and with both of the other marks hardly anything else is left; a person's own benchmark is the same.
    """
    for process, work in burning(snapshot):
        threads = max(work.busy_threads, 1)
        sizes = {region.bytes: region.backing for region in work.regions}
        fast = [size for size in sizes if any(_fits(size, base, threads) for base in _DATASETS)]
        fast += [size for size, backing in sizes.items() if size == _GIANT and backing is Backing.HUGE]
        light = [size for size in sizes if _fits(size, _CACHE, threads)]
        own = native(snapshot, process)
        pads = _scratchpads(work, max(fast or light, default=0))
        if fast and pads >= work.busy_threads > 0 and work.code_bytes and _programs_change(work) and own:
            degree = "data set and programs"
        elif fast and pads >= work.busy_threads > 0 and own:
            degree = "data set and scratchpads"
        elif light and pads >= work.busy_threads > 0 and _programs_change(work) and own:
            degree = "cache and programs"
        else:
            continue
        data = max(fast or light)
        evidence = [f"{data / _MIB:.1f} MiB in one piece, {sizes[data]}", f"{pads} pieces of 2 MiB"]
        evidence.append(f"{work.busy_threads} busy threads")
        if work.code_bytes:
            evidence.append(
                f"{work.code_bytes >> 10} KiB of code in memory, another at {work.code_changes} of "
                f"{max(work.code_looks - 1, 0)} looks"
            )
        if work.huge_bytes or work.transparent_huge_bytes:
            evidence.append(f"{(work.huge_bytes + (work.transparent_huge_bytes or 0)) >> 20} MiB in huge pages")
        yield Observation(
            subject=process.subject,
            degree=degree,
            summary=f"has memory as RandomX wants it: {'the data set' if fast else 'the cache'} and scratchpads",
            evidence=tuple(evidence),
        )


@detector("behaviour.changing-code", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def changing_code(snapshot: Snapshot) -> Iterator[Observation]:
    """A burning process writes its own code anew all the time, and is no runtime that is known to.

    RandomX runs a new program some thousand times a second.  Runtimes (Java, Node, Python's numba, Wine, QEMU) write
    code, too, but keep it once they are warm; emulators of games do as RandomX does.
    """
    for process, work in burning(snapshot):
        if not work.code_bytes or not _programs_change(work) or not native(snapshot, process):
            continue
        yield Observation(
            subject=process.subject,
            summary="runs code that it writes anew all the time",
            evidence=(
                f"{work.code_bytes >> 10} KiB of executable memory without a file, "
                f"{work.writable_code_bytes >> 10} KiB of it writable",
                f"another at {work.code_changes} of {work.code_looks - 1} looks, 4 ms apart",
            ),
        )


@detector("behaviour.tuned-machine", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def tuned_machine(snapshot: Snapshot) -> Iterator[Observation]:
    """The machine was tuned as RandomX wants it, and this process did it or gains by it.

    Miners switch a processor's prefetchers off as they start, and the kernel's log names the writer as it was called
    then; and they have huge pages kept back.  Databases, virtual machines and clusters are tuned alike.
    """
    found = snapshot.tuning
    if found is None:
        return
    boot = snapshot.host.boot_time
    writes = [write for write in found.msr_writes if miners_register(write.name, write.register)]
    for process, work in burning(snapshot):
        threads = {process.pid, *(thread.tid for thread in work.threads)}
        began = process.start_time - boot if boot is not None else 0.0
        own = [write for write in writes if write.since_boot is None or write.since_boot >= began - 1.0]
        named = [write for write in own if write.pid in threads or (write.name == process.name and not write.pid)]
        alike = [write for write in writes if write.name == process.name]
        if named or alike:
            write = (named or alike)[-1]
            yield Observation(
                subject=process.subject,
                degree="wrote registers" if named else "named alike",
                summary="switched the processor's prefetchers off, as RandomX wants it",
                evidence=(f"kernel log: MSR {write.register:#x} written by {write.name} (pid {write.pid})",),
            )
        elif work.huge_bytes and found.huge_pages and native(snapshot, process):
            lines = tuple(f"{line.path}:{line.line}: {line.text.strip()}" for line in found.huge_page_lines[:4])
            yield Observation(
                subject=process.subject,
                degree="huge pages",
                summary="computes in huge pages that the machine was set to keep back",
                evidence=(f"{work.huge_bytes >> 20} MiB of it, vm.nr_hugepages is {found.huge_pages}", *lines),
            )
