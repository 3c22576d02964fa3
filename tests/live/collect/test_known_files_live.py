"""Dummies, remains and what runs are told apart on real files, attributes and processes, and dummies are left there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from davy.collect.known_files import known_files
from davy.hands.attributes import IMMUTABLE, inode_flags, set_inode_flags
from davy.host import at, live
from davy.model.facts import KnownFile
from davy.model.incidents import Kind, Verdict
from davy.respond.plan import plan
from davy.scan import scan

pytestmark = pytest.mark.live

DUMMY, REMAIN, BURNER = Path("/tmp/wnTKYg"), Path("/tmp/qW3xT.2"), Path("/tmp/ddgs.3013")


def lock(path: Path, on: bool = True) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flags = inode_flags(descriptor)
        if flags is None:
            pytest.fail("this file system keeps no attributes") if os.environ.get("CI") else pytest.skip(
                "no attributes"
            )
        set_inode_flags(descriptor, flags | IMMUTABLE if on else flags & ~IMMUTABLE)
    finally:
        os.close(descriptor)


@pytest.fixture
def locked() -> Iterator[list[Path]]:
    """Paths to be locked; unlocked and removed afterwards."""
    paths: list[Path] = []
    yield paths
    for path in paths:
        with suppress(FileNotFoundError):
            lock(path, on=False)
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def found(directory: Path) -> dict[str, KnownFile]:
    return {fact.path: fact for fact in known_files(at(str(directory))) if isinstance(fact, KnownFile)}


def test_attributes_and_kinds_are_read_of_what_lies_at_a_family_s_path(tmp_path: Path, locked: list[Path]) -> None:
    for folder in ("tmp", "var/tmp", "etc", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tmp/kdevtmpfsi").touch()
    (tmp_path / "var/tmp/kdevtmpfsi").mkdir()
    (tmp_path / "usr/bin/kswaped").write_text("1\n")
    (tmp_path / "etc/kinsing").mkdir()
    (tmp_path / "etc/kinsing/an owner's notes").touch()
    shutil.copy("/bin/sleep", tmp_path / "var/tmp/kinsing")
    for name in ("tmp/kdevtmpfsi", "usr/bin/kswaped", "var/tmp/kinsing"):
        lock(tmp_path / name)
        locked.append(tmp_path / name)
    files = found(tmp_path)
    assert {path: (known.executable is not None, known.immutable) for path, known in files.items()} == {
        "/tmp/kdevtmpfsi": (True, True),
        "/var/tmp/kdevtmpfsi": (False, False),
        "/usr/bin/kswaped": (True, True),
        "/var/tmp/kinsing": (True, True),
    }
    snapshot, judgement = scan(at(str(tmp_path)))
    assert (judgement.verdict, judgement.incidents) == (Verdict.CLEAN, ())
    said = {row.name: row.findings[0].summary for row in judgement.considered}
    assert "dummy where kinsing" in said["/tmp/kdevtmpfsi"]
    assert "dummy where kinsing" in said["/var/tmp/kdevtmpfsi"]
    assert "dummy as watchdog" in said["/usr/bin/kswaped"]
    assert "remain of kinsing" in said["/var/tmp/kinsing"]
    assert plan(at(str(tmp_path)), snapshot, judgement.incidents).steps == ()


def test_a_gang_takes_its_remains_along_and_leaves_the_dummy(locked: list[Path]) -> None:
    taken = [path for path in (DUMMY, REMAIN, BURNER) if os.path.lexists(path)]
    assert not taken, "somebody else's"
    locked += [DUMMY, REMAIN, BURNER]
    DUMMY.touch()
    lock(DUMMY)
    shutil.copy("/bin/sleep", REMAIN)
    shutil.copy("/bin/dash", BURNER)
    burner = subprocess.Popen([BURNER, "-c", "while :; do :; done"], start_new_session=True)
    try:
        snapshot, judgement = scan(live())
        incidents = [one for one in judgement.incidents if any(actor.pid == burner.pid for actor in one.actors)]
        assert [one.family for one in incidents] == ["ddgs"]
        lying = {actor.path for actor in incidents[0].actors if actor.kind is Kind.FILE}
        assert (str(REMAIN) in lying, str(DUMMY) in lying) == (True, False)
        assert str(DUMMY) not in str(plan(live(), snapshot, incidents).steps)
    finally:
        burner.kill()
        burner.wait()
