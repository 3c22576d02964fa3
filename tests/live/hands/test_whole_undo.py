"""An undo is one to the byte and to the nanosecond, whatever an enemy or an owner made of the file and its folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.live.autostarts.manifest import State, state_of
from tests.live.hands.test_files import Bench, edited, identity, moved

from davy.hands.attributes import APPEND_ONLY, IMMUTABLE, inode_flags, set_inode_flags
from davy.hands.edits import EDIT_LIMIT, remove_lines, restore_edited, restore_packaged
from davy.hands.errors import Untouched
from davy.hands.files import quarantine, restore_moved
from davy.hands.links import remove_link, restore_link
from davy.model.plan import FileIdentity, Quarantine, RemoveLines, RemoveLink, RestorePackaged
from davy.model.undo import RemovedLink

pytestmark = pytest.mark.live

GUILTY: Final = b"* * * * * /tmp/minerd"
CRONTAB: Final = b"0 5 * * * backup\n" + GUILTY + b"\n@daily x\n"
_NODUMP: Final = 0x40
_CAPABILITY: Final = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
"""The capability to bind low ports, as capabilities(7) has it in ``security.capability``."""


def _list_of(*entries: tuple[int, int, int]) -> bytes:
    """A POSIX access list, as the kernel takes it: tag, permissions, id.  Source: acl(5)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


_NOBODY: Final = 0xFFFFFFFF
_ACCESS: Final = _list_of((1, 6, _NOBODY), (2, 4, 65534), (4, 4, _NOBODY), (16, 4, _NOBODY), (32, 0, _NOBODY))


@pytest.fixture(params=["disk", "tmpfs", "overlay"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A folder to work in on each kind of file system."""
    place = tmp_path / "place"
    place.mkdir()
    mounted = request.param != "disk"
    if request.param == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "davy-test", place], check=True)
    elif request.param == "overlay":
        for name in ("lower", "upper", "under"):
            (tmp_path / name).mkdir()
        layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/under"
        subprocess.run(["mount", "-t", "overlay", "davy-test", "-o", layers, place], check=True)
    made = Bench(place)
    try:
        yield made
    finally:
        os.close(made.keep)
        for path in (made.work, *made.work.iterdir()):
            _set_flags(path, 0)
        if mounted:
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(tmp_path)


def _set_flags(path: Path, flags: int) -> bool:
    """Set the flags of chattr(1); False where the file system has none."""
    if path.is_symlink():
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        now = inode_flags(descriptor)
        if now is None:
            return False
        set_inode_flags(descriptor, (now & ~(IMMUTABLE | APPEND_ONLY | _NODUMP)) | flags)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _with(path: Path, *labels: tuple[str, bytes]) -> None:
    for name, value in labels:
        os.setxattr(path, name, value)


def _nothing(_: Bench, path: Path) -> None:
    os.utime(path, ns=(1, 1_400_000_000_123_456_789))


def _labelled(_: Bench, path: Path) -> None:
    _with(path, ("security.capability", _CAPABILITY), ("system.posix_acl_access", _ACCESS), ("trusted.x", b"\0\xff"))


def _locked(bench: Bench, path: Path) -> None:
    _set_flags(path, IMMUTABLE | _NODUMP)
    _set_flags(bench.work, IMMUTABLE)


def _append_only(bench: Bench, path: Path) -> None:
    _set_flags(path, APPEND_ONLY)
    _set_flags(bench.work, APPEND_ONLY)


def _inheriting(bench: Bench, _: Path) -> None:
    """A folder whose own list is given to every new file."""
    os.setxattr(bench.work, "system.posix_acl_default", _ACCESS)


def _odd_times(bench: Bench, path: Path) -> None:
    os.utime(path, ns=(0, 4_000_000_000_000_000_001))
    os.utime(bench.work, ns=(0, 1_300_000_000_000_000_007))


MAKE_UP: Final = (_nothing, _labelled, _locked, _append_only, _inheriting, _odd_times)


def _states(bench: Bench) -> dict[str, State | None]:
    return {str(path): state_of(str(path)) for path in (bench.work, *bench.work.iterdir())}


@pytest.mark.parametrize("make_up", MAKE_UP)
def test_an_edited_file_and_its_folder_are_as_before(bench: Bench, make_up: Callable[[Bench, Path], None]) -> None:
    path = bench.file("crontab", CRONTAB)
    make_up(bench, path)
    before = _states(bench)
    remove_lines(RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,)), bench.keep, "1-0", bench.notes.append)
    assert path.read_bytes() == b"0 5 * * * backup\n@daily x\n"
    assert bench.work.stat().st_mtime_ns != before[str(bench.work)][3]  # type: ignore[index]
    restore_edited(edited(bench), bench.keep)
    assert _states(bench) == before


@pytest.mark.parametrize("make_up", MAKE_UP)
def test_a_file_of_the_quarantine_and_its_folder_are_as_before(
    bench: Bench, make_up: Callable[[Bench, Path], None]
) -> None:
    path = bench.file("miner", b"\x7fELF\0")
    make_up(bench, path)
    before = _states(bench)
    quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    assert not path.exists()
    restore_moved(moved(bench), bench.keep)
    assert _states(bench) == before


def test_a_link_has_its_owner_and_its_times_again(bench: Bench) -> None:
    link = bench.work / "S99x"
    link.symlink_to("../init.d/x")
    os.chown(link, 65534, 65533, follow_symlinks=False)
    os.utime(link, ns=(5, 1_400_000_000_000_000_003), follow_symlinks=False)
    before = _states(bench)
    remove_link(RemoveLink(path=os.fsencode(link), destination=b"../init.d/x"), bench.notes.append)
    (undo,) = bench.notes
    assert isinstance(undo, RemovedLink)
    restore_link(undo)
    assert _states(bench) == before


def test_a_package_s_content_comes_with_its_owner_and_mode_and_an_undo_takes_it_away_again(bench: Bench) -> None:
    path = bench.file("ps", b"#!/bin/sh\nps.orig | grep -v minerd\n")
    before = _states(bench)
    step = RestorePackaged(
        file=identity(path), package="procps", archive=b"/a", member=b"./bin/ps", mode=0o755, uid=0, gid=0,
        sha256=hashlib.sha256(b"ps").hexdigest(),
    )  # fmt: skip
    with pytest.raises(Untouched, match="archive of procps has changed"):
        restore_packaged(step, b"another", bench.keep, "1-0", bench.notes.append)
    restore_packaged(step, b"ps", bench.keep, "1-0", bench.notes.append)
    found = path.stat()
    assert (path.read_bytes(), found.st_mode & 0o7777, found.st_uid, found.st_gid) == (b"ps", 0o755, 0, 0)
    restore_edited(edited(bench), bench.keep)
    assert _states(bench) == before


def test_a_folder_that_somebody_changed_since_keeps_that_time(bench: Bench) -> None:
    path = bench.file("crontab", CRONTAB)
    step = RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,))
    remove_lines(step, bench.keep, "1-0", bench.notes.append)
    (bench.work / "new").write_bytes(b"")
    now = time.time_ns()
    os.utime(bench.work, ns=(now, now))
    restore_edited(edited(bench), bench.keep)
    assert bench.work.stat().st_mtime_ns >= now


@pytest.mark.parametrize(
    ("content", "line", "text", "after"),
    [
        (b"a\nb", 2, b"b", b"a\n"),
        (b"b", 1, b"b", b""),
        (b"a\r\nb\r\nc\r\n", 2, b"b", b"a\r\nc\r\n"),
        (b"\0a\0\nb\0b\n\xff", 2, b"b\0b", b"\0a\0\n\xff"),
        (b"a\x0bz\x0c\x85\nb\n", 2, b"b", b"a\x0bz\x0c\x85\n"),
        (b"a\n\n\nb\n\n", 4, b"b", b"a\n\n\n\n"),
        (b"x" * (EDIT_LIMIT - 2) + b"\nb", 2, b"b", b"x" * (EDIT_LIMIT - 2) + b"\n"),
    ],
    ids=["no-end", "only-line", "crlf", "nul", "other-breaks", "empty-lines", "16-MiB"],
)
def test_every_other_byte_stays(bench: Bench, content: bytes, line: int, text: bytes, after: bytes) -> None:
    path = bench.file("entries", content)
    before = state_of(str(path))
    seen = FileIdentity(
        path=os.fsencode(path), device=path.stat().st_dev, inode=path.stat().st_ino, size=len(content), mtime_ns=0,
        sha256=str(before[-1]) if before else "",
    )  # fmt: skip
    remove_lines(RemoveLines(file=seen, lines=(line,), texts=(text,)), bench.keep, "1-0", bench.notes.append)
    assert path.read_bytes() == after
    restore_edited(edited(bench), bench.keep)
    assert state_of(str(path)) == before


def test_a_file_that_is_too_large_is_left_alone(bench: Bench) -> None:
    path = bench.file("entries", b"b\n")
    os.truncate(path, EDIT_LIMIT + 1)
    seen = FileIdentity(
        path=os.fsencode(path), device=path.stat().st_dev, inode=path.stat().st_ino, size=EDIT_LIMIT + 1, mtime_ns=0,
        sha256="",
    )  # fmt: skip
    with pytest.raises(Untouched, match="larger than"):
        remove_lines(RemoveLines(file=seen, lines=(1,), texts=(b"b",)), bench.keep, "1-0", bench.notes.append)


def test_another_name_of_the_file_keeps_its_content(bench: Bench) -> None:
    path = bench.file("crontab", CRONTAB)
    other = bench.work / "other"
    os.link(path, other)
    step = RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,))
    remove_lines(step, bench.keep, "1-0", bench.notes.append)
    assert other.read_bytes() == CRONTAB
    restore_edited(edited(bench), bench.keep)
    assert path.read_bytes() == CRONTAB


def test_a_link_in_the_place_of_a_crontab_is_not_edited_through(bench: Bench) -> None:
    path = bench.file("crontab", CRONTAB)
    step = RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,))
    secret = bench.work / "secret"
    path.rename(secret)
    path.symlink_to(secret)
    with pytest.raises(Untouched, match="not a regular file"):
        remove_lines(step, bench.keep, "1-0", bench.notes.append)
    assert secret.read_bytes() == CRONTAB
    assert bench.notes == []


def test_a_file_swapped_between_the_look_and_the_edit_is_not_edited(bench: Bench) -> None:
    path = bench.file("crontab", CRONTAB)
    step = RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,))

    def swap(_: object) -> None:
        """At the last moment: the journal has been told, and the new content is about to be put in place."""
        path.rename(bench.work / "aside")
        path.write_bytes(b"another's\n")

    with pytest.raises(Untouched, match="swapped"):
        remove_lines(step, bench.keep, "1-0", swap)
    assert path.read_bytes() == b"another's\n"


def test_on_a_disk_that_only_reads_nothing_is_lost_and_the_reason_is_clear(tmp_path: Path) -> None:
    place, kept = tmp_path / "place", tmp_path / "kept"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "davy-test", place], check=True)
    try:
        bench = Bench(place)
        path = bench.file("crontab", CRONTAB)
        link = bench.work / "link"
        link.symlink_to("/x")
        kept.mkdir()
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        os.close(bench.keep)
        bench.keep = os.open(kept, os.O_RDONLY | os.O_DIRECTORY)
        before = _states(bench)
        step = RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,))
        for act in (
            lambda: remove_lines(step, bench.keep, "1-0", bench.notes.append),
            lambda: quarantine(Quarantine(file=step.file, why="test"), bench.keep, "1-1", bench.notes.append),
            lambda: remove_link(RemoveLink(path=os.fsencode(link), destination=b"/x"), bench.notes.append),
        ):
            with pytest.raises(Untouched, match="Read-only file system"):
                act()
        assert _states(bench) == before
        os.close(bench.keep)
    finally:
        subprocess.run(["umount", place], check=True)


def _room(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def test_on_a_disk_that_is_full_nothing_is_lost_and_the_reason_is_clear(tmp_path: Path) -> None:
    place, kept = tmp_path / "place", tmp_path / "kept"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "davy-test", place], check=True)
    try:
        bench = Bench(place)
        path = bench.file("crontab", CRONTAB + b"# x\n" * 10_000)
        os.close(bench.keep)
        kept.mkdir()
        bench.keep = os.open(kept, os.O_RDONLY | os.O_DIRECTORY)
        (bench.work / "fill").write_bytes(b"")
        os.posix_fallocate(fill := os.open(bench.work / "fill", os.O_WRONLY), 0, _room(place))
        os.close(fill)
        before = _states(bench)
        step = RemoveLines(file=identity(path), lines=(2,), texts=(GUILTY,))
        with pytest.raises(Untouched, match="No space left on device"):
            remove_lines(step, bench.keep, "1-0", bench.notes.append)
        after = _states(bench)
        assert after.pop(str(bench.work))[-1] == before.pop(str(bench.work))[-1]  # type: ignore[index]
        assert after == before
        os.close(bench.keep)
    finally:
        subprocess.run(["umount", place], check=True)
