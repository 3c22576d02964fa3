"""The kernel answers about every process, thread and zombie, whatever lies over ``/proc``."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from davy.host.ids import LivePidViews

from .conftest import Starter

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def pids() -> LivePidViews:
    return LivePidViews()


def answers(pids: LivePidViews, pid: int) -> list[bool | None]:
    return [call(pid) for call in (pids.alive, pids.signal0, pids.group, pids.scheduler, pids.thread_group)]


def test_every_living_process_answers_every_call(pids: LivePidViews) -> None:
    for process in psutil.process_iter():
        if answers(pids, process.pid) != [True] * 5:
            assert not process.is_running()


def test_nobody_answers_to_a_pid_that_was_never_given(pids: LivePidViews) -> None:
    for pid in (-1, 0, 1 << 22, 0x7FFF_FFFE, 0x7FFF_FFFF, 1 << 31):
        assert answers(pids, pid) == [False] * 5
        assert pids.hold(pid) is None
        assert pids.belongs(pid, pid) is False


def test_a_thread_answers_all_but_those_that_want_a_process(pids: LivePidViews, start: Starter) -> None:
    rest = start("rest", "3")
    assert rest.stdout is not None
    assert int(rest.stdout.readline()) == rest.pid
    threads = [int(name) for name in os.listdir(f"/proc/{rest.pid}/task")]
    assert len(threads) == 4
    for tid in threads:
        leads = tid == rest.pid
        assert answers(pids, tid) == [leads, True, True, True, leads]
        assert pids.belongs(tid, rest.pid) is True
        assert pids.belongs(tid, os.getpid()) is False


def test_what_is_held_is_known_to_have_ended_while_a_zombie_still_answers(pids: LivePidViews, start: Starter) -> None:
    rest = start("rest", "0")
    with pids.hold(rest.pid) as held:  # type: ignore[union-attr]
        assert not held.ended()
        rest.kill()
        deadline = time.monotonic() + 5
        while not held.ended() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert held.ended()
        assert answers(pids, rest.pid) == [True] * 5
        rest.wait()
        assert held.ended()
        assert answers(pids, rest.pid) == [False] * 5


def test_another_user_is_told_that_root_s_processes_are_there() -> None:
    code = (
        "import os, sys\n"
        "from davy.host.ids import LivePidViews\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "pids, pid = LivePidViews(), int(sys.argv[1])\n"
        "print(pids.alive(pid), pids.signal0(pid), pids.group(pid), pids.scheduler(pid), pids.thread_group(pid))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 5


def test_where_a_filter_refuses_a_call_its_view_says_nothing() -> None:
    code = (
        "import os\n"
        "def refused(pid, flags=0): raise PermissionError(1, 'refused')\n"
        "os.pidfd_open = refused\n"
        "from davy.host.ids import LivePidViews\n"
        "pids = LivePidViews()\n"
        "print(pids.alive(1), pids.alive(99999999), pids.signal0(1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "None", "True"]
