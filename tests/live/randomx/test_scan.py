"""A whole scan: RandomX is proven whatever it is called, and honest floating point is let go."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.live.eviction.support import heard, tool
from tests.live.randomx.conftest import Starter

from davy.collect.examine import EXAMINERS
from davy.detect import detect
from davy.host import live
from davy.host.syscalls import ptrace_seize
from davy.model.computation import Rounding
from davy.model.findings import Finding
from davy.model.incidents import Judgement, Verdict
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot
from davy.scan import scan

pytestmark = pytest.mark.live

RULE = "behaviour.rounding"
LOOP = "x = 1.5\nprint('ready', flush=True)\nwhile True:\n    x = x * 1.0000001 + 1e-9\n    x = 1.5 if x > 1e6 else x"


def against(judgement: Judgement, pid: int) -> list[Finding]:
    """What an incident holds against a process."""
    return [
        finding
        for incident in judgement.incidents
        if incident.verdict is Verdict.CONFIRMED
        for finding in incident.findings
        if finding.subject.startswith(f"process:{pid}:")
    ]


def of(snapshot: Snapshot, pid: int) -> Rounding:
    (found,) = (fact for fact in snapshot.roundings if fact.pid == pid)
    return found


def directed(snapshot: Snapshot, pid: int) -> int:
    return sum(thread.directed for thread in of(snapshot, pid).threads)


def test_randomx_is_confirmed_whatever_it_is_called(burner: Path, start: Starter) -> None:
    one = start(burner, "all", 2)
    snapshot, judgement = scan(live())
    (proof,) = (each for each in detect(snapshot) if each.rule == RULE and f":{one.pid}:" in each.subject)
    assert proof.conclusive, of(snapshot, one.pid)
    assert "in all directions" in proof.summary
    assert RULE in {finding.rule for finding in against(judgement, one.pid)}


def test_up_and_down_alone_is_clean(burner: Path, start: Starter) -> None:
    one = start(burner, "interval")
    snapshot, judgement = scan(live())
    assert directed(snapshot, one.pid) > 0
    assert judgement.incidents == () or not against(judgement, one.pid)
    assert not [incident for incident in judgement.incidents if one.pid in {actor.pid for actor in incident.actors}]


def test_honest_floating_point_never_leaves_the_usual_mode(start: Starter) -> None:
    python = start(sys.executable, "-c", LOOP)
    openssl = start(tool("openssl", "openssl"), "speed", "-seconds", "20", "rsa2048", ready=False)
    snapshot, judgement = scan(live())
    for one in (python, openssl):
        assert directed(snapshot, one.pid) == 0
        assert sum(thread.samples for thread in of(snapshot, one.pid).threads) >= 12
        assert not against(judgement, one.pid)


def test_without_ptrace_nobody_is_stopped_and_a_gap_says_so(burner: Path, start: Starter) -> None:
    start(burner, "all")
    snapshot, _ = scan(live(), reach=Reach(ptrace=False))
    assert snapshot.roundings == ()
    assert [gap.why for gap in snapshot.gaps if gap.collector == "rounding"] == ["not asked for: it takes ptrace"]


def test_who_is_traced_already_is_a_gap(burner: Path, start: Starter) -> None:
    one = start(burner, "all")
    ptrace_seize(one.pid)  # until the burner ends: this thread goes on
    snapshot, _ = scan(live())
    gaps = [gap for gap in snapshot.gaps if gap.collector == "rounding" and str(one.pid) in gap.what]
    assert [gap.why for gap in gaps] == ["somebody else traces it"]
    assert one.pid not in {fact.pid for fact in snapshot.roundings}


def test_two_burners_are_sampled_in_little_time(burner: Path, start: Starter) -> None:
    """Bounded even where the machine is busy with more."""
    ones = [start(burner, "all"), start(burner, "none")]
    snapshot, _ = scan(live())
    host, examiner = live(), dict(EXAMINERS)["rounding"]
    began = time.monotonic()
    facts = list(examiner(host, snapshot, Reach()))
    assert time.monotonic() - began < 1.0
    assert {one.pid for one in ones} <= {fact.pid for fact in facts if isinstance(fact, Rounding)}


def test_the_command_line_obeys(burner: Path, start: Starter, tmp_path: Path) -> None:
    start(burner, "all")
    words = [sys.executable, "-m", "davy", "scan", "--json", "--no-ptrace", "--state", str(tmp_path / "state")]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode in (0, 1), answer.stderr
    assert "not asked for: it takes ptrace" in answer.stdout
    assert RULE not in answer.stdout


def children(pid: int) -> list[int]:
    """Those of a process that we have not waited for, so that its pid is still its own."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_root_s_burner_is_proven_from_a_terminal_too(burner: Path) -> None:
    """As whoever tries this by hand does: root's shell in a terminal is nobody's desk."""
    pid, terminal = pty.fork()
    if not pid:
        os.nice(2)
        os.execv(tool("bash", "bash"), ["-bash", "--norc", "--noprofile", "-i"])
    try:
        os.write(terminal, f"stty -echo; {burner} all 1\n".encode())
        shown, deadline = b"", time.monotonic() + 20
        while b"ready" not in shown and time.monotonic() < deadline:
            if heard(terminal, 0.2):
                shown += os.read(terminal, 1 << 16)
        assert b"ready" in shown, shown
        (child,) = children(pid)
        _, judgement = scan(live())
        assert RULE in {finding.rule for finding in against(judgement, child)}
    finally:
        for ours in (*children(pid), pid):  # by pid: a terminal without a foreground group says 0, which is our own
            with suppress(ProcessLookupError):
                os.kill(ours, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_interval_arithmetic_that_cuts_a_number_off_now_and_then_is_clean(burner: Path, start: Starter) -> None:
    one = start(burner, "cuts")
    snapshot, judgement = scan(live())
    assert directed(snapshot, one.pid) > 0
    assert not against(judgement, one.pid)
