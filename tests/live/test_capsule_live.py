"""A capsule of the live host, taken as root, says the same as the scan that it was taken by."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from davy.capsule import read, write
from davy.host import live
from davy.scan import replay, scan

pytestmark = pytest.mark.live


def davy(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "davy", *words], capture_output=True, text=True, check=False)


def test_a_replay_gives_the_very_judgement_of_the_live_scan(tmp_path: Path) -> None:
    snapshot, judgement = scan(live(), 0.3)
    write(snapshot, str(tmp_path / "host.davy"))
    again, replayed = replay(str(tmp_path / "host.davy"))
    assert again.processes == snapshot.processes
    assert replayed == judgement


def test_the_verb_saves_a_capsule_that_scan_judges_and_keeps_nothing_of(tmp_path: Path) -> None:
    file = tmp_path / "host.davy"
    saved = davy("snapshot", str(file), "--window", "0.3")
    assert saved.returncode == 0, saved.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read(str(file)).own_pids

    found = davy("scan", str(file), "--json", "--state", str(tmp_path / "state"))
    assert found.returncode in (0, 1)
    assert found.stderr == ""
    assert json.loads(found.stdout)["schema"] == 1
    assert not (tmp_path / "state").exists()

    again = davy("snapshot", str(file), "--window", "0.3")
    assert again.returncode == 2
    assert "not overwritten" in again.stderr
    assert len(again.stderr.splitlines()) == 1
