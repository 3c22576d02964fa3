"""A real Redis of the test's own stands open, is closed by one line and a restart, and the line is put back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.respond.test_crash import identity, seen
from tests.live.test_cli import davy as plain
from tests.live.test_cli import on_terminal
from tests.live.test_cli import refused as is_refused

from davy.journal import Journal
from davy.journal.state import State
from davy.model.plan import LineSet, Plan, RemoveLink, SetLines

pytestmark = pytest.mark.live

IN_CI = os.environ.get("CI") == "true"
OPEN = b'# of the test\nbind 0.0.0.0\nport 17399\nprotected-mode no\nsave ""\nset-proc-title no\n'
CLOSED = OPEN.replace(b"bind 0.0.0.0", b"bind 127.0.0.1 -::1")


def within(seconds: float, condition: Callable[[], object]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


class Redis:
    """One server in a network and a mount namespace of its own, with one address beside loopback."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        script = (
            "ip link set lo up; ip link add d0 type dummy; ip addr add 192.0.2.9/24 dev d0; ip link set d0 up; exec "
        )
        self._process = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", f"{script} redis-server {self.config} --daemonize no"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.config.parent,
        )  # fmt: skip
        pid = self._process.pid
        assert within(10, lambda: self._listens(pid)), "redis-server did not come up"
        self.begun = time.monotonic()
        return pid

    @staticmethod
    def _listens(pid: int) -> bool:
        try:
            return f":{17399:04X}" in Path(f"/proc/{pid}/net/tcp").read_text()
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        if IN_CI:
            pytest.fail("needs redis-server")
        pytest.skip("needs redis-server")
    folder = tmp_path / "redis"
    folder.mkdir(mode=0o755)
    config = folder / "redis.conf"
    config.write_bytes(OPEN)
    os.utime(config, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
    server = Redis(config)
    yield server
    server.stop()


@pytest.fixture
def davy(tmp_path: Path) -> Callable[..., tuple[int, Any]]:
    def run(*words: str) -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "davy", *words, "--json", "--state", str(tmp_path / "state")],
            capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert done.stderr == b""
        return done.returncode, json.loads(done.stdout)

    return run


def of_pid(found: Any, pid: int) -> tuple[Any, list[Any]]:
    """The service of this process, and what of it stands open."""
    (service,) = [one for one in found["services"] if one["pid"] == pid]
    return service, [one for one in found["exposures"] if one["id"] in service["exposures"]]


def test_open_closed_and_open_again(redis: Redis, davy: Callable[..., tuple[int, Any]]) -> None:
    before = seen(redis.config)
    pid = redis.start()
    status, found = davy("harden")
    service, (exposure,) = of_pid(found, pid)
    assert status == 1
    assert service["files"] == [str(redis.config)]
    assert (exposure["opening"], exposure["severity"], exposure["reached_from"]) == ("no-password", "critical", "any")
    assert exposure["address"] == "0.0.0.0:17399"
    assert any(f"{redis.config} line 4" in text for text in exposure["evidence"])
    assert (exposure["change"]["path"], exposure["change"]["line"]) == (str(redis.config), 2)

    # The kernel says to the second when it booted: what is written within one of a start is not told from before it.
    assert within(10, lambda: time.monotonic() > redis.begun + 2.1)
    status, applied = davy("harden", "--apply", exposure["id"], "--yes")
    assert applied["left"] == []
    assert applied["files"][0]["restart"].startswith("systemctl restart")
    assert redis.config.read_bytes() == CLOSED
    assert exposure["id"] in of_pid(applied["after"], pid)[0]["exposures"], "it listens as before until it is restarted"
    assert any(gap["what"] == str(redis.config) for gap in applied["after"]["gaps"]), "and it is said that it has to be"

    redis.stop()
    pid = redis.start()
    _, found = davy("harden")
    service, exposures = of_pid(found, pid)
    assert exposures == []
    assert service["reached_from"] == "loopback"
    assert found["former_score"]["score"] == applied["after"]["score"]

    status, undone = davy("undo", "--yes")
    assert (status, undone["put_back"]) == (0, [str(redis.config)])
    assert seen(redis.config) == before
    redis.stop()
    pid = redis.start()
    assert [one["id"] for one in of_pid(davy("harden")[1], pid)[1]] == [exposure["id"]]


def test_a_dry_run_shows_the_line_and_touches_nothing(redis: Redis, davy: Callable[..., tuple[int, Any]]) -> None:
    before, pid = seen(redis.config), redis.start()
    _, (exposure,) = of_pid(davy("harden")[1], pid)
    status, planned = davy("harden", "--apply", exposure["id"], "--dry-run")
    assert status == 1
    (file,) = planned["files"]
    assert file["lines"] == [{"number": 2, "before": "bind 0.0.0.0", "after": "bind 127.0.0.1 -::1"}]
    assert seen(redis.config) == before
    assert (planned["done"], planned["after"]) == ([], None)


@pytest.mark.parametrize(("answer", "status", "after"), [(b"n\n", 2, OPEN), (b"y\n", 1, CLOSED)])
def test_a_person_is_asked_and_sees_the_line(
    redis: Redis, davy: Callable[..., tuple[int, Any]], tmp_path: Path, answer: bytes, status: int, after: bytes
) -> None:
    pid = redis.start()
    _, (exposure,) = of_pid(davy("harden")[1], pid)
    words = ("harden", "--apply", exposure["id"], "--state", str(tmp_path / "state"))
    asked = plain(*words)
    assert (asked.status, asked.errors) == (2, "davy: nobody to ask: say --yes\n")
    done = on_terminal(*words, answer=answer, errors_too=True)
    assert "- bind 0.0.0.0" in done.shown
    assert "+ bind 127.0.0.1 -::1" in done.shown
    assert "then, by you: systemctl restart" in done.shown
    assert done.status == status
    assert redis.config.read_bytes() == after
    if status == 1:
        assert "still needed" in done.shown


def test_what_was_cut_short_is_finished_first(
    redis: Redis, davy: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    pid = redis.start()
    found = davy("harden")[1]
    _, (exposure,) = of_pid(found, pid)
    journal = Journal(State(str(tmp_path / "state")))
    line = LineSet(number=2, before=b"bind 0.0.0.0", after=b"bind 127.0.0.1 -::1")
    step = SetLines(file=identity(redis.config), lines=(line,))
    journal.begin(Plan(incidents=(), boot_id=None, steps=(step,)))
    done = plain("harden", "--apply", exposure["id"], "--yes", "--state", str(tmp_path / "state"))
    assert "was cut short: it is finished" in done.errors
    assert redis.config.read_bytes() == CLOSED
    assert journal.unfinished() is None


def test_an_eviction_that_was_cut_short_is_left_to_its_own_verb(tmp_path: Path) -> None:
    journal = Journal(State(str(tmp_path / "state")))
    journal.begin(Plan(incidents=("x",), boot_id=None, steps=(RemoveLink(path=b"/nonexistent", destination=b"x"),)))
    is_refused(plain("harden", "--apply", "--yes", "--state", str(tmp_path / "state")), "davy evict finishes it first")
