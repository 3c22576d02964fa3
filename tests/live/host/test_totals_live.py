"""The machine's counts agree with each other and with what passed."""

from __future__ import annotations

import os
import time

import pytest

from davy.host import LiveKernel
from davy.host.totals import parse_load, parse_totals, thread_count

from .conftest import Starter

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def kernel() -> LiveKernel:
    return LiveKernel()


def test_a_task_that_spins_is_in_the_busy_time(kernel: LiveKernel, start: Starter) -> None:
    hog = start("hog")
    assert hog.stdout is not None
    hog.stdout.readline()
    before, begun = parse_totals(kernel.procfs.read("stat", 1 << 20)), time.monotonic()
    time.sleep(1)
    after, passed = parse_totals(kernel.procfs.read("stat", 1 << 20)), time.monotonic() - begun
    busy = (after.whole.tasks - before.whole.tasks) / kernel.ticks_per_second
    stolen = (after.whole.steal - before.whole.steal) / kernel.ticks_per_second
    assert 0.85 * passed <= busy + stolen <= len(after.cpus) * passed + 0.1
    assert len(after.cpus) == kernel.cpus
    assert after.forks >= before.forks
    assert after.switches > before.switches
    assert after.boot_time == pytest.approx(kernel.boot_time, abs=2)
    assert after.running >= 1


def test_threads_are_counted_alike_by_the_file_and_by_the_call(kernel: LiveKernel, start: Starter) -> None:
    deadline = time.monotonic() + 5
    before = thread_count()
    rest = start("rest", "500")
    assert rest.stdout is not None
    rest.stdout.readline()
    while time.monotonic() < deadline:
        load = parse_load(kernel.procfs.read("loadavg"))
        if load.threads % 65536 == thread_count():
            break
    assert load.threads % 65536 == pytest.approx(before + 501, abs=100)
    assert 0 < load.last_pid < 1 << 22
    assert len(os.listdir(f"/proc/{rest.pid}/task")) == 501
