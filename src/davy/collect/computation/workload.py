"""The shape of a computation: memory, code, threads and calls of the processes that burn, read without stopping them.

Source: proc_pid_maps(5), proc_pid_status(5), proc_pid_io(5), proc_pid_mem(5), proc_pid_fd(5), proc_pid_fdinfo(5),
proc_pid_smaps(5) (smaps_rollup), Documentation/scheduler/sched-stats.rst.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Final, NamedTuple

from msgspec import Struct

from davy.collect.computation.burners import burners
from davy.host import Gone, Host, HostError, Kernel
from davy.host.procfs import Procfs
from davy.host.stat import parse_schedstat, parse_sleeps, parse_stat
from davy.model.computation import Backing, Region, ThreadWork, Workload
from davy.model.facts import Gap, Process
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

_PROCESSES_LIMIT: Final = 32
_MAPS_LIMIT: Final = 2 << 20
_REGION_LEAST: Final = 256 << 10
_REGIONS_LIMIT: Final = 64
"""Kinds of regions that are kept, the biggest first."""
_THREADS_LIMIT: Final = 128
_DESCRIPTORS_LIMIT: Final = 1024
_FILES_LIMIT: Final = 16
_ROLLUP_LIMIT: Final = 4 << 30
"""Bytes in memory up to which the kernel is asked for transparent huge pages: it walks every page."""
_CODE_LOOKS: Final = 24
"""At most; no more than are needed to see each process `_CODE_RUNS` times after it had a CPU."""
_CODE_RUNS: Final = 3
_RUN_LEAST: Final = 0.0005
"""Seconds of CPU time after which a program of RandomX has been run and the next one written."""
_CODE_PAUSE: Final = 0.004
"""Seconds between two looks at the code: RandomX writes its programs anew some thousand times a second."""
_CODE_PART: Final = 16 << 10
_CODE_PARTS: Final = 32
"""So many parts of its code are looked at, evenly spread: the programs of many threads may be one mapping."""
_CODE_MAPPINGS: Final = 256
_RUNNERS_LIMIT: Final = 8
"""Threads that are asked whether they ran meanwhile."""

_MAPPING: Final = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) (....) [0-9a-f]+ [0-9a-f:]+ \d+ *(.*)$", re.MULTILINE)
_NOBODYS: Final = (b"/memfd:", b"/dev/zero", b"/SYSV", b"/anon_hugepage", b"/dev/shm/", b"[anon")
_NO_INPUT: Final = (
    "/dev/null", "/dev/pts/", "/dev/tty", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/console", "/proc/",
    "/memfd:",
)  # fmt: skip
_O_WRONLY: Final = 1


class _Memory(NamedTuple):
    regions: tuple[Region, ...]
    code: tuple[tuple[int, int], ...]
    """Start and length of every mapping of code that is nobody's file."""
    code_bytes: int
    writable_code_bytes: int


class _Calls(NamedTuple):
    reads: int
    writes: int
    read_bytes: int
    written_bytes: int


class _Look(Struct):
    """What is kept of one process between its first look and its last."""

    process: Process
    memory: _Memory
    descriptor: int | None
    calls: _Calls | None
    threads: dict[str, bytes]
    parts: tuple[tuple[int, int], ...]
    """Start and length of what is looked at of its code."""
    fingerprint: bytes | None = None
    ran: float = 0.0
    looks: int = 0
    changes: int = 0
    runs: int = 0


def workloads(host: Host, snapshot: Snapshot, _: Reach) -> Iterator[Workload | Gap]:
    """The workload of each examined process that burns; what vanishes meanwhile has none.

    All are looked at in turn, so that the pauses between two looks are shared by all of them.
    """
    kernel = host.kernel
    if kernel is None:
        return
    with ExitStack() as open_memory:
        begun: list[_Look] = []
        for process in burners(snapshot, _PROCESSES_LIMIT):
            try:
                look, gaps = _begin(kernel, process, open_memory)
            except Gone:
                continue
            except HostError as error:
                yield Gap("workload", f"process {process.pid} ({process.name})", str(error))
                continue
            begun.append(look)
            yield from gaps
        _look_at_codes(kernel, [look for look in begun if look.descriptor is not None])
        for look in begun:
            try:
                yield _finish(kernel, look)
            except Gone:
                continue
            except HostError as error:
                yield Gap("workload", f"process {look.process.pid} ({look.process.name})", str(error))


def _begin(kernel: Kernel, process: Process, open_memory: ExitStack) -> tuple[_Look, list[Gap]]:
    procfs, pid, gaps = kernel.procfs, process.pid, []
    named = f"process {pid} ({process.name})"
    if parse_stat(procfs.read(f"{pid}/stat")).start_ticks != process.start_ticks:
        raise Gone(f"{pid}: another process")
    text = procfs.read(f"{pid}/maps", _MAPS_LIMIT)
    if len(text) >= _MAPS_LIMIT:
        gaps.append(Gap("workload", f"the rest of the maps of {named}", f"more than {_MAPS_LIMIT >> 20} MiB of them"))
    memory = parse_regions(text, process.exe_path)
    descriptor = None
    if memory.code:
        try:
            descriptor = procfs.open(f"{pid}/mem")
            open_memory.callback(os.close, descriptor)
        except HostError as error:
            gaps.append(Gap("workload", f"the code in memory of {named}", str(error)))
    threads = _threads(procfs, pid)
    if len(threads) >= _THREADS_LIMIT < process.threads:
        gaps.append(Gap("workload", f"the rest of the threads of {named}", f"more than {_THREADS_LIMIT} of them"))
    return _Look(process, memory, descriptor, _calls(procfs, pid), threads, parts_of(memory.code)), gaps


def parse_regions(text: bytes, program: str | None) -> _Memory:
    """Memory that is nobody's file, out of ``/proc/PID/maps``; a last line that was cut is passed over.

    A ``program`` that never was a file is not memory in this sense.
    """
    own = os.fsencode(program) if program else None
    counts: Counter[tuple[int, Backing]] = Counter()
    code: list[tuple[int, int]] = []
    code_bytes = writable_code = 0
    for start, end, rights, path in _MAPPING.findall(text):
        if path and (not path.startswith(_NOBODYS) and b"hugepage" not in path):
            continue
        if own is not None and path.removesuffix(b" (deleted)") == own:
            continue
        first, size = int(start, 16), int(end, 16) - int(start, 16)
        if rights[2:3] == b"x":
            code.append((first, size))
            code_bytes += size
            writable_code += size if rights[1:2] == b"w" else 0
        if rights[1:2] == b"w" and size >= _REGION_LEAST:
            counts[size, _backing(path)] += 1
    regions = (Region(size, backing, count) for (size, backing), count in counts.items())
    biggest = sorted(regions, key=lambda region: (-region.bytes, region.backing))[:_REGIONS_LIMIT]
    return _Memory(tuple(biggest), tuple(code), code_bytes, writable_code)


def parts_of(code: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """What to look at of these mappings, evenly spread over all of them."""
    pages = [range(start, start + size, _CODE_PART) for start, size in code[:_CODE_MAPPINGS]]
    ends = [start + size for start, size in code[:_CODE_MAPPINGS]]
    count = sum(map(len, pages))
    step = -(-count // _CODE_PARTS) if count else 1
    chosen, skip = [], 0
    for part, end in zip(pages, ends, strict=True):
        chosen += [(start, min(_CODE_PART, end - start)) for start in part[skip::step]]
        skip = (skip - len(part)) % step
    return tuple(chosen)


def _backing(path: bytes) -> Backing:
    if b"hugepage" in path:
        return Backing.HUGE
    return Backing.SHARED if path and not path.startswith(b"[anon:") else Backing.ANONYMOUS


def _look_at_codes(kernel: Kernel, begun: list[_Look]) -> None:
    """Look at the code of all, again and again, until each has run between enough of the looks."""
    for number in range(_CODE_LOOKS):
        if not begun or all(look.runs >= _CODE_RUNS for look in begun):
            return
        if number:
            kernel.sleep(_CODE_PAUSE)
        for look in begun:
            _look_at_code(kernel.procfs, look)


def _look_at_code(procfs: Procfs, look: _Look) -> None:
    """One look at the beginnings of its code; what ends under our hands gives nothing more."""
    digest = hashlib.blake2b(digest_size=16)
    got = 0
    for start, size in look.parts:
        try:
            part = os.pread(look.descriptor or 0, size, start)
        except (OSError, OverflowError):
            continue  # a page that is not there, or was given back meanwhile
        got += len(part)
        digest.update(part)
    if not got:
        return
    now, ran = digest.digest(), _ran(procfs, look)
    look.looks += 1
    if look.fingerprint is not None:
        look.changes += now != look.fingerprint
        look.runs += ran - look.ran >= _RUN_LEAST
    look.fingerprint, look.ran = now, ran


def _ran(procfs: Procfs, look: _Look) -> float:
    """CPU seconds of the threads that wanted a CPU at the first look, some of them."""
    tids = [tid for tid, text in look.threads.items() if b"\nState:\tR" in text][:_RUNNERS_LIMIT]
    total = 0.0
    for text in procfs.read_each([f"{look.process.pid}/task/{tid}/schedstat" for tid in tids]):
        with suppress(ValueError, IndexError):
            total += parse_schedstat(text)[0] if isinstance(text, bytes) else 0.0
    return total


def _finish(kernel: Kernel, look: _Look) -> Workload:
    procfs, pid, process = kernel.procfs, look.process.pid, look.process
    stat = procfs.read(f"{pid}/stat")
    if parse_stat(stat).start_ticks != process.start_ticks:
        raise Gone(f"{pid}: another process")
    fields = stat[stat.rfind(b")") + 2 :].split()
    calls = _calls(procfs, pid)
    status = procfs.read(f"{pid}/status")
    files, sockets = _open(procfs, pid)
    return Workload(
        pid=pid,
        start_ticks=process.start_ticks,
        regions=look.memory.regions,
        huge_bytes=_kibibytes(status, b"HugetlbPages:"),
        transparent_huge_bytes=_transparent(procfs, pid, _kibibytes(status, b"VmRSS:")),
        code_bytes=look.memory.code_bytes,
        writable_code_bytes=look.memory.writable_code_bytes,
        code_looks=look.looks,
        code_changes=look.changes,
        code_runs=look.runs,
        threads=tuple(_worked(look.threads, _threads(procfs, pid))),
        user_seconds=int(fields[11]) / kernel.ticks_per_second,
        system_seconds=int(fields[12]) / kernel.ticks_per_second,
        read_calls=calls.reads if calls else None,
        write_calls=calls.writes if calls else None,
        read_bytes=calls.read_bytes if calls else None,
        written_bytes=calls.written_bytes if calls else None,
        window_calls=calls.reads + calls.writes - look.calls.reads - look.calls.writes
        if calls and look.calls
        else None,
        open_files=files,
        sockets=sockets,
    )


def _kibibytes(status: bytes, name: bytes) -> int:
    """One line of ``/proc/PID/status`` or ``smaps_rollup``, in bytes; 0 where the kernel does not tell."""
    found = re.search(rb"^" + re.escape(name) + rb"\s+(\d{1,15}) kB", status, re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def _transparent(procfs: Procfs, pid: int, resident: int) -> int | None:
    if resident > _ROLLUP_LIMIT:
        return None
    try:
        return _kibibytes(procfs.read(f"{pid}/smaps_rollup"), b"AnonHugePages:")
    except HostError:
        return None


def _calls(procfs: Procfs, pid: int) -> _Calls | None:
    try:
        rows = dict(line.split(b":", 1) for line in procfs.read(f"{pid}/io").splitlines())
        return _Calls(int(rows[b"syscr"]), int(rows[b"syscw"]), int(rows[b"rchar"]), int(rows[b"wchar"]))
    except (HostError, ValueError, KeyError):
        return None


def _threads(procfs: Procfs, pid: int) -> dict[str, bytes]:
    """The status of each thread, and its schedstat in the line before, by thread id."""
    found = {}
    tids = procfs.names(f"{pid}/task")[:_THREADS_LIMIT]
    texts = list(procfs.read_each([f"{pid}/task/{tid}/{name}" for tid in tids for name in ("schedstat", "status")]))
    for tid, schedstat, status in zip(tids, texts[::2], texts[1::2], strict=True):
        if isinstance(schedstat, bytes) and isinstance(status, bytes):
            found[tid] = schedstat.rstrip(b"\n") + b"\n" + status
    return found


def _worked(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[ThreadWork]:
    for tid, text in after.items():
        schedstat, _, status = text.partition(b"\n")
        try:
            cpu, _ = parse_schedstat(schedstat)
            runnable, sleeps = parse_sleeps(status)
            was_runnable = tid in before and parse_sleeps(before[tid])[0]
        except (ValueError, IndexError):
            continue
        mask = re.search(rb"^Cpus_allowed:\t([0-9a-f,]+)$", status, re.MULTILINE)
        cpus = int(mask[1].replace(b",", b""), 16).bit_count() if mask else 0
        yield ThreadWork(int(tid), cpu, sleeps, cpus, runnable and was_runnable)


def _open(procfs: Procfs, pid: int) -> tuple[tuple[str, ...], int]:
    """Files a process may read from, and how many sockets it has; output, error and what is only written are not."""
    try:
        names = procfs.names(f"{pid}/fd")[:_DESCRIPTORS_LIMIT]
    except HostError:
        return (), 0
    files: list[str] = []
    sockets = 0
    for name in names:
        try:
            target = procfs.link(f"{pid}/fd/{name}")
            if target.startswith("socket:"):
                sockets += 1
                continue
            file = name not in ("1", "2") and target.startswith("/") and not target.startswith(_NO_INPUT)
            if file and len(files) < _FILES_LIMIT and _readable(procfs, pid, name):
                files.append(target)
        except HostError:
            continue
    return tuple(files), sockets


def _readable(procfs: Procfs, pid: int, descriptor: str) -> bool:
    found = re.search(rb"^flags:\t0*([0-7]{1,12})$", procfs.read(f"{pid}/fdinfo/{descriptor}"), re.MULTILINE)
    return found is None or int(found[1], 8) & 3 != _O_WRONLY
