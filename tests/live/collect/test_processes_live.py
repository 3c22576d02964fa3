"""Processes as they are: every fact of every living process, and what the window measures."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from davy.collect.processes import CMDLINE_LIMIT, own_pids, processes, sweep
from davy.collect.renewals import Looks
from davy.host import LiveKernel
from davy.model.facts import Gap, Process

pytestmark = pytest.mark.live

BURN = "while True: pass"


@pytest.fixture
def kernel() -> LiveKernel:
    return LiveKernel()


def looked_at(kernel: LiveKernel, seconds: float) -> dict[int, Process]:
    before = sweep(kernel)
    time.sleep(seconds)
    rows = processes(kernel, before, sweep(kernel), {0: "root"})
    return {row.pid: row for row in rows if isinstance(row, Process)}


def ready(code: str) -> subprocess.Popen[bytes]:
    """A Python process that has begun to run ``code``."""
    process = subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{code}"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture
def burners() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def test_every_living_process_has_facts_of_the_right_kind(kernel: LiveKernel) -> None:
    found = looked_at(kernel, 0.05)
    assert os.getpid() in found
    for process in found.values():
        assert process.pid > 0
        assert process.start_ticks >= 0
        assert kernel.boot_time - 1 <= process.start_time <= time.time() + 1
        assert process.state in "RSDZTtXxKWPI"
        assert process.cpu_seconds >= 0
        assert process.window_cpu_seconds is None or process.window_cpu_seconds >= 0
        assert process.kernel_thread or process.uid is not None
        assert not process.kernel_thread or (process.exe is None and process.cmdline == ())
        assert all(isinstance(word, str) for word in process.cmdline)


def test_the_facts_agree_with_psutil(kernel: LiveKernel) -> None:
    found = looked_at(kernel, 0.05)
    compared = 0
    for pid, process in found.items():
        try:
            other = psutil.Process(pid)
            if not math.isclose(other.create_time(), process.start_time, abs_tol=1.0):
                continue
            assert other.ppid() == process.ppid
            # a kernel worker is called by what it does just now
            assert process.kernel_thread or other.name() == process.name or process.name in other.name()
            assert other.uids().effective == process.uid
            assert other.exe() == (process.exe.path if process.exe and not process.exe.deleted else other.exe())
            theirs = os.fsencode(" ".join(other.cmdline()))[:CMDLINE_LIMIT].rstrip()
            ours = os.fsencode(" ".join(process.cmdline)).rstrip()  # psutil parts a title that was set at its spaces
            assert theirs == ours, f"the command lines of {pid} ({process.name}) differ"
            compared += 1
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    assert compared > 10


def test_a_command_line_is_read_as_far_as_its_bound(kernel: LiveKernel) -> None:
    long = subprocess.Popen(["/bin/sleep", "60", *["0" * 1000] * 60])
    try:
        text = "\0".join(looked_at(kernel, 0.01)[long.pid].cmdline)
        assert text.startswith("/bin/sleep\x0060\x000000")
        assert len(text) == CMDLINE_LIMIT
    finally:
        long.kill()
        long.wait()


def test_the_window_measures_what_a_burner_takes(kernel: LiveKernel, burners: list[subprocess.Popen[bytes]]) -> None:
    burner = ready(BURN)
    burners.append(burner)
    found = looked_at(kernel, 0.5)[burner.pid]
    assert found.window_cpu_seconds is not None
    assert found.window_wait_seconds is not None
    assert 0.4 <= found.window_cpu_seconds + found.window_wait_seconds <= 0.65
    assert found.inline is not None
    assert found.inline.endswith(BURN)


def test_a_starved_burner_is_seen_to_ask_for_more_than_it_got(
    kernel: LiveKernel, burners: list[subprocess.Popen[bytes]]
) -> None:
    pinned = "import os; os.sched_setaffinity(0, {0}); os.nice(%d)\n" + BURN
    burners += [ready(pinned % nice) for nice in (19, 0, 0)]
    found = looked_at(kernel, 0.5)[burners[0].pid]
    assert found.window_cpu_seconds is not None
    assert found.window_wait_seconds is not None
    assert found.window_cpu_seconds < 0.25 < found.window_wait_seconds


def test_what_vanishes_while_it_is_read_is_no_error(kernel: LiveKernel) -> None:
    spawner = subprocess.Popen(["/bin/sh", "-c", "while :; do /bin/true; done"])
    try:
        for _ in range(20):
            before = sweep(kernel)
            rows = list(processes(kernel, before, sweep(kernel), {}))
            assert all(isinstance(row, Process) or row.collector == "first process" for row in rows), rows
            assert not any(isinstance(row, Gap) and row.collector == "processes" for row in rows)
    finally:
        spawner.kill()
        spawner.wait()


def test_a_program_that_renews_its_pid_is_seen(kernel: LiveKernel) -> None:
    code = (
        "import os, time, signal\n"
        "signal.alarm(20)\n"
        "while True:\n"
        "  end = time.monotonic() + 0.03\n"
        "  while time.monotonic() < end: pass\n"
        "  if os.fork(): os._exit(0)\n"
    )
    first = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        looks = Looks(kernel, sweep(kernel))
        looks.until(kernel.uptime() + 1.0)
        exe = os.path.realpath(sys.executable)
        renewals = [renewal for renewal in looks.renewals() if renewal.path == exe]
        assert len(renewals) == 1
        assert len(renewals[0].pids) >= 5
        assert renewals[0].running >= renewals[0].sightings // 2
    finally:
        first.wait()
        os.killpg(first.pid, 9)


def test_a_process_knows_its_chain_of_parents(kernel: LiveKernel) -> None:
    chain = own_pids(kernel)
    assert chain[:2] == (os.getpid(), os.getppid())
    assert len(set(chain)) == len(chain)
