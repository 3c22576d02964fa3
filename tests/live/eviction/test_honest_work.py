"""Honest heavy work is left alone, whoever started it: the verdict is clean, and `explain` shows why."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from davy import drill

from .support import Davy, actors, dies_with_us, end, living, missing, schedstat, session_of, told, tool, within

pytestmark = pytest.mark.live

SECONDS = 60
_LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
_FLOATS = """\
weights = [0.5] * 256
while True:
    for step in range(1000):
        error = sum(weights) / len(weights) - 0.25
        weights = [weight - 0.01 * error for weight in weights]
"""
_NUMPY = """\
import numpy
samples, truth = numpy.random.rand(2000, 64), numpy.random.rand(64)
weights = numpy.zeros(64)
while True:
    weights -= 0.01 * samples.T @ (samples @ weights - samples @ truth) / len(samples)
"""
_COMPILE = """\
end=$(( $(date +%s) + {seconds} ))
while [ $(date +%s) -lt $end ]; do
  for unit in one two; do {gcc} -O2 -c -o $unit.o $unit.c & done
  wait
done
"""
_FUNCTION = "double f{n}(double *a, int k) {{ double s = {n}; for (int i = 0; i < k; i++) s += a[i] * {n} - s / {n}.5; \
return s; }}\n"


class Work(NamedTuple):
    """Somebody's job: its command line, and the program that burns."""

    command: tuple[str, ...]
    burner: str
    packaged: bool | None
    """Whether an installed package owns the burner; None when each is gone too soon to be asked."""


def _script(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return os.fspath(path)


def _training(folder: Path) -> Work:
    script = _script(folder, "train.py", _LIMIT + _FLOATS)
    return Work((sys.executable, script), os.path.basename(os.path.realpath(sys.executable)), packaged=False)


def _numpy(folder: Path) -> Work:
    if find_spec("numpy") is None:
        missing("needs numpy (pip install '.[test]')")
    script = _script(folder, "fit.py", _LIMIT + _NUMPY)
    return Work((sys.executable, script), os.path.basename(os.path.realpath(sys.executable)), packaged=False)


def _openssl(_: Path) -> Work:
    command = (tool("openssl", "openssl"), "speed", "-seconds", f"{SECONDS}", "-bytes", "8192", "-multi", "2", "sha256")
    return Work(command, "openssl", packaged=True)


def _compile(folder: Path, functions: int) -> Work:
    for unit in ("one", "two"):
        _script(folder, f"{unit}.c", "".join(_FUNCTION.format(n=n) for n in range(1, functions)))
    script = _script(folder, "build.sh", _COMPILE.format(seconds=SECONDS, gcc=tool("gcc", "gcc")))
    return Work(("/bin/sh", script), "cc1", packaged=None if functions < 1000 else True)


def _xz(folder: Path) -> Work:
    data = folder / "samples.bin"
    with data.open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1 << 20))
    return Work((tool("xz", "xz-utils"), "-T0", "-k", os.fspath(data)), "xz", packaged=True)


WORKS: dict[str, Callable[[Path], Work]] = {
    "floats": _training,
    "numpy": _numpy,
    "openssl": _openssl,
    "compile": partial(_compile, functions=4000),
    "small files": partial(_compile, functions=20),
    "xz": _xz,
}


@contextmanager
def _at_a_terminal(work: Work, folder: Path) -> Iterator[int]:
    """As a person does: typed into an interactive bash on a terminal of its own.  The session's leader."""
    master, terminal = pty.openpty()

    def controlled() -> None:
        dies_with_us()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    shell = subprocess.Popen(
        [tool("bash", "bash"), "--norc", "--noprofile", "-i"], stdin=terminal, stdout=terminal, stderr=terminal,
        cwd=folder, env={**os.environ, "HISTFILE": "", "PS1": "$ "}, start_new_session=True, preexec_fn=controlled,
    )  # fmt: skip
    os.close(terminal)
    threading.Thread(target=_drain, args=(master,), daemon=True).start()
    try:
        os.write(master, " ".join(work.command).encode() + b"\n")
        yield shell.pid
    finally:
        end(partial(session_of, shell.pid))
        shell.wait()
        os.close(master)


def _drain(master: int) -> None:
    with suppress(OSError):
        while os.read(master, 4096):
            pass


@contextmanager
def _as_a_daemon(work: Work, folder: Path) -> Iterator[int]:
    """Without a terminal, in a session of its own, adopted by the first process.  The session's leader."""
    text = 'ulimit -t "$0"; setsid "$@" </dev/null >/dev/null 2>&1 & echo $!'
    started = subprocess.run(
        ["/bin/sh", "-c", text, f"{SECONDS}", *work.command],
        cwd=folder, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    leader = int(started.stdout)
    try:
        yield leader
    finally:
        end(partial(session_of, leader))


def _burners(leader: int, program: str) -> list[int]:
    """The processes of a session that run a program of this name."""
    found = []
    for pid in session_of(leader):
        with suppress(OSError):
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == program:
                found.append(pid)
    return found


def _about(davy: Davy, work: Work, pids: set[int]) -> list[dict[str, Any]]:
    """What `explain` tells of the work; a compiler's pids change too fast to be asked for."""
    rows = davy.considered()
    if work.burner == "cc1":
        return [row for row in rows.values() if row["name"].startswith("cc1 ")]
    return [row for pid, row in rows.items() if pid in pids]


@pytest.mark.parametrize("started", [_at_a_terminal, _as_a_daemon], ids=["by a person", "as a daemon"])
@pytest.mark.parametrize("name", WORKS)
def test_work_is_clean_and_the_reason_is_shown(name: str, started: Any, davy: Davy, tmp_path: Path) -> None:
    work = WORKS[name](tmp_path)
    with started(work, tmp_path) as leader:
        assert within(10, lambda: bool(_burners(leader, work.burner))), f"{work.burner} does not run"
        time.sleep(0.5)
        pids = set(_burners(leader, work.burner))
        found = davy.scan()
        assert (found.status, found.json["verdict"], found.json["incidents"]) == (0, "clean", []), told(found)
        rows = _about(davy, work, pids)
        words = davy("explain")
    assert rows, "explain does not tell of it"
    row = rows[0]
    findings = {finding["rule"]: finding["bits"] for finding in row["findings"]}
    assert {"behaviour.cpu-load", "behaviour.renews-itself"} & findings.keys()
    assert row["bits"] < 6
    assert work.packaged in (None, "trust.packaged" in findings)
    if work.packaged is not None:
        assert ("trust.person" in findings) == (started is _at_a_terminal)
    assert all(bits < 0 for rule, bits in findings.items() if rule.startswith("trust."))
    assert words.returncode == 0
    assert row["name"] in words.stdout
    assert all(finding["summary"] in words.stdout for finding in row["findings"])


def test_the_work_that_a_miner_slows_is_named_with_its_share(davy: Davy, tmp_path: Path) -> None:
    """All on one CPU: elsewhere it is the scheduler's choice whether the niced miner is in the way of the work."""
    cpus = os.sched_getaffinity(0)
    with _at_a_terminal(_training(tmp_path), tmp_path) as leader:
        program = os.path.basename(os.path.realpath(sys.executable))
        assert within(10, lambda: bool(_burners(leader, program)))
        (pid,) = _burners(leader, program)
        started = drill.start("kdevtmpfsi", 60, cores=max(2, len(cpus)))
        for each in (pid, *living(started.pids)):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(each, {min(cpus)})
        assert within(10, lambda: schedstat(pid)[1] > 0.2)
        found = davy.scan()
        ran, waited = schedstat(pid)
        words = davy("scan")
        ran, waited = (now - before for now, before in zip(schedstat(pid), (ran, waited), strict=True))
        explained = json.loads(davy("explain", "1", "--json").stdout)
    assert found.json["verdict"] == "confirmed", told(found)
    assert {actor["pid"] for actor in actors(found, "miner")} <= set(started.pids)
    assert waited / (ran + waited) > 0.1, "the miner did not slow it: the test shows nothing"
    (slowed,) = [row for row in explained["slowed"] if row["pid"] == pid]
    assert slowed["share"] == pytest.approx(ran / (ran + waited), abs=0.2)
    (line,) = [line for line in words.stdout.splitlines() if f"({pid})" in line and "slows" in line]
    assert f"got {slowed['share']:.0%} of the CPU it asked for" in line
    assert not [actor for actor in actors(found, "miner") if actor["pid"] == pid]
