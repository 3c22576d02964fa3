"""Every control group is walked, below whatever lies over it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from davy.host import LiveKernel
from davy.host.cgroups import Group, every_group, hierarchy
from davy.host.mounts import parse_mountinfo

from .conftest import Starter

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def kernel() -> LiveKernel:
    return LiveKernel()


@pytest.fixture
def group(kernel: LiveKernel) -> Iterator[Path]:
    """A group of the test's own, with an inner one."""
    found = hierarchy(parse_mountinfo(os.fsdecode(kernel.procfs.read("self/mountinfo", 1 << 20))))
    assert found is not None
    folder = Path(found[0].point) / f"davy-test-{os.getpid()}"
    (folder / "inner").mkdir(parents=True)
    yield folder
    deadline = time.monotonic() + 5
    for place in (folder / "inner", folder):
        while place.exists():
            try:
                place.rmdir()
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)


def one(groups: tuple[Group, ...], path: str) -> Group:
    return next(group for group in groups if group.path == path)


def test_every_living_process_is_in_a_group(kernel: LiveKernel) -> None:
    missing = list(psutil.process_iter())
    deadline = time.monotonic() + 5
    while missing and time.monotonic() < deadline:
        found = every_group(kernel.procfs)
        assert found.whole
        members = {pid for group in found.groups for pid in group.pids}
        missing = [process for process in missing if process.pid not in members and alive(process)]
    assert missing == []


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_group_tells_its_processes_threads_and_cpu_time(kernel: LiveKernel, group: Path, start: Starter) -> None:
    rest, burner = start("rest", "4"), start("hog")
    assert rest.stdout is not None
    rest.stdout.readline()
    (group / "cgroup.procs").write_text(str(rest.pid))
    (group / "inner" / "cgroup.procs").write_text(str(burner.pid))
    time.sleep(0.2)
    found = every_group(kernel.procfs, threads=True)
    outer, inner = one(found.groups, f"/{group.name}"), one(found.groups, f"/{group.name}/inner")
    assert (outer.pids, inner.pids) == ((rest.pid,), (burner.pid,))
    assert outer.threads is not None
    assert sorted(outer.threads) == sorted(int(name) for name in os.listdir(f"/proc/{rest.pid}/task"))
    if found.version == 2:
        assert outer.cpu_seconds is not None
        assert inner.cpu_seconds is not None
        assert 0.02 < inner.cpu_seconds <= outer.cpu_seconds < 30
    assert one(every_group(kernel.procfs).groups, f"/{group.name}").threads is None


def test_what_is_mounted_over_a_group_covers_nothing(group: Path, start: Starter) -> None:
    rest = start("rest", "0")
    (group / "cgroup.procs").write_text(str(rest.pid))
    code = (
        "import sys\n"
        "from davy.host import LiveKernel\n"
        "from davy.host.cgroups import every_group\n"
        "found = every_group(LiveKernel().procfs)\n"
        "print(found.bare, [group.pids for group in found.groups if group.path == sys.argv[1]])\n"
    )
    script = f"mount -t tmpfs none {group} && exec {sys.executable} -c '{code}' /{group.name}"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"True [({rest.pid},)]"


def test_what_is_mounted_over_the_whole_hierarchy_is_noticed(group: Path) -> None:
    code = (
        "from davy.host import LiveKernel, Refused\n"
        "from davy.host.cgroups import every_group\n"
        "try: every_group(LiveKernel().procfs)\n"
        "except Refused as error: print(error)\n"
    )
    script = f"mount -t tmpfs none {group.parent} && exec {sys.executable} -c '{code}'"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=True)
    assert "mounted over" in done.stdout


def test_a_process_of_another_pid_namespace_is_counted(group: Path, start: Starter) -> None:
    rest = start("rest", "0")
    (group / "cgroup.procs").write_text(str(rest.pid))
    code = (
        "import sys\n"
        "from davy.host import LiveKernel\n"
        "from davy.host.cgroups import every_group\n"
        "print([(group.pids, group.strangers) for group in every_group(LiveKernel().procfs).groups"
        " if group.path == sys.argv[1]])\n"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code, f"/{group.name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[((), 1)]"


def test_the_walk_ends_at_its_limits_and_says_so(kernel: LiveKernel, group: Path) -> None:
    assert group.is_dir()
    assert (len(every_group(kernel.procfs, limit=1).groups), every_group(kernel.procfs, limit=1).whole) == (1, False)
    shallow = every_group(kernel.procfs, depth=1)
    assert not shallow.whole
    assert all(found.path.count("/") == 1 for found in shallow.groups)


def test_sixty_groups_are_walked_in_five_milliseconds(kernel: LiveKernel, group: Path) -> None:
    many = [group / "inner" / str(number) for number in range(60)]
    try:
        for folder in many:
            folder.mkdir()
        spent = []
        for _ in range(5):
            begun = time.process_time()
            found = every_group(kernel.procfs)
            spent.append((time.process_time() - begun) / len(found.groups))
        assert min(spent) * 60 < 0.005
    finally:
        for folder in many:
            folder.rmdir()
