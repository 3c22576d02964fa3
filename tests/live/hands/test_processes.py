"""Hands on real processes: held by pid and start time, stopped before any can react, ended at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from davy.hands.processes import Stocks, hold
from davy.host.procfs import LiveProcfs
from davy.host.stat import parse_stat, parse_unified
from davy.model.facts import ProcessKey

pytestmark = pytest.mark.live

PROCFS = LiveProcfs()


def key_of(pid: int) -> ProcessKey:
    return ProcessKey(pid, parse_stat(PROCFS.read(f"{pid}/stat")).start_ticks)


def cpu_ticks(pid: int) -> int:
    return parse_stat(PROCFS.read(f"{pid}/stat")).cpu_ticks


@pytest.fixture
def burner() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture(params=["cgroup", "signal"])
def stocks(request: pytest.FixtureRequest) -> Iterator[Stocks]:
    made = Stocks(PROCFS, f"davy-test-{os.getpid()}")
    if request.param == "signal":
        made.group = None
    made.open()
    yield made
    made.release()
    assert made.group is None or not os.path.exists(made.group)


def test_a_stopped_process_uses_no_cpu_and_goes_on_where_it_was(
    stocks: Stocks, burner: subprocess.Popen[bytes]
) -> None:
    before = parse_unified(PROCFS.read(f"{burner.pid}/cgroup"))
    stocks.stop([key_of(burner.pid)])
    assert stocks.settled()
    ticks = cpu_ticks(burner.pid)
    time.sleep(0.2)
    assert cpu_ticks(burner.pid) == ticks
    stocks.release()
    assert parse_unified(PROCFS.read(f"{burner.pid}/cgroup")) == before
    time.sleep(0.2)
    assert cpu_ticks(burner.pid) > ticks


def test_what_is_stopped_ends_at_once(stocks: Stocks, burner: subprocess.Popen[bytes]) -> None:
    stocks.stop([key_of(burner.pid)])
    assert stocks.settled()
    assert stocks.end() == []
    assert burner.wait(1) == -signal.SIGKILL


def test_a_pid_with_another_start_time_is_never_held(burner: subprocess.Popen[bytes]) -> None:
    key = key_of(burner.pid)
    assert hold(PROCFS, ProcessKey(key.pid, key.start_ticks - 1)) is None


def test_the_first_process_and_kernel_threads_are_never_held() -> None:
    assert hold(PROCFS, key_of(1)) is None
    listed = PROCFS.pids()
    stats = zip(listed, PROCFS.read_each([f"{pid}/stat" for pid in listed]), strict=True)
    kernel_threads = [pid for pid, stat in stats if isinstance(stat, bytes) and parse_stat(stat).flags & 0x200000]
    assert kernel_threads
    assert all(hold(PROCFS, key_of(pid)) is None for pid in kernel_threads[:5])


def test_a_group_whose_members_are_all_held_is_frozen_where_it_stands(burner: subprocess.Popen[bytes]) -> None:
    stocks = Stocks(PROCFS, f"davy-test-{os.getpid()}")
    stocks.open()
    assert stocks.group is not None
    service = os.path.join(os.path.dirname(stocks.group), f"davy-service-{os.getpid()}")
    os.mkdir(service)
    try:
        with open(f"{service}/cgroup.procs", "w") as file:
            file.write(str(burner.pid))
        stocks.stop([key_of(burner.pid)])
        assert stocks.settled()
        assert stocks.members() == []
        with open(f"{service}/cgroup.events") as file:
            assert "frozen 1" in file.read()
        stocks.release()
        with open(f"{service}/cgroup.events") as file:
            assert "frozen 0" in file.read()
    finally:
        burner.kill()
        burner.wait()
        os.rmdir(service)


def test_a_group_with_a_stranger_in_it_is_not_frozen(burner: subprocess.Popen[bytes]) -> None:
    stocks = Stocks(PROCFS, f"davy-test-{os.getpid()}")
    stocks.open()
    assert stocks.group is not None
    service = os.path.join(os.path.dirname(stocks.group), f"davy-service-{os.getpid()}")
    os.mkdir(service)
    stranger = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for pid in (burner.pid, stranger.pid):
            with open(f"{service}/cgroup.procs", "w") as file:
                file.write(str(pid))
        stocks.stop([key_of(burner.pid)])
        assert stocks.settled()
        ticks = cpu_ticks(stranger.pid)
        time.sleep(0.3)
        assert cpu_ticks(stranger.pid) > ticks
        assert stocks.members() == [burner.pid]
        stocks.release()
        assert parse_unified(PROCFS.read(f"{burner.pid}/cgroup")) == f"/davy-service-{os.getpid()}"
    finally:
        for process in (burner, stranger):
            process.kill()
            process.wait()
        os.rmdir(service)
