"""Hands in a container's own files: never out of them, whatever links an enemy has put there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.eviction.support import dies_with_us, end, identity, running, within

from davy.hands.errors import Untouched
from davy.hands.files import quarantine, restore_moved
from davy.model.plan import FileIdentity, Quarantine, Within
from davy.model.undo import MovedFile, Undo

from .conftest import SECONDS

pytestmark = pytest.mark.live


@pytest.fixture
def root(home: Path, programs: dict[str, bytes]) -> Path:
    made = home / "tree"
    for folder in ("tmp", "app"):
        (made / folder).mkdir(parents=True)
    (made / "app/idle").write_bytes(programs["idle"])
    (made / "app/idle").chmod(0o755)
    (made / "tmp/x").write_bytes(b"a miner")
    return made


@pytest.fixture
def box(root: Path) -> Iterator[Within]:
    """A process with mounts, pids and a root of its own, as a container's first one has."""
    until = {"GANG_UNTIL": f"{time.time() + SECONDS:.0f}", "GANG_STOP": "/stop"}
    started = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", root, "/app/idle"],
        env=os.environ | until, stdin=subprocess.DEVNULL, preexec_fn=dies_with_us,
    )  # fmt: skip
    try:
        program = root / "app/idle"
        assert within(5, lambda: bool(running(program)))
        found = identity(running(program)[0])
        assert found is not None
        yield Within(container="x", name="x", pid=found.pid, start_ticks=found.start_ticks)
    finally:
        started.kill()
        started.wait()
        end(lambda: running(root / "app/idle"))


def step(file: Path, box: Within, path: bytes = b"/tmp/x") -> Quarantine:
    found = file.stat()
    seen = FileIdentity(
        path=path, device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(), within=box,
    )  # fmt: skip
    return Quarantine(file=seen, why="a test")


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_a_file_is_moved_out_of_a_container_and_put_back(root: Path, box: Within, keep: int) -> None:
    notes: list[Undo] = []
    quarantine(step(root / "tmp/x", box), keep, "1-1", notes.append)
    assert not (root / "tmp/x").exists()
    (undo,) = notes
    assert isinstance(undo, MovedFile)
    assert undo.within == box
    restore_moved(undo, keep)
    assert (root / "tmp/x").read_bytes() == b"a miner"


@pytest.mark.parametrize("target", ["/etc", "../../../../../../..", "/proc/1/root/tmp", "../app"])
def test_a_folder_that_became_a_link_leads_nowhere(root: Path, box: Within, keep: int, target: str) -> None:
    planned = step(root / "tmp/x", box)
    (root / "tmp").rename(root / "app/moved")
    (root / "tmp").symlink_to(target)
    with pytest.raises(Untouched):
        quarantine(planned, keep, "1-1", pytest.fail)
    assert (root / "app/moved/x").exists()


def test_a_file_of_the_host_at_that_path_is_another(root: Path, box: Within, keep: int, home: Path) -> None:
    outside = home / "outside"
    outside.write_bytes(b"the owner's")
    with pytest.raises(Untouched):
        quarantine(step(outside, box, os.fsencode(outside)), keep, "1-1", pytest.fail)
    assert outside.read_bytes() == b"the owner's"
    planned = step(root / "tmp/x", box)
    (root / "tmp/x").unlink()
    (root / "tmp/x").symlink_to("/etc/passwd")
    with pytest.raises(Untouched):
        quarantine(planned, keep, "1-1", pytest.fail)


@pytest.mark.parametrize("path", [b"/tmp/../../x", b"/../x", b"tmp/x", b"/tmp/.."])
def test_a_path_that_goes_up_is_none(root: Path, box: Within, keep: int, path: bytes) -> None:
    with pytest.raises(Untouched, match="not a file's path"):
        quarantine(step(root / "tmp/x", box, path), keep, "1-1", pytest.fail)


def test_a_container_that_has_ended_is_found_by_its_layer_alone(root: Path, box: Within, keep: int) -> None:
    gone = Within(container="x", name="x", pid=box.pid, start_ticks=box.start_ticks - 1)
    with pytest.raises(Untouched, match="has ended"):
        quarantine(step(root / "tmp/x", gone), keep, "1-1", pytest.fail)
    layered = Within(container="x", name="x", pid=box.pid, start_ticks=1, layer=os.fsencode(root))
    quarantine(step(root / "tmp/x", layered), keep, "1-1", lambda _: None)
    assert not (root / "tmp/x").exists()


def test_a_layer_that_became_a_link_leads_nowhere(root: Path, box: Within, keep: int, home: Path) -> None:
    (home / "link").symlink_to(root)
    layered = Within(container="x", name="x", pid=box.pid, start_ticks=1, layer=os.fsencode(home / "link"))
    with pytest.raises(Untouched):
        quarantine(step(root / "tmp/x", layered), keep, "1-1", pytest.fail)
    assert (root / "tmp/x").exists()
