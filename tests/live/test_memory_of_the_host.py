"""What Davy remembers of a host from one scan to the next: new, changed and gone autostarts, and the baseline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="plants a file in /etc/cron.d"),
]

TABLE = Path("/etc/cron.d/davy-memory-test")
LINE = "0 5 1 1 * root /bin/true davy-memory-test\n"


class Davy:
    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "davy", *words, "--state", str(self.state)],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    def scan(self, *words: str) -> Any:
        status, output, errors = self.run("scan", "--json", "--window", "0.1", "--no-ptrace", *words)
        assert status in (0, 1), errors
        assert errors == ""
        return json.loads(output)

    def compared(self, when: str = "last") -> dict[str, list[str]]:
        found = self.scan("--since", when)["compared"]
        return {word: [each["command"] for each in found[word] if each["path"] == str(TABLE)]
                for word in ("new", "changed", "gone")}  # fmt: skip

    def refused(self, *words: str) -> str:
        status, output, errors = self.run(*words)
        assert (status, output) == (2, "")
        assert errors.startswith("davy: ")
        assert len(errors.splitlines()) == 1
        return errors


@pytest.fixture
def davy(tmp_path: Path) -> Iterator[Davy]:
    assert not TABLE.exists()
    try:
        yield Davy(tmp_path / "state")
    finally:
        TABLE.unlink(missing_ok=True)


NOTHING: dict[str, list[str]] = {"new": [], "changed": [], "gone": []}


def test_new_changed_and_gone_are_told_from_scan_to_scan(davy: Davy) -> None:
    first = davy.scan()["autostarts"]
    assert first["seen"] > 0
    assert (first["new"], first["changed"]) == (0, 0)
    TABLE.write_text(LINE)
    assert davy.compared() == NOTHING | {"new": ["/bin/true davy-memory-test"]}
    TABLE.write_text("# moved\n" + LINE)
    assert davy.compared() == NOTHING
    TABLE.write_text("# moved\n" + LINE.replace("true", "false"))
    assert davy.compared() == NOTHING | {"changed": ["/bin/false davy-memory-test"]}
    listed = davy.scan("--autostarts")["autostarts"]
    (own,) = [each for each in listed["entries"] if each["path"] == str(TABLE)]
    assert (own["news"], own["when"], own["user"], own["kind"]) == ("new", "on 1 January at 05:00", "root", "cron")
    assert listed["new"] >= 1
    TABLE.unlink()
    assert davy.compared() == NOTHING | {"gone": ["/bin/false davy-memory-test"]}
    assert davy.compared() == NOTHING


def test_a_baseline_is_recorded_compared_with_shown_and_cleared(davy: Davy) -> None:
    assert "no baseline" in davy.refused("scan", "--since", "baseline")
    assert "no baseline" in davy.refused("baseline", "--show")
    status, output, _ = davy.run("baseline", "--no-ptrace")
    assert (status, output.startswith("baseline of ")) == (0, True)
    TABLE.write_text(LINE)
    for _ in range(2):
        assert davy.compared("baseline") == NOTHING | {"new": ["/bin/true davy-memory-test"]}
    assert davy.run("baseline", "--no-ptrace")[0] == 0
    assert davy.compared("baseline") == NOTHING
    status, output, _ = davy.run("baseline", "--show", "--json")
    assert str(TABLE) in {each["path"] for each in json.loads(output)["autostarts"]}
    assert davy.run("baseline", "--clear")[:2] == (0, "no baseline any more\n")
    davy.refused("baseline", "--clear")
    assert "--root" in davy.refused("baseline", "--root", "/")


def test_a_time_before_the_memory_is_told_by_the_files(davy: Davy, tmp_path: Path) -> None:
    assert "no earlier scan" in davy.refused("scan", "--since")
    TABLE.write_text(LINE)
    assert davy.scan("--since", "1h")["compared"]["by"] == "file times"
    assert "is no time" in davy.refused("scan", "--since", "yesterday")
    assert "this host's own memory" in davy.refused("scan", "--since", "last", "--root", str(tmp_path))
    (tmp_path / "root/etc/cron.d").mkdir(parents=True)
    (tmp_path / "root/etc/cron.d/x").write_text(LINE)
    found = davy.scan("--since", "1h", "--root", str(tmp_path / "root"))
    assert [each["path"] for each in found["compared"]["new"] + found["compared"]["changed"]] == ["/etc/cron.d/x"]


def test_a_state_that_is_damaged_or_anothers_leaves_a_scan_its_answer(davy: Davy) -> None:
    davy.scan()
    journal = davy.state / "journal.db"
    subprocess.run(
        [sys.executable, "-c", "import sqlite3,sys; db=sqlite3.connect(sys.argv[1]);"
         "db.execute(\"UPDATE autostarts SET seen = X'ff'\"); db.commit()", str(journal)],
        check=True,
    )  # fmt: skip
    os.chmod(davy.state, 0o777)
    assert "others may write" in davy.refused("scan", "--window", "0.1")
    os.chmod(davy.state, 0o700)
    assert "damaged" in davy.refused("scan", "--since")


def test_what_an_eviction_takes_and_an_undo_puts_back_is_no_news(davy: Davy) -> None:
    guilty = "0 5 1 1 * root /tmp/kdevtmpfsi\n"
    TABLE.write_text(LINE + guilty)
    os.utime(TABLE, ns=(1_600_000_000_123_456_789, 1_600_000_001_987_654_321))
    found = davy.scan()
    (incident,) = [one for one in found["incidents"] if str(TABLE) in {each["path"] for each in one["actors"]}]
    status, _, errors = davy.run("evict", "--yes", "--no-ptrace", "--verify-for", "1", "--id", incident["id"])
    assert status in (0, 1), errors
    assert TABLE.read_text() == LINE
    assert davy.compared() == NOTHING
    status, _, errors = davy.run("undo", "--yes")
    assert status == 0, errors
    put_back = TABLE.lstat()  # first: reading changes the access time
    assert (put_back.st_atime_ns, put_back.st_mtime_ns) == (
        1_600_000_000_123_456_789,
        1_600_000_001_987_654_321,
    )
    assert TABLE.read_text() == LINE + guilty
    found = davy.scan("--since")
    assert str(TABLE) not in {each["path"] for each in found["compared"]["new"] + found["compared"]["changed"]}
    again = [each for one in found["incidents"] for each in one["actors"] if each["path"] == str(TABLE)]
    assert {each["news"] for each in again} == {None}
    assert {each["when"] for each in again} == {"on 1 January at 05:00"}
