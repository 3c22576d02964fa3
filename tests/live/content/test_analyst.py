"""A security analyst's machine: everything on it speaks of miners, and nobody on it is one."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.live.eviction.support import heard

from davy.host import live
from davy.host.stat import parse_stat
from davy.scan import scan

pytestmark = pytest.mark.live

PROJECT = Path(__file__).resolve().parents[3]
IN_CI = os.environ.get("CI") == "true"
HISTORY = """\
ps aux | grep -i xmrig
grep -r stratum+tcp:// /etc /tmp
pkill -f kdevtmpfsi
crontab -l | grep -E 'kinsing|kdevtmpfsi'
./xmrig -o pool.supportxmr.com:443 -u 48abc --donate-level 1 --cpu-max-threads-hint=50
curl -fsSL https://example.org/unk.sh | less
chattr -ia /etc/ld.so.preload
"""


def editor() -> list[str]:
    for name in ("vim", "vim.tiny", "nano", "vi"):
        if found := shutil.which(name):
            return [found]
    if IN_CI:
        pytest.fail("there is no editor here")
    pytest.skip("there is no editor here")


@contextmanager
def on_a_terminal(command: list[str], said: bytes, **environment: str) -> Iterator[int]:
    """A program on a pseudo-terminal of its own, once it has shown ``said``; gone afterwards."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvpe(command[0], command, os.environ | {"TERM": "xterm"} | environment)
    try:
        shown, deadline = b"", time.monotonic() + 20
        while said not in shown and time.monotonic() < deadline:
            if heard(terminal, 0.2):
                shown += os.read(terminal, 1 << 16)
        assert said in shown, shown
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


@contextmanager
def searching(folder: Path) -> Iterator[int]:
    """``grep -r`` over the checkout, again and again, at the lowest priority."""
    search = subprocess.Popen(
        ["bash", "-c", f"while :; do grep -r stratum {folder} >/dev/null; done"], preexec_fn=lambda: os.nice(19),
        start_new_session=True,
    )  # fmt: skip
    try:
        yield search.pid
    finally:
        os.killpg(search.pid, signal.SIGKILL)
        search.wait()


def _files() -> list[str]:
    folders = [PROJECT / part for part in ("src", "tests", "docs", "bench")]
    return [str(path.relative_to(PROJECT)) for folder in folders for path in folder.rglob("*")]


def checkout(folder: Path) -> Path:
    """This repository as a clone leaves it."""
    listed = subprocess.run(["git", "-C", PROJECT, "ls-files", "-z"], capture_output=True, check=False).stdout
    names = os.fsdecode(listed).split("\0") if listed else _files()
    for name in filter(None, names):
        if (source := PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    knowledge = PROJECT.parent / "shared" / "knowledge"
    if knowledge.is_dir():
        shutil.copytree(knowledge, folder / "notes")
    return folder


@pytest.fixture
def desk() -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="content-analyst-", dir="/root")))
        hot = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="content-analyst-", dir="/tmp")))
        mine = checkout(home / "davy")
        checkout(home / ".cache" / "davy")
        other = checkout(hot / "davy")
        (home / ".bash_history").write_text(HISTORY)
        rules = sorted((mine / "src/davy/knowledge/content").glob("*.toml"))
        families = sorted((mine / "src/davy/knowledge/families").glob("*.toml"))
        opened = [str(path) for path in (*rules, *families)]
        pids = [
            stack.enter_context(on_a_terminal([*editor(), *opened], b"rule", HOME=str(home))),
            stack.enter_context(
                on_a_terminal(["bash", "--norc", "-i"], b"$", HISTFILE=str(home / ".bash_history"), PS1="at work$ ")
            ),
            stack.enter_context(searching(other)),
        ]
        yield {"pids": pids, "folders": (str(home), str(hot))}


def test_an_analyst_s_machine_is_clean(desk: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as state:
        scan = subprocess.run(
            [sys.executable, "-m", "davy", "scan", "--json", "--deep", "--state", state],
            capture_output=True,
            check=False,
        )
        assert scan.returncode in (0, 1), scan.stderr.decode()
        found = json.loads(scan.stdout)
        considered = json.loads(
            subprocess.run(
                [sys.executable, "-m", "davy", "explain", "--json", "--state", state], capture_output=True, check=True
            ).stdout
        )
    ours = [
        (actor["pid"], actor["path"])
        for incident in found["incidents"]
        for actor in incident["actors"]
        if actor["pid"] in desk["pids"] or str(actor["path"] or "").startswith(desk["folders"])
    ]
    assert ours == []
    if IN_CI:
        assert found["verdict"] == "clean", found["incidents"]
    told = [
        (row["name"], finding["rule"], finding["summary"])
        for row in considered
        for finding in row["findings"]
        if finding["aspect"] == "content"
        and (row["name"].startswith(desk["folders"]) or any(f"({pid})" in row["name"] for pid in desk["pids"]))
    ]
    assert told == []


def test_this_project_s_own_tests_are_no_miner() -> None:
    """They burn, and have every rule, conversation and wallet in their memory."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/detect",
        "tests/unit/knowledge",
    ]
    with subprocess.Popen(
        words, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as tests:  # fmt: skip
        try:
            kernel = live().kernel
            assert kernel is not None
            deadline = time.monotonic() + 60
            while parse_stat(kernel.procfs.read(f"{tests.pid}/stat")).cpu_ticks < 300 and time.monotonic() < deadline:
                time.sleep(0.05)
            snapshot, judgement = scan(live())
            assert tests.pid in {detail.pid for detail in snapshot.details}, "it was not looked at closely"
            accused = [one for one in judgement.incidents if tests.pid in {actor.pid for actor in one.actors}]
            assert not accused, [(finding.rule, finding.bits) for one in accused for finding in one.findings]
        finally:
            tests.kill()
