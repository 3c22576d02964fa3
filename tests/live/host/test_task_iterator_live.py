"""The kernel's own list has every task, whatever is mounted over ``/proc``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.host import HostError
from davy.host.stat import parse_stat
from davy.host.task_iterator import TaskIterator

from .conftest import IN_CI, Starter

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def iterator() -> Iterator[TaskIterator]:
    try:
        made = TaskIterator()
    except HostError as error:
        if IN_CI:
            pytest.fail(f"this kernel has no task iterator: {error}")
        pytest.skip(f"this kernel has no task iterator: {error}")
    with made:
        yield made


def threads() -> set[int]:
    found: set[int] = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            found |= {int(name) for name in os.listdir(f"/proc/{process}/task")}
        except OSError:
            continue
    return found


def test_it_has_every_thread_that_proc_has_and_no_other(iterator: TaskIterator, start: Starter) -> None:
    rest = start("rest", "500")
    assert rest.stdout is not None
    rest.stdout.readline()
    before = threads()
    found = {task.tid: task for task in iterator.tasks()}
    after = threads()
    # The init of some sandboxes is kept out of it by their kernel.
    init = {int(name) for name in os.listdir("/proc/1/task")}
    assert (before & after) - found.keys() - init == set()
    assert len([task for task in found.values() if task.pid == rest.pid]) == 501
    strangers = found.keys() - before - after
    deadline = time.monotonic() + 5
    while strangers & {task.tid for task in iterator.tasks()} - threads() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not strangers & {task.tid for task in iterator.tasks()} - threads()


def test_a_task_is_who_proc_says_it_is(iterator: TaskIterator) -> None:
    compared = 0
    ticks = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    for task in iterator.tasks():
        try:
            stat = parse_stat(Path(f"/proc/{task.pid}/task/{task.tid}/stat").read_bytes())
        except (OSError, HostError):
            continue
        assert stat.start_ticks == task.start_nanoseconds // ticks
        assert stat.name.startswith(task.name) or task.pid != task.tid or stat.flags & 0x200000 == 0
        assert (stat.flags ^ task.flags) & 0x200000 == 0  # PF_KTHREAD
        compared += 1
    assert compared > 20


@pytest.mark.usefixtures("iterator")
def test_a_process_whose_folder_is_covered_is_in_it(start: Starter) -> None:
    hog = start("hog")
    code = (
        "import os, sys\n"
        "from davy.host.task_iterator import TaskIterator\n"
        "pid = int(sys.argv[1])\n"
        "with TaskIterator() as iterator:\n"
        "    print(os.listdir(f'/proc/{pid}'), [task.name for task in iterator.tasks() if task.pid == pid])\n"
    )
    script = f'mount -t tmpfs none /proc/{hog.pid} && exec {sys.executable} -c "$CODE" {hog.pid}'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], env={**os.environ, "CODE": code},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[] ['tasks']"


@pytest.mark.usefixtures("iterator")
def test_from_a_pid_namespace_only_its_own_tasks_are_seen_by_their_first_pids() -> None:
    code = (
        "import os\n"
        "from davy.host.task_iterator import TaskIterator\n"
        "with TaskIterator() as iterator:\n"
        "    for task in iterator.tasks(): print(os.getpid(), task.tid, task.name)\n"
    )
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ((own, tid, name),) = (line.split() for line in done.stdout.splitlines())
    assert own == "1"
    assert int(tid) > 1
    assert name.startswith("python")


def test_without_the_right_it_says_so() -> None:
    code = (
        "import os\n"
        "from davy.host import HostError\n"
        "from davy.host.task_iterator import TaskIterator\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: TaskIterator()\n"
        "except HostError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Denied"


def test_loading_it_and_walking_once_is_cheap() -> None:
    spent = []
    for _ in range(3):
        begun = time.process_time()
        with TaskIterator() as iterator:
            assert len(iterator.tasks()) > 10
        spent.append(time.process_time() - begun)
    assert min(spent) < 0.1
