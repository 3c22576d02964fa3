"""``davy harden`` as a person and a script meet it: status, one clear line, nothing touched by mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.live.test_cli import davy, on_terminal, refused
from tests.live.test_without_root import NOBODY, Nobody, _in_this_process

pytestmark = pytest.mark.live

COMPOSE = """services:
  cache:
    image: redis:7
    ports:
      - "6379:6379"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of a host on which somebody composed a Redis without a password."""
    root = tmp_path / "tree"
    for path, content in {"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "srv/app/compose.yml": COMPOSE}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def test_it_ends_1_where_something_stands_open_and_0_where_nothing_does(tree: Path) -> None:
    done = davy("harden", "--root", str(tree))
    assert (done.status, done.errors) == (1, "")
    assert done.output.startswith("score 50 of 100: 1 exposure\n")
    (tree / "srv/app/compose.yml").write_text(COMPOSE.replace("6379:6379", "127.0.0.1:6379:6379"))
    done = davy("harden", "--root", str(tree))
    assert (done.status, done.errors) == (0, "")
    assert done.output.startswith("score 100 of 100: nothing stands open\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dry-run",), "--dry-run and --yes are of --apply"),
        (("--yes",), "--dry-run and --yes are of --apply"),
        (("a.davy", "b.davy"), "one of: a capsule, --root"),
        (("--root", "/", "a.davy"), "one of: a capsule, --root"),
        (("--root", "/nonexistent"), "No such file"),
        (("/nonexistent.davy",), "No such file"),
        (("--probe", "--root", "/"), "--probe asks the services of the live host only"),
        (("--apply", "--root", "/"), "--apply changes the live host only"),
        (("--apply", "nothing"), "no exposure nothing stands open"),
        (("--probe", "/nonexistent.davy"), "a capsule has what was read then"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    refused(davy("harden", *words, "--state", str(tmp_path / "state")), said)


def test_a_capsule_says_what_stood_open_when_it_was_taken(tmp_path: Path) -> None:
    capsule = tmp_path / "host.davy"
    assert davy("snapshot", str(capsule)).status == 0
    done = davy("harden", str(capsule), "--json")
    found = json.loads(done.output)
    assert found["former_score"] is None
    assert done.status == bool(found["exposures"])
    assert json.loads(davy("harden", "--root", str(capsule), "--json").output)["services"] == found["services"]


def test_the_score_is_kept_where_there_is_a_state_and_said_at_the_next_look(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    first = json.loads(davy("harden", "--json", "--state", state).output)
    assert first["former_score"] is None
    second = json.loads(davy("harden", "--json", "--state", state).output)
    assert second["former_score"] == {"score": first["score"], "taken": first["taken"]}


def test_a_tree_has_no_former_score_and_leaves_none(tree: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert davy("harden", "--root", str(tree), "--state", state).status == 1
    assert json.loads(davy("harden", "--json", "--state", state).output)["former_score"] is None


def test_on_a_terminal_it_is_the_same_words_within_its_width(tree: Path) -> None:
    done = on_terminal("harden", "--root", str(tree))
    assert done.status == 1
    assert "CRITICAL" in done.shown
    assert "fix" in done.shown


def test_without_root_it_says_what_it_cannot_see_and_changes_nothing(tmp_path: Path) -> None:
    for words in (["harden"], ["harden", "--json"], ["harden", "--apply", "--dry-run"]):
        assert _in_this_process([*words, "--state", str(tmp_path / "loaded")]) in (0, 1)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    for folder in (home, *home.parents):
        if folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(folder.stat().st_mode | 0o011)
    nobody = Nobody(home)
    done = nobody("harden")
    assert done.status in (0, 1)
    assert "not seen" in done.output
    _, found = nobody.json("harden")
    assert any(gap["collector"] in ("processes", "services", "sockets") for gap in found["gaps"])
    assert found["score"] < 100
    done = nobody("harden", "--apply", "--yes")
    assert (done.status, done.output) == (2, "")
    assert "run it as root" in done.errors
