"""Memory maps and the shape of a computation, as the kernel writes them and as an enemy might."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.computation.burners import burners
from davy.collect.computation.workload import parse_regions, parts_of, workloads
from davy.collect.facts import every
from davy.collect.processes import sweep
from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.computation import Backing, Region, Workload
from davy.model.facts import Host as HostFacts
from davy.model.facts import Load, Process, ProcessDetail, ProcessKey
from davy.model.reach import USUAL
from davy.model.snapshot import Snapshot

MAPS = b"""\
55d0c0000000-55d0c0001000 r-xp 00000000 fe:00 12 /usr/local/lib/app/worker
55d0c1000000-55d0d1000000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0082000000 rw-p 00000000 00:00 0
7f0090000000-7f0090200000 rw-p 00000000 00:00 0
7f0090400000-7f0090600000 rw-p 00000000 00:00 0 [anon:scratch pad]
7f00a0000000-7f00a0010000 rwxp 00000000 00:00 0
7f00a0020000-7f00a0030000 r-xp 00000000 00:00 0
7f00b0000000-7f00f0000000 rw-s 00000000 00:0f 77                         /anon_hugepage (deleted)
7f0100000000-7f0110000000 rw-s 00000000 00:01 78                         /memfd:pages (deleted)
7f0110000000-7f0110010000 r-xs 00000000 00:01 78                         /memfd:pages (deleted)
7f0120000000-7f0130000000 rw-s 00000000 00:2a 79                         /dev/hugepages/x
7f0140000000-7f0150000000 rw-p 00000000 fe:00 80                         /srv/data.bin
7ffce70c7000-7ffce70e8000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""
MIB = 1 << 20
STAT = (
    "7 (worker) S 1 7 7 0 -1 4194304 1 0 0 0 5000 20 0 0 20 0 3 0 1000 4096 10 18446744073709551615 1 1 0 0 0 0 0 0 "
    "0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
STATUS = (
    "Name:\tworker\nState:\t{state} (x)\nVmRSS:\t    4096 kB\nHugetlbPages:\t   2048 kB\nCpus_allowed:\t3\n"
    "voluntary_ctxt_switches:\t{sleeps}\nnonvoluntary_ctxt_switches:\t9\n"
)
FILES = {
    "7/stat": STAT,
    "7/maps": MAPS,
    "7/status": STATUS.format(state="S", sleeps=5),
    "7/io": "rchar: 4000\nwchar: 70\nsyscr: 12\nsyscw: 3\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
    "7/smaps_rollup": "0-1 ---p 0 00:00 0 [rollup]\nAnonHugePages:      4096 kB\n",
    "7/task/7/schedstat": "10000000 0 6\n",
    "7/task/7/status": STATUS.format(state="S", sleeps=5),
    "7/task/8/schedstat": "50000000000 3000000000 6\n",
    "7/task/8/status": STATUS.format(state="R", sleeps=1),
    "7/fd/0": "->/dev/null",
    "7/fd/1": "->/var/log/worker.log",
    "7/fd/3": "->socket:[99]",
    "7/fd/4": "->/srv/data.bin",
    "7/fdinfo/4": "pos:\t0\nflags:\t0100000\nmnt_id:\t20\n",
    "7/fd/5": "->/var/log/own.log",
    "7/fdinfo/5": "pos:\t0\nflags:\t0102001\nmnt_id:\t20\n",
}


def snapshot(cpu: float = 0.9, own: tuple[int, ...] = ()) -> Snapshot:
    process = Process(
        pid=7, start_ticks=1000, start_time=0.0, name="worker", state="S", ppid=1, pgrp=7, session=7, tty=0, flags=0,
        nice=0, threads=3, rss_bytes=0, cpu_seconds=50.2, children_cpu_seconds=0.0, window_cpu_seconds=cpu,
    )  # fmt: skip
    return Snapshot(
        host=HostFacts(name="x"), taken=1.0, live=True, load=Load(window_seconds=1.0, busy_cores=1.0),
        processes=(process,), details=(ProcessDetail(pid=7, start_ticks=1000),), own_pids=own,
    )  # fmt: skip


def found(**changed: str) -> tuple[Workload, ...]:
    files = FILES | {name.replace("_", "/", 1): text for name, text in changed.items()}
    host = Host(MemoryRoot({}), RecordedKernel(RecordedProcfs(files)))
    return every(list(workloads(host, snapshot(), USUAL)), Workload)


def test_memory_that_is_nobodys_file_is_told_by_size_and_backing() -> None:
    memory = parse_regions(MAPS, "/usr/local/lib/app/worker")
    assert set(memory.regions) == {
        Region(2080 * MIB, Backing.ANONYMOUS),
        Region(2 * MIB, Backing.ANONYMOUS, 2),
        Region(1024 * MIB, Backing.HUGE),
        Region(256 * MIB, Backing.SHARED),
        Region(256 * MIB, Backing.HUGE),
    }
    assert memory.regions[0].bytes == 2080 * MIB
    assert (memory.code_bytes, memory.writable_code_bytes) == (3 * 65_536, 65_536)


def test_a_program_that_never_was_a_file_is_not_its_own_memory() -> None:
    text = b"7f0100000000-7f0110000000 r-xp 00000000 00:01 78 /memfd:x (deleted)\n"
    assert parse_regions(text, "/memfd:x").code_bytes == 0
    assert parse_regions(text, "/memfd:y").code_bytes == 256 * MIB


@given(st.binary(max_size=400))
def test_any_maps_are_read(text: bytes) -> None:
    parse_regions(text, None)


@given(st.lists(st.tuples(st.integers(0, 1 << 47), st.integers(1, 1 << 33)), max_size=300))
def test_what_is_looked_at_of_code_is_bounded_and_within_it(code: list[tuple[int, int]]) -> None:
    parts = parts_of(tuple(code))
    assert len(parts) <= 33
    assert bool(parts) == bool(code)
    for start, size in parts:
        assert any(first <= start and start + size <= first + length for first, length in code)


def test_a_workload_is_what_the_kernel_says_of_the_process_and_its_threads() -> None:
    (work,) = found()
    assert [(each.tid, each.sleeps, each.cpus, each.busy) for each in work.threads] == [
        (7, 5, 2, False),
        (8, 1, 2, True),
    ]
    assert (work.user_seconds, work.system_seconds) == (50.0, 0.2)
    assert (work.read_calls, work.write_calls, work.read_bytes, work.written_bytes) == (12, 3, 4000, 70)
    assert (work.huge_bytes, work.transparent_huge_bytes) == (2 * MIB, 4 * MIB)
    assert (work.open_files, work.sockets) == (("/srv/data.bin",), 1)
    assert (work.code_looks, work.code_changes) == (0, 0)


def test_counts_that_are_kept_back_are_none() -> None:
    (work,) = found(**{"7_io": "nothing"})
    assert (work.read_calls, work.read_bytes, work.window_calls) == (None, None, None)


def test_another_process_of_the_same_pid_has_no_workload() -> None:
    assert found(**{"7_stat": STAT.replace(" 1000 4096 ", " 2000 4096 ")}) == ()


@pytest.mark.parametrize(("cpu", "own"), [(0.1, ()), (0.9, (7,))])
def test_neither_what_rests_nor_davy_itself_is_asked(cpu: float, own: tuple[int, ...]) -> None:
    assert list(burners(snapshot(cpu, own), 10)) == []


def test_threads_of_a_process_are_asked_what_they_wait_for_though_its_first_one_sleeps() -> None:
    kernel = RecordedKernel(RecordedProcfs(FILES), uptime=1000.0)
    waits = sweep(kernel).waits[ProcessKey(7, 1000)]
    assert waits["8"].runnable
    assert waits["8"].waited_seconds == 3.0


def test_of_a_server_that_hardly_computes_the_threads_are_not_asked() -> None:
    kernel = RecordedKernel(RecordedProcfs(FILES), uptime=100_000.0)
    assert sweep(kernel).waits == {}
