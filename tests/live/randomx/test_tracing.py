"""A thread is stopped for a moment, and whatever happens meanwhile it runs on as if nothing had been.

The burners are children of these tests, so a `Popen.poll` (and with it `Popen.send_signal`) would take the stops of
their own tracing for their end: signals are sent by `os.kill`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.live.eviction.support import dies_with_us
from tests.live.randomx.conftest import Starter

from davy.host import live
from davy.host.kernel import Kernel
from davy.host.stat import parse_stat
from davy.host.syscalls import ptrace_detach, ptrace_interrupt, ptrace_seize
from davy.host.tracing import Refusal, Sampled, Tracee, Turns
from davy.model.computation import RoundingMode

pytestmark = pytest.mark.live

ALL = set(RoundingMode)
LONG = """
import sys
from davy.host import live
from davy.host.tracing import Tracee, Turns
kernel = live().kernel
pid, start, *tids = map(int, sys.argv[1:])
print("ready", flush=True)
while True:
    kernel.rounding([Tracee(pid, start, tuple(tids))], Turns(0.0, lambda *_: False, 1 << 30), 5.0)
"""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    found = live().kernel
    assert found is not None
    return found


def until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def tids(pid: int) -> tuple[int, ...]:
    return tuple(int(name) for name in os.listdir(f"/proc/{pid}/task"))


def field(pid: int, name: str, tid: int | None = None) -> str:
    text = Path(f"/proc/{pid}/task/{tid or pid}/status").read_text()
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


def untouched(pid: int) -> bool:
    """Nobody traces it, and each of its threads runs."""
    return all(field(pid, "TracerPid", tid) == "0" and field(pid, "State", tid) == "R" for tid in tids(pid))


def tracee(kernel: Kernel, pid: int) -> Tracee:
    return Tracee(pid, parse_stat(kernel.procfs.read(f"{pid}/stat")).start_ticks, tids(pid))


def sampled(kernel: Kernel, *pids: int, samples: int = 32, seconds: float = 10.0) -> list[Sampled]:
    def enough(modes: object, _: float) -> bool:
        assert isinstance(modes, dict)
        return all(len(each) >= samples for each in modes.values())

    return kernel.rounding([tracee(kernel, pid) for pid in pids], Turns(0.001, enough, 100_000), seconds)


def cpu(pid: int) -> int:
    return parse_stat(Path(f"/proc/{pid}/stat").read_bytes()).cpu_ticks


def runs_on(pid: int) -> bool:
    before = cpu(pid)
    return until(lambda: untouched(pid)) and until(lambda: cpu(pid) > before)


def test_every_mode_of_every_thread_is_seen(kernel: Kernel, burner: Path, start: Starter) -> None:
    one = start(burner, "all", 3)
    (found,) = sampled(kernel, one.pid)
    assert not found.refusals
    assert len(found.modes) == 3
    for modes in found.modes.values():
        assert set(modes) == ALL
        assert sum(mode is not RoundingMode.NEAREST for mode in modes) >= 16
    assert runs_on(one.pid)


def test_a_mode_is_told_from_every_other(kernel: Kernel, burner: Path, start: Starter) -> None:
    up, mixed, interval = start(burner, "constant"), start(burner, "mixed", 4), start(burner, "interval")
    constant, each, both = sampled(kernel, up.pid, mixed.pid, interval.pid, samples=12)
    assert set(constant.modes[up.pid]) == {RoundingMode.UP}
    assert {frozenset(modes) for modes in each.modes.values()} == {frozenset({mode}) for mode in RoundingMode}
    assert set(both.modes[interval.pid]) == {RoundingMode.UP, RoundingMode.DOWN}


def test_a_program_of_32_bits_is_seen_as_well(kernel: Kernel, burner32: Path, start: Starter) -> None:
    one = start(burner32, ready=False)
    assert until(lambda: field(one.pid, "Name") == "python32")
    (found,) = sampled(kernel, one.pid)
    assert set(found.modes[one.pid]) == ALL
    assert runs_on(one.pid)


def test_a_signal_that_comes_meanwhile_arrives_once(kernel: Kernel, burner: Path, start: Starter) -> None:
    one = start(burner, "all")
    assert one.stdout is not None
    sent, over = 0, threading.Event()

    def send() -> None:
        """The next one only after the last was delivered: of two that are pending the kernel keeps one."""
        nonlocal sent
        bit = 1 << (signal.SIGUSR1 - 1)
        while not over.is_set():
            os.kill(one.pid, signal.SIGUSR1)
            sent += 1
            while int(field(one.pid, "ShdPnd"), 16) & bit or int(field(one.pid, "SigPnd"), 16) & bit:
                time.sleep(0.0002)
            time.sleep(random.random() / 2000)

    sender = threading.Thread(target=send)
    sender.start()
    (found,) = sampled(kernel, one.pid, samples=400, seconds=4.0)
    over.set()
    sender.join()
    assert len(found.modes[one.pid]) >= 50
    assert runs_on(one.pid)
    os.kill(one.pid, signal.SIGUSR2)
    assert int(one.stdout.readline()) == sent
    assert sent > 100


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_somebody_stopped_stays_stopped(kernel: Kernel, burner: Path, start: Starter, when: str) -> None:
    one = start(burner, "all", 2)
    stop = threading.Timer(0.1 if when == "meanwhile" else 0.0, os.kill, [one.pid, signal.SIGSTOP])
    stop.start()
    if when == "before":
        assert until(lambda: field(one.pid, "State") == "T")
    sampled(kernel, one.pid, samples=1000, seconds=0.5)
    stop.join()
    assert until(lambda: all(field(one.pid, "State", tid) == "T" for tid in tids(one.pid)))
    assert {field(one.pid, "TracerPid", tid) for tid in tids(one.pid)} == {"0"}
    before = cpu(one.pid)
    time.sleep(0.1)  # not a hope: this long it must do nothing
    assert cpu(one.pid) == before
    os.kill(one.pid, signal.SIGCONT)
    assert runs_on(one.pid)


def test_stops_and_continuations_by_others_are_obeyed(kernel: Kernel, burner: Path, start: Starter) -> None:
    one = start(burner, "all", 2)
    over = threading.Event()

    def toggle() -> None:
        while not over.is_set():
            os.kill(one.pid, signal.SIGSTOP)
            time.sleep(random.random() / 500)
            os.kill(one.pid, signal.SIGCONT)
            time.sleep(random.random() / 500)

    other = threading.Thread(target=toggle)
    other.start()
    sampled(kernel, one.pid, samples=10_000, seconds=2.0)
    over.set()
    other.join()
    assert runs_on(one.pid)


def test_who_is_traced_by_somebody_else_is_left_to_him(kernel: Kernel, burner: Path, start: Starter) -> None:
    one = start(burner, "all")
    traced, over = threading.Event(), threading.Event()

    def trace() -> None:
        ptrace_seize(one.pid)
        traced.set()
        over.wait()

    debugger = threading.Thread(target=trace)
    debugger.start()
    try:
        assert traced.wait(5)
        (found,) = sampled(kernel, one.pid, seconds=1.0)
        assert found.refusals == {Refusal.TRACED}
        assert not found.modes[one.pid]
    finally:
        over.set()
        debugger.join()
    assert runs_on(one.pid)


@pytest.fixture
def sampling(kernel: Kernel) -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def heeds_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
        dies_with_us()

    def begin(pid: int) -> subprocess.Popen[bytes]:
        of = tracee(kernel, pid)
        words = [str(word) for word in (of.pid, of.start_ticks, *of.tids)]
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", LONG, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                preexec_fn=heeds_interrupts,
            )
        )  # fmt: skip
        return running[-1]

    yield begin
    for one in running:
        one.kill()
        one.wait()
        assert one.stdout is not None
        one.stdout.close()


def test_killed_at_any_moment_davy_leaves_nobody_stopped_or_traced(
    burner: Path, start: Starter, sampling: Callable[[int], subprocess.Popen[bytes]]
) -> None:
    one = start(burner, "all", 2)
    for turn in range(50):
        davy = sampling(one.pid)
        assert davy.stdout is not None
        assert davy.stdout.readline() == b"ready\n"
        time.sleep(random.random() / 50)
        davy.send_signal(signal.SIGKILL if turn % 5 else signal.SIGINT)
        davy.wait(10)
        assert until(lambda: untouched(one.pid)), turn
    assert one.poll() is None
    assert runs_on(one.pid)


def test_a_program_may_end_or_become_another_meanwhile(kernel: Kernel, burner: Path, start: Starter) -> None:
    for _ in range(10):
        one = start(burner, "all", 2)
        end = threading.Timer(random.random() / 20, os.kill, [one.pid, signal.SIGKILL])
        end.start()
        sampled(kernel, one.pid, samples=1000, seconds=0.3)
        end.join()
        assert one.wait(5) == -signal.SIGKILL
    again = start("/bin/sh", "-c", f"echo ready; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec {burner} all 2")
    sampled(kernel, again.pid, samples=100_000, seconds=1.0)
    assert until(lambda: len(tids(again.pid)) == 2)
    assert runs_on(again.pid)


def test_threads_that_come_and_go_are_buried(kernel: Kernel, burner: Path, start: Starter) -> None:
    one = start(burner, "all", 8, 20_000)
    for _ in range(20):
        sampled(kernel, one.pid, samples=50, seconds=0.1)
    before = set(tids(one.pid)) - {one.pid}
    assert until(lambda: not before & set(tids(one.pid)))
    assert field(one.pid, "TracerPid") == "0"


def test_a_tracer_that_gives_up_before_the_stop_lets_go(burner: Path, start: Starter) -> None:
    """As if a thread slept within the kernel: its tracer ends with the stop still asked for."""
    one = start(burner, "all")

    def give_up() -> None:
        ptrace_seize(one.pid)
        ptrace_interrupt(one.pid)

    for _ in range(50):
        thread = threading.Thread(target=give_up)
        thread.start()
        thread.join()
        assert until(lambda: untouched(one.pid))
    assert runs_on(one.pid)
    with pytest.raises(OSError, match="No such process"):
        ptrace_detach(one.pid, 0)


def test_what_never_runs_costs_no_more_than_the_time_given(kernel: Kernel, burner: Path, start: Starter) -> None:
    one = start(burner, "all")
    os.kill(one.pid, signal.SIGSTOP)
    assert until(lambda: field(one.pid, "State") == "T")
    began = time.monotonic()
    (found,) = sampled(kernel, one.pid, seconds=0.3)
    assert time.monotonic() - began < 1.0
    assert not found.modes[one.pid]


def test_without_the_right_to_trace_nobody_is_sampled(kernel: Kernel, burner: Path, start: Starter) -> None:
    """In a child that has given up its rights: what it may not trace is not permitted, and its own can be."""
    one = start(burner, "all")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            (found,) = sampled(kernel, one.pid, seconds=1.0)
            os.write(writer, ",".join(found.refusals).encode() or b"none")
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert answer.read() == Refusal.NOT_PERMITTED
    os.waitpid(child, 0)
