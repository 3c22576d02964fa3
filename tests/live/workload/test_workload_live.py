"""The facts of one computation, against a process that is known; and what is costly to ask takes bounded time."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.live.eviction.support import dies_with_us, tool, within

from davy.collect.computation.workload import workloads
from davy.collect.facts import every
from davy.host import Host, live
from davy.host.stat import parse_stat
from davy.model.computation import Backing, Workload
from davy.model.facts import Gap, Load, Process, ProcessDetail
from davy.model.facts import Host as HostFacts
from davy.model.reach import USUAL
from davy.model.snapshot import Snapshot

pytestmark = pytest.mark.live

HERE: Final = Path(__file__).resolve().parent
Start = Callable[..., int]


@pytest.fixture(scope="module")
def host() -> Host:
    return live()


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    path = Path(f"/usr/local/lib/shape-facts-{os.getpid()}")
    path.mkdir()
    try:
        for name in ("dataset", "burden"):
            subprocess.run([tool("gcc", "gcc"), "-O1", "-pthread", "-o", path / name, HERE / f"{name}.c"], check=True)
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def _started(*command: str | Path) -> Iterator[int]:
    def alone() -> None:
        dies_with_us()
        os.nice(5)

    with open(os.devnull, "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, preexec_fn=alone, text=True
        )
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def _ready(pid: int, seconds: float = 30.0) -> None:
    """Until it has computed for a while; what it prepares is done by then."""
    assert within(seconds, lambda: _ticks(pid) > 30)


def _ticks(pid: int) -> int:
    return parse_stat(Path(f"/proc/{pid}/stat").read_bytes()).cpu_ticks


def _snapshot(*pids: int) -> Snapshot:
    """As survey would have it, of these processes, all of which burn."""
    processes = []
    for pid in pids:
        stat = parse_stat(Path(f"/proc/{pid}/stat").read_bytes())
        processes.append(
            Process(
                pid=pid, start_ticks=stat.start_ticks, start_time=0.0, name=stat.name, state="R", ppid=1, pgrp=1,
                session=1, tty=0,
                flags=0, nice=0, threads=stat.threads, rss_bytes=0, cpu_seconds=1.0, children_cpu_seconds=0.0,
                window_cpu_seconds=1.0,
            )
        )  # fmt: skip
    return Snapshot(
        host=HostFacts(name="x"), taken=time.time(), live=True, load=Load(window_seconds=1.0, busy_cores=1.0),
        processes=tuple(processes),
        details=tuple(ProcessDetail(pid=each.pid, start_ticks=each.start_ticks) for each in processes),
    )  # fmt: skip


def _asked(host: Host, *pids: int) -> tuple[tuple[Workload, ...], tuple[Gap, ...], float]:
    """Workloads, gaps, and the seconds of CPU time that it took to read them."""
    snapshot, began = _snapshot(*pids), time.process_time()
    facts = list(workloads(host, snapshot, USUAL))
    return every(facts, Workload), every(facts, Gap), time.process_time() - began


def test_memory_threads_and_code_are_those_of_the_process(host: Host, programs: Path) -> None:
    with _started(programs / "dataset", "fast") as pid:
        _ready(pid)
        (found,), gaps, _ = _asked(host, pid)
    cores = os.cpu_count() or 1
    assert not gaps
    assert found.regions[0].bytes >> 20 in range(2080, 2080 + 256 + 24)
    assert found.regions[0].backing is Backing.ANONYMOUS
    assert found.code_bytes == found.writable_code_bytes == cores * (64 << 10)
    assert len(found.threads) == cores + 1
    assert all(thread.cpus == len(os.sched_getaffinity(0)) for thread in found.threads)
    assert found.code_changes >= max(found.code_runs - 1, 2)
    assert found.read_calls is not None
    assert found.open_files == ()
    assert found.sockets == 0


def test_what_is_open_is_told_apart_from_output(host: Host, tmp_path: Path) -> None:
    problem = tmp_path / "problem"
    problem.write_text("x")
    text = f"exec 5<{problem} 6>{tmp_path}/log 7<>{tmp_path}/both; while :; do :; done"
    with _started("/bin/sh", "-c", text) as pid:
        _ready(pid)
        (found,), _, _ = _asked(host, pid)
    assert set(found.open_files) == {f"{problem}", f"{tmp_path}/both"}


def test_a_process_of_sixty_gigabytes_is_asked_in_bounded_time(host: Host, programs: Path) -> None:
    with _started(programs / "burden", "giant", "61440") as pid:
        _ready(pid)
        (found,), _, seconds = _asked(host, pid)
    assert found.regions[0].bytes == 61440 << 20
    assert seconds < 0.25


def test_of_too_many_maps_the_rest_is_a_gap(host: Host, programs: Path) -> None:
    with _started(programs / "burden", "maps", "0") as pid:
        _ready(pid)
        (found,), gaps, seconds = _asked(host, pid)
    assert found.code_bytes
    assert [gap.what for gap in gaps] == [f"the rest of the maps of process {pid} (burden)"]
    assert seconds < 0.5


def test_of_too_many_threads_the_rest_is_a_gap(host: Host, programs: Path) -> None:
    with _started(programs / "burden", "threads", "0") as pid:
        _ready(pid)
        (found,), gaps, seconds = _asked(host, pid)
    assert len(found.threads) == 128
    assert [gap.what for gap in gaps] == [f"the rest of the threads of process {pid} (burden)"]
    assert seconds < 0.5


def test_two_burners_of_three_hundred_megabytes_cost_a_tenth_of_a_second_at_most(host: Host, programs: Path) -> None:
    burden = programs / "burden"
    with _started(burden, "resident", "300") as one, _started(burden, "resident", "300") as other:
        _ready(one)
        _ready(other)
        found, gaps, seconds = _asked(host, one, other)
    assert len(found) == 2
    assert not gaps
    assert seconds < 0.1


def test_a_process_that_has_ended_has_no_workload(host: Host, programs: Path) -> None:
    with _started(programs / "burden", "giant", "1") as pid:
        _ready(pid)
        snapshot = _snapshot(pid)
    assert list(workloads(host, snapshot, USUAL)) == []
