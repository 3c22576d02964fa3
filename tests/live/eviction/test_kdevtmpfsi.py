"""The `kdevtmpfsi` drill: its guardian never gets the chance to act, and nobody else is touched, time after time."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from davy import drill
from davy.host import live
from davy.journal import Journal
from davy.journal.state import State
from davy.model.incidents import Verdict
from davy.respond import Interest, evict, plan
from davy.scan import scan

from .support import (
    IN_CI,
    SPOOL,
    Bystander,
    Davy,
    Events,
    actors,
    end,
    living,
    pids_of,
    running,
    stat_fields,
    told,
    tool,
    within,
)

pytestmark = pytest.mark.live

MINER, GUARDIAN = "/tmp/kdevtmpfsi", "/var/tmp/kinsing"
CRONTAB = SPOOL / "nobody"
RUNS = 50 if IN_CI else int(os.environ.get("DAVY_RUNS", "50"))
WINDOW_SECONDS = 0.4
VERIFY_SECONDS = 0.5


class _Steps:
    """When each step of an eviction began, on the clock of `Events`; the first one is the freeze."""

    def __init__(self) -> None:
        self.begun: list[float] = []

    def __call__(self, words: str) -> None:
        assert self.begun or words.startswith("freeze")
        self.begun.append(time.monotonic())


@contextmanager
def _in_our_session() -> Iterator[None]:
    """A drill started meanwhile is in the session of this test, as a miner is that is started from a person's shell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "setsid", lambda: None)
        yield


def _lasting(started: drill.Started, program: str) -> set[int]:
    """The processes of a drill that run this program and stay.

    What the guardian forked, and is about to become its `sleep` or `date`, runs the guardian's program for a moment.
    """
    return {each.pid for each in started.processes if each.program == program} & set(running(program))


def test_killing_only_the_miner_brings_it_back() -> None:
    drill.start("kdevtmpfsi", 60)
    guardian = running(GUARDIAN)
    gone: set[int] = set()
    for _ in range(3):
        gone.update(running(MINER))
        end(partial(living, gone))
        assert within(1, lambda: bool(set(running(MINER)) - gone))
    assert running(GUARDIAN) == guardian


def test_one_that_has_ended_is_no_actor(davy: Davy, tmp_path: Path) -> None:
    """Its zombie may be listed for long: some first processes of containers wait for nobody."""
    guardian = tmp_path / "kinsing"
    shutil.copy(tool("true", "coreutils"), guardian)
    zombie = subprocess.Popen([guardian])
    try:
        assert within(2, lambda: stat_fields(zombie.pid)[0] == "Z")
        with _in_our_session():
            started = drill.start("kdevtmpfsi", 60)
        found = davy.scan()
        assert found.json["verdict"] == "confirmed"
        named = {actor["pid"] for one in found.json["incidents"] for actor in one["actors"]}
        assert zombie.pid not in named, told(found)
        assert _lasting(started, MINER) | _lasting(started, GUARDIAN) <= named
    finally:
        zombie.wait()


def test_the_whole_gang_is_named_and_evicted(
    davy: Davy, cron: Bystander, bystander_in: Callable[[str], list[Bystander]]
) -> None:
    with Events() as events:
        with _in_our_session():
            started = drill.start("kdevtmpfsi", 120)
        bystanders = [cron, *bystander_in("/tmp"), *bystander_in("/var/tmp")]
        found = davy.scan()
        events.read()
    assert (found.status, found.json["verdict"]) == (1, "confirmed"), told(found)
    (incident,) = found.json["incidents"]
    assert (incident["verdict"], incident["family"]) == ("confirmed", "kinsing")
    assert pids_of(actors(found, "miner")) == _lasting(started, MINER)
    assert _lasting(started, GUARDIAN) <= pids_of(actors(found, "guardian")) <= events.family(started.pids)
    (autostart,), (line,) = actors(found, "autostart"), started.lines
    assert (autostart["path"], autostart["line"], autostart["user"]) == (line.path, 1, "nobody")
    assert autostart["command"] == line.text.split(None, 5)[5].replace("\\%", "%")
    assert {actor["role"] for actor in incident["actors"]} == {"miner", "guardian", "autostart"}
    done = davy.evict(5)
    assert done.json["clean"], json.dumps(done.json, indent=1)
    assert (done.status, done.json["rounds"], done.json["returned"], done.json["left"]) == (0, 1, None, [])
    assert not running(MINER) + running(GUARDIAN)
    assert not [path for path in (MINER, GUARDIAN) if os.path.lexists(path)]
    assert CRONTAB.read_bytes() == b""
    for each in bystanders:
        each.check()


def test_fifty_in_a_row_without_a_come_back_and_nobody_else_touched(
    tmp_path: Path, cron: Bystander, bystander_in: Callable[[str], list[Bystander]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        importlib.import_module("davy.respond.evict"), "scan", partial(scan, window_seconds=WINDOW_SECONDS)
    )
    bystanders = [cron, *bystander_in("/tmp")]
    host, journal = live(), Journal(State(os.fspath(tmp_path / "state")))
    crontab = CRONTAB.read_bytes() if CRONTAB.exists() else b""
    for run in range(1, RUNS + 1):
        with Events() as events:
            with _in_our_session():
                started = drill.start("kdevtmpfsi", 60)
            snapshot, judgement = scan(host, window_seconds=WINDOW_SECONDS)
            assert judgement.verdict is Verdict.CONFIRMED, f"run {run}"
            made = plan(host, snapshot, judgement.incidents, spared_files=journal.state.keys())
            named, lasting = {target.pid for target in made.targets}, set(living(started.pids))
            events.read()
            assert lasting <= named <= events.family(started.pids), f"run {run}: {made.targets}"
            steps = _Steps()
            outcome = evict(
                host, journal, made, watch_seconds=VERIFY_SECONDS, spared_files=journal.state.keys(),
                interest=Interest(step=steps),
            )  # fmt: skip
            events.read()
        assert (outcome.clean, outcome.rounds, outcome.returned) == (True, 1, None), f"run {run}: {outcome}"
        gang = events.family(started.pids)
        frozen = steps.begun[1]  # the step behind the freeze begins when the freeze is done
        acted = [fork for fork in events.forks if fork.parent in gang and fork.when > frozen]
        assert not acted, f"run {run}: the gang acted after it was frozen"
        killed = {one.pid for one in events.exits if one.killed_by == signal.SIGKILL and steps.begun[0] < one.when}
        assert lasting <= killed <= gang, f"run {run}: others were ended"
        assert not running(MINER) + running(GUARDIAN), f"run {run}"
        assert not [path for path in (MINER, GUARDIAN) if os.path.lexists(path)], f"run {run}"
        assert CRONTAB.read_bytes() == crontab, f"run {run}"
        for each in bystanders:
            each.check()
        drill.stop()
