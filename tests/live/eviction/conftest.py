"""Before and after every eviction test: no drill, no crontab changed, no process left."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from davy import drill

from .support import DRILL_PROGRAMS, SPOOL, Bystander, Davy, dies_with_us, end, running, tool, within

_LOOP = "# waits for a file, as people's scripts do\nwhile [ ! -e {until} ]; do sleep 0.1; done\n"
_TRAIN = """\
# a person's own training run, in plain floats
weights = [0.5] * 64
while True:
    for step in range(2000):
        error = sum(weights) / len(weights) - 0.25
        weights = [weight - 0.01 * error for weight in weights]
"""
_INLINE = """\
import os, sys, time
while not os.path.exists("{folder}/{mark}/run.sh"):
    time.sleep(0.1)
os.system("cd {folder}/{mark} && ./run.sh || {folder}/{mark}/run.sh")
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever a test does: no drill is left, and the crontabs are as they were."""
    there = [path for path in DRILL_PROGRAMS if os.path.lexists(path)]
    assert not there, f"{there} exist already: a drill runs, or was left behind"
    with ExitStack() as stack:
        for name in ("root", "nobody"):
            stack.enter_context(_unchanged(SPOOL / name))
        try:
            yield
        finally:
            with suppress(drill.DrillError):
                drill.stop()
            for path in DRILL_PROGRAMS:
                Path(path).unlink(missing_ok=True)
                end(partial(running, path))


def _started(stack: ExitStack, name: str, file: Path | None, *command: str) -> Bystander:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=dies_with_us,
    )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert within(5, partial(_runs, process.pid, command[-1])), f"{name} did not start"
    return Bystander(name, process.pid, file)


def _runs(pid: int, last: str) -> bool:
    """Whether a process has become what was asked for: ``nice`` is another program before."""
    words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    return words[-1] == last and words[0] != "nice"


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    """A file is afterwards as it was before, with its mode, owner and times, or is not there again."""
    try:
        content, status = path.read_bytes(), path.stat()
    except FileNotFoundError:
        content, status = None, None
    try:
        yield
    finally:
        if content is None or status is None:
            path.unlink(missing_ok=True)
        elif not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            path.chmod(status.st_mode & 0o7777)
            os.chown(path, status.st_uid, status.st_gid)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def davy(tmp_path: Path) -> Davy:
    return Davy(tmp_path / "state")


@pytest.fixture
def cron() -> Iterator[Bystander]:
    """A real cron daemon: the machine's own if one runs, else one for this test."""
    program = tool("cron", "cron")
    if not SPOOL.is_dir():
        pytest.fail(f"cron is installed, and there is no {SPOOL}")
    if already := running(program):
        yield Bystander("cron", already[0], None, busy=False)
        return
    daemon = subprocess.Popen(
        [program, "-f"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=dies_with_us,
    )  # fmt: skip
    try:
        assert within(2, lambda: running(program) == [daemon.pid] or daemon.poll() is not None)
        assert daemon.poll() is None, "cron did not start"
        yield Bystander("cron", daemon.pid, None, busy=False)
    finally:
        daemon.kill()
        daemon.wait()


@pytest.fixture
def bystander_in() -> Iterator[Callable[[str | Path], list[Bystander]]]:
    """Starts three innocents in a folder: a shell loop, a training run that burns a core, and one without a file, whose
    text names a path in that folder.

    They share this test's control group and session, as a gang does that is started without a session of its own.
    """
    with ExitStack() as stack:

        def start(folder: str | Path) -> list[Bystander]:
            mark = f"{random.randrange(1 << 32):08x}"
            loop, train = Path(folder, f"wait-{mark}.sh"), Path(folder, f"train-{mark}.py")
            loop.write_text(_LOOP.format(until=f"/nonexistent/{mark}"))
            train.write_text(_TRAIN)
            stack.callback(loop.unlink, missing_ok=True)
            stack.callback(train.unlink, missing_ok=True)
            inline = _INLINE.format(folder=folder, mark=mark)
            return [
                _started(stack, loop.name, loop, "/bin/sh", os.fspath(loop)),
                _started(stack, train.name, train, "nice", "-n", "5", sys.executable, os.fspath(train)),
                _started(stack, "python -c", None, sys.executable, "-c", inline),
            ]

        yield start
