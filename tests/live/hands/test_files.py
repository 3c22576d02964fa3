"""Hands on real files: what a plan names goes and comes back to the byte, everything else stays."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from davy.hands.attributes import IMMUTABLE, attributes_of, inode_flags, set_inode_flags
from davy.hands.edits import remove_lines, restore_edited, without_lines
from davy.hands.errors import Untouched
from davy.hands.files import quarantine, restore_moved
from davy.hands.links import make_link, remove_link, restore_link, unmake_link
from davy.model.plan import FileIdentity, Quarantine, RemoveLines, RemoveLink
from davy.model.undo import EditedFile, MovedFile, Undo

pytestmark = pytest.mark.live


def identity(path: Path) -> FileIdentity:
    found = path.lstat()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
    content = os.read(descriptor, 1 << 20)
    os.close(descriptor)
    return FileIdentity(
        path=os.fsencode(path),
        device=found.st_dev,
        inode=found.st_ino,
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def state_of(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
    try:
        attributes = attributes_of(descriptor)
        content = os.read(descriptor, 1 << 20)
    finally:
        os.close(descriptor)
    return content, found.st_mode, found.st_uid, found.st_gid, attributes


class Bench:
    """A folder to work in, a quarantine beside it, and the journal's word."""

    def __init__(self, tmp_path: Path) -> None:
        self.work, self.kept = tmp_path / "work", tmp_path / "kept"
        self.work.mkdir()
        self.kept.mkdir()
        self.keep = os.open(self.kept, os.O_RDONLY | os.O_DIRECTORY)
        self.notes: list[Undo] = []

    def file(self, name: str, content: bytes) -> Path:
        path = self.work / name
        path.write_bytes(content)
        path.chmod(0o4755)
        os.chown(path, 65534, 65534)
        path.chmod(0o4755)
        os.setxattr(path, "user.davy", b"kept")
        os.utime(path, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
        return path


@pytest.fixture
def bench(tmp_path: Path):
    made = Bench(tmp_path)
    yield made
    for path in made.work.iterdir():
        if path.is_file() and not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY)
            set_inode_flags(descriptor, (inode_flags(descriptor) or 0) & ~IMMUTABLE)
            os.close(descriptor)
    os.close(made.keep)


def moved(bench: Bench) -> MovedFile:
    (undo,) = bench.notes
    assert isinstance(undo, MovedFile)
    return undo


def edited(bench: Bench) -> EditedFile:
    (undo,) = bench.notes
    assert isinstance(undo, EditedFile)
    return undo


def test_a_file_goes_to_the_quarantine_private_and_comes_back_exactly(bench: Bench) -> None:
    path = bench.file("miner", b"\x7fELF" + os.urandom(100_000))
    before = state_of(path)
    quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    assert not path.exists()
    assert (bench.kept / "1-0").read_bytes() == before[0]
    assert (bench.kept / "1-0").stat().st_mode & 0o7777 == 0o600
    restore_moved(moved(bench), bench.keep)
    assert state_of(path) == before


def test_an_immutable_file_goes_too_and_is_immutable_again_when_it_is_back(bench: Bench) -> None:
    path = bench.file("miner", b"x" * 10)
    descriptor = os.open(path, os.O_RDONLY)
    set_inode_flags(descriptor, IMMUTABLE | (inode_flags(descriptor) or 0))
    os.close(descriptor)
    before = state_of(path)
    quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    assert not path.exists()
    restore_moved(moved(bench), bench.keep)
    assert state_of(path) == before


def test_of_a_file_with_another_name_only_the_name_goes(bench: Bench) -> None:
    path = bench.file("miner", b"shared")
    other = bench.work / "other"
    os.link(path, other)
    before = state_of(other)
    quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    assert not path.exists()
    assert state_of(other) == before


def test_an_immutable_file_with_another_name_is_left_alone(bench: Bench) -> None:
    path = bench.file("miner", b"shared")
    os.link(path, bench.work / "other")
    descriptor = os.open(path, os.O_RDONLY)
    set_inode_flags(descriptor, IMMUTABLE | (inode_flags(descriptor) or 0))
    os.close(descriptor)
    with pytest.raises(Untouched, match="other names"):
        quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    assert path.exists()


@pytest.mark.parametrize("change", ["content", "swapped", "link", "fifo", "gone", "parent"])
def test_a_file_that_is_not_what_the_plan_saw_is_left_alone(bench: Bench, change: str) -> None:
    path = bench.file("miner", b"as planned")
    seen = identity(path)
    secret = bench.work.parent / "secret"
    secret.write_bytes(b"as planned")
    if change == "content":
        path.write_bytes(b"as changed")
    elif change == "swapped":
        path.unlink()
        path.write_bytes(b"as planned")
        if path.stat().st_ino == seen.inode:
            path.write_bytes(b"as changed")
    elif change == "link":
        path.unlink()
        path.symlink_to(secret)
    elif change == "fifo":
        path.unlink()
        os.mkfifo(path)
    elif change == "gone":
        path.unlink()
    else:
        bench.work.rename(bench.work.parent / "elsewhere")
        bench.work.symlink_to(bench.work.parent / "elsewhere")
    with pytest.raises(Untouched):
        quarantine(Quarantine(file=seen, why="test"), bench.keep, "1-0", bench.notes.append)
    assert secret.read_bytes() == b"as planned"
    assert bench.notes == []
    if change == "parent":
        bench.work.unlink()
        (bench.work.parent / "elsewhere").rename(bench.work)
        assert path.exists()
    elif change == "fifo":
        path.unlink()


def test_undo_refuses_where_something_else_is_now_and_keeps_both(bench: Bench) -> None:
    path = bench.file("miner", b"old")
    quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    path.write_bytes(b"new")
    with pytest.raises(Untouched, match="something else"):
        restore_moved(moved(bench), bench.keep)
    assert path.read_bytes() == b"new"
    assert (bench.kept / "1-0").read_bytes() == b"old"


def test_lines_go_and_every_other_byte_stays(bench: Bench) -> None:
    path = bench.file("crontab", b"# mine\n0 5 * * * backup\xff\n* * * * * /tmp/minerd\r\n\n@daily x")
    before = state_of(path)
    step = RemoveLines(file=identity(path), lines=(3,), texts=(b"* * * * * /tmp/minerd",))
    remove_lines(step, bench.keep, "1-0", bench.notes.append)
    after = state_of(path)
    assert after[0] == b"# mine\n0 5 * * * backup\xff\n\n@daily x"
    assert after[1:4] == before[1:4]
    assert os.getxattr(path, "user.davy") == b"kept"
    assert [one.name for one in bench.work.iterdir()] == ["crontab"]
    restore_edited(edited(bench), bench.keep)
    assert state_of(path) == before


def test_a_line_that_has_moved_since_the_plan_is_not_taken_out() -> None:
    with pytest.raises(Untouched):
        without_lines(b"a\nb\nc", (2,), (b"c",))
    assert without_lines(b"a\nb\nc", (2,), (b"b",)) == b"a\nc"
    assert without_lines(b"a\nb", (2,), (b"b",)) == b"a\n"


def test_what_remains_of_a_line_stays_in_its_place_with_its_end() -> None:
    assert without_lines(b"a\nb c\r\nd", (2, 3), (b"b c", b"d"), (b"c", b"")) == b"a\nc\r\n"
    assert without_lines(b"b c", (1,), (b"b c",), (b"c",)) == b"c"


def test_undo_of_an_edit_refuses_when_a_person_edited_since(bench: Bench) -> None:
    path = bench.file("crontab", b"a\nb\n")
    step = RemoveLines(file=identity(path), lines=(1,), texts=(b"a",))
    remove_lines(step, bench.keep, "1-0", bench.notes.append)
    path.write_bytes(b"b\nmine\n")
    with pytest.raises(Untouched, match="changed since"):
        restore_edited(edited(bench), bench.keep)
    assert path.read_bytes() == b"b\nmine\n"


@pytest.mark.parametrize("how", ["edit", "quarantine", "undo"])
def test_what_its_owner_writes_while_the_file_is_taken_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = bench.file("crontab", b"honest\n* * * * * /tmp/minerd\n")
    step = RemoveLines(file=identity(path), lines=(2,), texts=(b"* * * * * /tmp/minerd",))

    def write(*_: object) -> None:
        with path.open("ab") as file:
            file.write(b"more\n")

    if how == "edit":
        with pytest.raises(Untouched, match="changed meanwhile"):
            remove_lines(step, bench.keep, "1-0", write)
    elif how == "quarantine":
        with pytest.raises(Untouched, match="changed meanwhile"):
            quarantine(Quarantine(file=step.file, why="test"), bench.keep, "1-0", write)
    else:
        remove_lines(step, bench.keep, "1-0", bench.notes.append)
        monkeypatch.setattr("davy.hands.placing.put_back", write)
        with pytest.raises(Untouched, match="changed meanwhile"):
            restore_edited(edited(bench), bench.keep)
    assert path.read_bytes().endswith(b"\nmore\n")
    assert [found.name for found in bench.work.iterdir()] == ["crontab"]


def test_no_room_for_the_quarantine_leaves_the_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.file("miner", b"x" * 4096)

    class Full:
        f_bavail, f_frsize = 1, 1

    monkeypatch.setattr(os, "fstatvfs", lambda _: Full)
    with pytest.raises(Untouched, match="no room"):
        quarantine(Quarantine(file=identity(path), why="test"), bench.keep, "1-0", bench.notes.append)
    assert path.exists()


def test_a_link_goes_and_comes_back(bench: Bench) -> None:
    link = bench.work / "evil.service"
    link.symlink_to("/etc/evil.service")
    step = RemoveLink(path=os.fsencode(link), destination=b"/etc/evil.service")
    remove_link(step, bench.notes.append)
    assert not os.path.lexists(link)
    restore_link(bench.notes[0])
    assert os.readlink(link) == "/etc/evil.service"


def test_a_link_that_points_elsewhere_by_now_is_left_alone(bench: Bench) -> None:
    link = bench.work / "evil.service"
    link.symlink_to("/etc/other")
    with pytest.raises(Untouched):
        remove_link(RemoveLink(path=os.fsencode(link), destination=b"/etc/evil.service"), bench.notes.append)
    assert os.readlink(link) == "/etc/other"


def test_a_mask_is_made_only_where_nothing_is_and_taken_away_again(bench: Bench) -> None:
    mask = bench.work / "evil.service"
    make_link(os.fsencode(mask), b"/dev/null", bench.notes.append)
    assert os.readlink(mask) == "/dev/null"
    with pytest.raises(Untouched):
        make_link(os.fsencode(mask), b"/dev/zero", lambda _: None)
    unmake_link(bench.notes[0])
    assert not os.path.lexists(mask)


def test_a_unit_that_somebody_masked_before_is_masked_enough_and_no_undo_unmasks_it(bench: Bench) -> None:
    mask = bench.work / "evil.service"
    mask.symlink_to("/dev/null")
    make_link(os.fsencode(mask), b"/dev/null", bench.notes.append)
    assert bench.notes == []
