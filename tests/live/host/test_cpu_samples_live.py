"""Who is on a CPU is sampled, by the scheduler's word."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from davy.host.cpu_samples import CpuSampler

from .conftest import Starter

pytestmark = pytest.mark.live

CPUS = range(os.sysconf("SC_NPROCESSORS_ONLN"))


def spinning(start: Starter, cpu: int) -> int:
    """A task that never leaves a CPU of its own accord."""
    hog = start("hog")
    assert hog.stdout is not None
    assert hog.stdout.readline() == "spinning\n"
    os.sched_setaffinity(hog.pid, {cpu})
    return hog.pid


def test_a_task_that_spins_is_found_as_often_as_it_had_the_cpu(start: Starter) -> None:
    hog = spinning(start, CPUS[-1])
    with CpuSampler(CPUS) as sampler:
        before = own(hog)
        sampler.start()
        time.sleep(1)
        found = sampler.samples()
        took = own(hog) - before
        spent = time.process_time()
        again = sampler.samples()
        spent = time.process_time() - spent
    assert found.lost == 0
    assert [share.cpu for share in found.cpus] == list(CPUS)
    assert found.cores(hog) == pytest.approx(took / found.seconds, abs=0.12)
    assert set(found.counts) >= {(hog, hog)}
    assert found.cores(hog) <= found.busy_cores <= len(CPUS) * 1.05
    assert again.seconds < 0.1
    assert spent < 0.01


def own(pid: int) -> float:
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def test_sampling_a_second_costs_less_than_ten_milliseconds(start: Starter) -> None:
    spinning(start, CPUS[0])
    begun = time.process_time()
    with CpuSampler(CPUS) as sampler:
        sampler.start()
        time.sleep(1)
        found = sampler.samples()
    spent = time.process_time() - begun
    assert found.busy_cores > 0.3
    assert spent < 0.005 * len(CPUS)


def test_a_ring_that_nobody_empties_says_what_it_lost(start: Starter) -> None:
    spinning(start, CPUS[0])
    with CpuSampler(CPUS, hertz=9973) as sampler:
        sampler.start()
        deadline = time.monotonic() + 20
        total = lost = 0
        time.sleep(1.5)
        while not lost and time.monotonic() < deadline:
            found = sampler.samples()
            total, lost = total + sum(found.counts.values()), lost + found.lost
            time.sleep(1)
    assert total >= 4000
    assert lost > 0


def test_nothing_is_sampled_before_the_start_or_after_the_stop(start: Starter) -> None:
    hog = spinning(start, CPUS[0])
    with CpuSampler(CPUS) as sampler:
        time.sleep(0.1)
        assert sampler.samples().counts == {}
        sampler.start()
        time.sleep(0.2)
        sampler.stop()
        assert sampler.samples().cores(hog) > 0.1
        time.sleep(0.1)
        assert sampler.samples().counts == {}


def test_without_the_right_it_says_denied() -> None:
    code = (
        "from davy.host import Denied\n"
        "from davy.host.cpu_samples import CpuSampler\n"
        "try: CpuSampler([0])\n"
        "except Denied as error: print('denied')\n"
        "else: print('allowed')\n"
    )
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", code]
    with open("/proc/sys/kernel/perf_event_paranoid") as file:
        expected = "denied" if int(file.read()) > 0 else "allowed"
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == expected


def test_from_another_pid_namespace_a_stranger_that_spins_is_somebody_unknown(start: Starter) -> None:
    spinning(start, CPUS[-1])
    code = (
        "import time\n"
        "from davy.host.cpu_samples import CpuSampler, UNKNOWN\n"
        f"with CpuSampler([{CPUS[-1]}]) as sampler:\n"
        "    sampler.start(); time.sleep(0.5); found = sampler.samples()\n"
        "print(found.counts.get(UNKNOWN, 0), found.cores(-1) > 0.2)\n"
    )
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", code]
    count, often = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(count) > 20
    assert often == "True"
