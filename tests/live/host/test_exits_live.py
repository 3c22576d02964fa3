"""Every thread that ends is told, with the CPU time it took, however many end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from davy.host import Denied
from davy.host.exits import ExitRecord, ExitRecords

from .conftest import Starter

pytestmark = pytest.mark.live

TICK = time.clock_getres(6)  # CLOCK_MONOTONIC_COARSE moves by ticks
CPUS = range(os.sysconf("SC_NPROCESSORS_ONLN"))


def drained_until(exits: ExitRecords, enough: Callable[[list[ExitRecord]], bool]) -> list[ExitRecord]:
    records = exits.drain()
    deadline = time.monotonic() + 10
    while not enough(records) and time.monotonic() < deadline:
        time.sleep(0.02)
        records += exits.drain()
    return records


def test_five_thousand_exits_a_second_are_all_told_to_who_looks_a_few_times(start: Starter) -> None:
    with ExitRecords(CPUS) as exits:
        spawner = start("spawn", "5000", "2")
        records: list[ExitRecord] = []
        spent = 0.0
        while spawner.poll() is None:
            time.sleep(0.25)
            begun = time.process_time()
            records += exits.drain()
            spent += time.process_time() - begun
        records += drained_until(exits, lambda _: True)
        assert spawner.stdout is not None
        count = int(spawner.stdout.read())
        assert not exits.lost
    children = [record for record in records if record.ppid == spawner.pid]
    assert len(children) == count == 10_000
    assert all(record.tgid == record.tid and record.last for record in children)
    assert len({record.tid for record in children}) > 1_000
    assert spent < 0.5


def test_the_last_thread_of_a_process_tells_what_all_of_them_took(start: Starter) -> None:
    with ExitRecords(CPUS) as exits:
        begun = time.time()
        burner = start("burn", "3", "20")
        said, _ = burner.communicate()
        records = drained_until(exits, lambda some: any(one.tid == burner.pid for one in some))
    mine = {record.tid: record for record in records if record.tgid == burner.pid}
    took = {int(tid): int(nanoseconds) / 1e9 for tid, nanoseconds in (line.split() for line in said.splitlines())}
    assert set(mine) == set(took)
    for tid, record in mine.items():
        assert record.cpu_seconds == pytest.approx(took[tid], abs=TICK)
        assert 0 <= record.ticked_seconds <= record.elapsed_seconds + TICK
        assert record.cpu_seconds <= record.most_seconds <= record.elapsed_seconds < 30
        assert took[tid] <= record.most_seconds + TICK
        assert record.started == pytest.approx(begun, abs=2)
        assert record.name == "tasks"
    assert [record.tid for record in mine.values() if record.last] == [burner.pid]
    total = mine[burner.pid].group_cpu_seconds
    assert total == pytest.approx(sum(record.cpu_seconds for record in mine.values()), abs=1e-6)


def test_a_look_that_came_too_late_says_that_records_were_lost(start: Starter) -> None:
    with ExitRecords(CPUS) as exits:
        exits._socket.setsockopt(1, 8, 4096)  # SOL_SOCKET, SO_RCVBUF: the least the kernel gives
        spawner = start("spawn", "5000", "0.2")
        spawner.communicate()
        records = exits.drain()
        assert exits.lost
        assert 0 < len(records) < 1000


@pytest.mark.parametrize("space", ["--pid --fork", "--user --map-root-user", "--net"])
def test_in_a_namespace_of_its_own_it_is_told_that_it_may_not(space: str) -> None:
    code = (
        "from davy.host import HostError\n"
        "from davy.host.exits import ExitRecords\n"
        "try: ExitRecords([0])\n"
        "except HostError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        ["unshare", *space.split(), sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == Denied.__name__
