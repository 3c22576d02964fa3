"""The views and the account of the CPUs on a machine that is honestly busy, and with a burner that counts as hidden."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.live.eviction.support import dies_with_us, tool

from davy.collect.concealment.views import process_table
from davy.collect.window import Window
from davy.detect.concealment import UNOWNED_CORES
from davy.host import Host, live
from davy.model.concealment import Accounting, ProcessTable
from davy.scan import scan

pytestmark = pytest.mark.live

SCANS = 30
SOURCE = Path(__file__).with_name("storm.c")
Starter = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("storm") / "storm"
    command = [tool("gcc", "gcc"), "-O2", "-Wall", "-Werror", "-pthread", "-o", str(program), str(SOURCE)]
    subprocess.run(command, check=True, timeout=120)
    return program


@pytest.fixture
def start() -> Iterator[Starter]:
    running: list[subprocess.Popen[bytes]] = []

    def begin(*command: object, ready: bool = False) -> subprocess.Popen[bytes]:
        one = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, preexec_fn=dies_with_us)
        running.append(one)
        if ready:
            assert one.stdout is not None
            assert one.stdout.readline() == b"ready\n"
        return one

    yield begin
    for one in running:
        one.kill()
        one.wait()
        if one.stdout is not None:
            one.stdout.close()


@pytest.fixture
def host() -> Host:
    found = live()
    assert found.kernel is not None
    if not found.kernel.first_pid_namespace:
        if os.environ.get("CI") == "true":
            pytest.fail("the account of the CPUs needs the machine's first pid namespace")
        pytest.skip("the account of the CPUs needs the machine's first pid namespace")
    return found


def forks() -> int:
    with open("/proc/stat") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("processes "))


def account(host: Host, hidden: Sequence[int] = ()) -> Accounting:
    assert host.kernel is not None
    with Window(host, host.kernel, 1.0, deep=False) as window:
        window.halfway()
        window.close()
        found = window.accounting((), frozenset(hidden))
    assert isinstance(found, Accounting)
    return found


def test_a_thousand_short_processes_a_second_and_many_threads_hide_nothing(storm: Path, start: Starter) -> None:
    start(storm, 1000, 0, 0, "wait", ready=True)
    start(storm, 1, 500, 0, "wait", ready=True)
    before, began = forks(), time.monotonic()
    for _ in range(SCANS):
        snapshot, judgement = scan(live())
        assert snapshot.process_table is not None
        assert snapshot.accounting is not None
        assert [row for row in snapshot.process_table.rows if row.missing] == []
        assert snapshot.process_table.uncounted == 0
        assert snapshot.accounting.unowned < UNOWNED_CORES, snapshot.accounting
        assert [finding for one in judgement.incidents for finding in one.findings if "conceal" in finding.rule] == []
        assert [gap for gap in snapshot.gaps if gap.collector in ("processes", "views", "accounting")] == []
    assert forks() - before > 700 * (time.monotonic() - began), "the storm was none"


@pytest.mark.parametrize(
    "words",
    [
        (1000, 0, 0, "ignore"),
        (500, 0, 0, "wait", "/bin/true"),
        (500, 0, 0, "ignore", "/bin/true"),
        (300, 0, 2000, "wait"),
    ],
    ids=["nobody waits", "programs", "programs nobody waits for", "a compile"],
)
def test_what_many_short_processes_take_is_theirs(
    storm: Path, start: Starter, host: Host, words: tuple[object, ...]
) -> None:
    start(storm, *words, ready=True)
    for _ in range(5):
        found = account(host)
        assert found.unowned < UNOWNED_CORES, found


def test_a_burner_that_nobody_sees_is_told_by_what_it_takes(start: Starter, host: Host) -> None:
    """As if a rootkit hid it: its pid is in no view."""
    burner = start("/bin/sh", "-c", "echo ready; while :; do :; done", ready=True)
    found = account(host, [burner.pid])
    assert found.unowned >= UNOWNED_CORES, found
    assert account(host).unowned < UNOWNED_CORES


def test_a_burner_that_nobody_sees_is_told_amid_a_compile(storm: Path, start: Starter, host: Host) -> None:
    burner = start("/bin/sh", "-c", "echo ready; while :; do :; done", ready=True)
    start(storm, 300, 0, 1000, "wait", ready=True)
    assert account(host, [burner.pid]).unowned >= UNOWNED_CORES


def test_a_living_process_is_in_every_view(start: Starter, host: Host) -> None:
    sleeper = start("/bin/sleep", "1000")
    assert host.kernel is not None
    with Window(host, host.kernel, 0.2, deep=True) as window:
        window.halfway()
        window.close()
        table = process_table(host.kernel, window.sightings(), window.last.stats)
    assert isinstance(table, ProcessTable)
    (row,) = (row for row in table.rows if row.pid == sleeper.pid)
    assert row.missing == frozenset()
    asked = set(table.columns) - {"kill", "getpgid", "sched_getscheduler", "on a CPU"}
    assert asked <= row.seen
    assert [row for row in table.rows if row.missing] == []
