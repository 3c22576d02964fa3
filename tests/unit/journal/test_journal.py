"""The journal: written ahead, whole whatever happens, private, and clear about what is wrong with it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from davy.journal import Eviction, Journal, Progress
from davy.journal.state import Busy, State, StateError, default_folder
from davy.model.facts import Gap, Host
from davy.model.incidents import Judgement, Role, Verdict
from davy.model.plan import (
    FileIdentity,
    Freeze,
    Kill,
    Left,
    MaskUnit,
    Plan,
    Preserve,
    Quarantine,
    ReloadManager,
    RemoveLines,
    RemoveLink,
    RestorePackaged,
    SetKernelValue,
    Target,
    UnloadModule,
    Unregister,
)
from davy.model.undo import (
    EditedFile,
    FileAttributes,
    FolderTimes,
    FrozenGroup,
    KernelValueSet,
    MadeLink,
    ManagerReloaded,
    MovedFile,
    RemovedLink,
    Undo,
    UnloadedModule,
    Unregistered,
)

HOSTILE = b"/tmp/\xff\x1b[2J\n[/]x"
FILE = FileIdentity(path=HOSTILE, device=1, inode=2, size=3, mtime_ns=4, sha256="5" * 64)
TARGET = Target(pid=7, start_ticks=8, role=Role.MINER, name="miner", invocation="/tmp/miner", uid=0)
ATTRIBUTES = FileAttributes(
    mode=0o4755, uid=1, gid=2, atime_ns=3, mtime_ns=4, flags=0x10, xattrs={b"user.\xff": b"\x00\xff"}
)
EVERY_STEP = (
    Freeze(targets=(TARGET,), programs=(FILE,)),
    Preserve(target=TARGET),
    RemoveLines(file=FILE, lines=(1, 3), texts=(b"a\xff", b"b")),
    RemoveLink(path=HOSTILE, destination=b"/etc/\xff"),
    MaskUnit(unit="evil.service", manager=b"/run/systemd/system"),
    ReloadManager(socket=b"/run/systemd/private", stop=("evil.timer",)),
    Kill(),
    Quarantine(file=FILE, why="the actors run it"),
    UnloadModule(name="usb_pcs", size=16384, references=0, taint="OE"),
    RestorePackaged(
        file=FILE, package="procps", archive=HOSTILE, member=b"./bin/\xff", sha256="6", mode=0o755, uid=0, gid=0
    ),
    SetKernelValue(path=b"/proc/sys/kernel/core_pattern", seen=b"|/tmp/\xff", usual=b"core"),
    Unregister(path=b"/proc/sys/fs/binfmt_misc/\xff", seen=b"enabled"),
)
EVERY_UNDO: tuple[Undo, ...] = (
    FrozenGroup(group=b"/sys/fs/cgroup/davy-1-\xff", homes={7: "/system.slice/evil.service"}),
    EditedFile(path=HOSTILE, attributes=ATTRIBUTES, kept="1-2", before_sha256="a", after_sha256="b", folder_flags=0x10),
    RemovedLink(path=HOSTILE, destination=b"/etc/\xff", uid=0, gid=0),
    MadeLink(path=HOSTILE, destination=b"/dev/null"),
    ManagerReloaded(socket=b"/run/systemd/private"),
    MovedFile(path=HOSTILE, attributes=ATTRIBUTES, kept="1-7", sha256="c"),
    UnloadedModule(name="usb_pcs"),
    MovedFile(
        path=HOSTILE, attributes=ATTRIBUTES, kept="1-7", sha256="c", folder_times=FolderTimes(before_ns=1, left_ns=2)
    ),
    RemovedLink(path=HOSTILE, destination=b"/etc/\xff", uid=0, gid=0, atime_ns=3, mtime_ns=4),
    KernelValueSet(path=b"/proc/sys/kernel/core_pattern", before=b"|/tmp/\xff", after=b"core"),
    Unregistered(path=b"/proc/sys/fs/binfmt_misc/\xff", registration=b":\xff:E::x::/tmp/x:", enabled=False),
)


def a_plan(*incidents: str) -> Plan:
    return Plan(
        incidents=incidents or ("1b3636ce",), boot_id="boot", steps=EVERY_STEP, left=(Left("/tmp/x", "packaged"),),
        names=("/tmp/miner",),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def journal(folder: Path) -> Journal:
    return opened(folder)


def opened(folder: Path) -> Journal:
    return Journal(State(os.fspath(folder)))


def judgement(**more: object) -> Judgement:
    return Judgement(
        host=Host(name="here"), taken=1.0, seconds=1.0, verdict=Verdict.CLEAN, complete=True, **more  # type: ignore[arg-type]
    )  # fmt: skip


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_plan_is_on_disk_before_its_first_step_and_comes_back_as_it_was(journal: Journal, folder: Path) -> None:
    begun = journal.begin(a_plan())
    assert begun.plan == a_plan()
    assert [entry.state for entry in begun.entries] == [Progress.PLANNED] * len(EVERY_STEP)
    assert tuple(entry.step for entry in begun.entries) == EVERY_STEP
    assert opened(folder).unfinished() == begun


@pytest.mark.parametrize("undo", EVERY_UNDO, ids=lambda undo: type(undo).__name__)
def test_what_undoes_a_step_is_on_disk_before_it_is_done(journal: Journal, folder: Path, undo: Undo) -> None:
    eviction = journal.begin(a_plan())
    journal.begun(eviction.id, 2, undo)
    found = opened(folder).unfinished()
    assert found is not None
    assert (found.entries[2].state, found.entries[2].undo) == (Progress.BEGUN, undo)
    assert [entry.state for entry in found.entries if entry.seq != 2] == [Progress.PLANNED] * (len(EVERY_STEP) - 1)


def test_an_ended_step_keeps_what_undoes_it_and_its_note(journal: Journal, folder: Path) -> None:
    eviction = journal.begin(a_plan())
    journal.begun(eviction.id, 7, EVERY_UNDO[5])
    journal.ended(eviction.id, 7, Progress.DONE, "why not")
    found = opened(folder).unfinished()
    assert found is not None
    assert (found.entries[7].state, found.entries[7].undo, found.entries[7].note) == (
        Progress.DONE, EVERY_UNDO[5], "why not",
    )  # fmt: skip


def test_a_note_may_hold_a_name_that_no_encoding_knows(journal: Journal, folder: Path) -> None:
    eviction = journal.begin(a_plan())
    journal.ended(eviction.id, 0, Progress.REFUSED, f"{os.fsdecode(HOSTILE)}: changed since the plan")
    found = opened(folder).unfinished()
    assert found is not None
    assert found.entries[0].note == r"/tmp/\xff\x1b[2J\x0a[/]x: changed since the plan"


def test_only_what_was_begun_and_not_closed_is_unfinished(journal: Journal, folder: Path) -> None:
    assert journal.unfinished() is None
    first, second = journal.begin(a_plan("a")), journal.begin(a_plan("b"))
    assert unfinished_plan(journal) == a_plan("a")
    journal.close(first.id)
    assert unfinished_plan(journal) == a_plan("b")
    journal.close(second.id)
    assert opened(folder).unfinished() is None


def unfinished_plan(journal: Journal) -> Plan:
    found = journal.unfinished()
    assert found is not None
    return found.plan


def done(journal: Journal, name: str, undo: Undo | None, operation: int | None = None) -> Eviction:
    eviction = journal.begin(a_plan(name), operation)
    if undo is not None:
        journal.begun(eviction.id, 2, undo)
        journal.ended(eviction.id, 2, Progress.DONE)
    journal.close(eviction.id)
    return eviction


def names(evictions: tuple[Eviction, ...]) -> list[str]:
    return [eviction.plan.incidents[0] for eviction in evictions]


def test_the_rounds_of_one_run_are_one_operation_the_last_first(journal: Journal) -> None:
    first = done(journal, "first", EVERY_UNDO[1])
    done(journal, "another", EVERY_UNDO[1])
    done(journal, "again", EVERY_UNDO[1], first.operation)
    assert first.operation == first.id
    assert names(journal.last_operation()) == ["again", "first"]


def test_what_was_undone_is_not_undone_again_and_what_was_kept_is_tried_again_last(journal: Journal) -> None:
    done(journal, "old", EVERY_UNDO[1])
    new = done(journal, "new", EVERY_UNDO[1])
    assert names(journal.last_operation()) == ["new"]
    journal.ended(new.id, 2, Progress.KEPT, "changed since")
    assert names(journal.last_operation()) == ["old"]
    journal.ended(1, 2, Progress.UNDONE)
    assert names(journal.last_operation()) == ["new"]
    journal.ended(new.id, 2, Progress.UNDONE)
    assert journal.last_operation() == ()


def test_a_step_that_was_begun_and_cut_short_can_be_undone(journal: Journal) -> None:
    eviction = journal.begin(a_plan("cut"))
    journal.begun(eviction.id, 2, EVERY_UNDO[1])
    assert names(journal.last_operation()) == ["cut"]


def test_an_eviction_cut_short_before_it_changed_anything_is_the_one_to_undo_not_the_one_before(
    journal: Journal,
) -> None:
    done(journal, "old", EVERY_UNDO[1])
    cut = journal.begin(a_plan("cut"))
    assert names(journal.last_operation()) == ["cut"]
    journal.close(cut.id)
    assert names(journal.last_operation()) == ["old"]


def test_a_plan_that_cannot_be_written_whole_is_not_written_at_all(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(tuple[object, ...]):
        def __len__(self) -> int:
            raise KeyboardInterrupt

    steps = Cut(EVERY_STEP)
    monkeypatch.setattr("davy.journal.msgspec.msgpack.encode", lambda _: b"x")
    with pytest.raises(KeyboardInterrupt):
        journal.begin(Plan(incidents=(), boot_id=None, steps=steps))  # type: ignore[arg-type]
    assert journal.unfinished() is None
    assert opened(folder).unfinished() is None


def test_the_last_scan_comes_back_and_only_so_many_are_kept(journal: Journal, folder: Path) -> None:
    assert journal.last_scan() is None
    for number in range(60):
        journal.remember(judgement(gaps=(Gap("processes", f"scan {number}", "\udcff\x1b"),)))
    last = opened(folder).last_scan()
    assert last is not None
    assert last.gaps[0].what == "scan 59"
    assert last.gaps[0].why == r"\xff\x1b"
    (count,) = journal._db.execute("SELECT count(*) FROM scans").fetchone()
    assert count == 50


def no_database(path: Path) -> None:
    path.write_bytes(b"this was a journal once" * 500)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + os.urandom(path.stat().st_size - 100))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def one_line(error: BaseException, folder: Path) -> None:
    assert str(folder / "journal.db") in str(error)
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 300


@pytest.mark.parametrize("damage", [no_database, torn, a_folder, a_link])
def test_a_damaged_database_is_one_clear_error(folder: Path, damage: Callable[[Path], None]) -> None:
    first = opened(folder)
    first.begin(a_plan())
    first.remember(judgement())
    first._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    first._db.close()
    for name in ("journal.db-wal", "journal.db-shm"):
        (folder / name).unlink(missing_ok=True)
    damage(folder / "journal.db")
    with pytest.raises(StateError) as caught:
        read_all(folder)
    one_line(caught.value, folder)


def read_all(folder: Path) -> None:
    journal = opened(folder)
    journal.unfinished()
    journal.last_operation()
    journal.last_scan()
    journal.begin(a_plan())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evictions SET plan = x'00ff00ff'",
        "UPDATE evictions SET plan = NULL_PLAN",
        "UPDATE evictions SET state = 'begun', plan = x'80'",
        "UPDATE steps SET state = 'nonsense'",
        "UPDATE steps SET undo = x'c1', state = 'done'",
        "UPDATE steps SET seq = seq + 100",
    ],
)
def test_a_row_that_makes_no_sense_is_one_clear_error(journal: Journal, folder: Path, statement: str) -> None:
    journal.begin(a_plan())
    journal._db.execute(statement.replace("NULL_PLAN", "'text'"))
    with pytest.raises(StateError, match="damaged") as caught:
        opened(folder).unfinished()
    one_line(caught.value, folder)
    with pytest.raises(StateError, match="damaged"):
        opened(folder).last_operation()


def test_a_scan_that_makes_no_sense_is_one_clear_error(journal: Journal, folder: Path) -> None:
    journal.remember(judgement())
    journal._db.execute("UPDATE scans SET judgement = x'c1'")
    with pytest.raises(StateError, match="damaged") as caught:
        opened(folder).last_scan()
    one_line(caught.value, folder)


def test_two_may_read_and_write_one_journal_at_a_time(journal: Journal, folder: Path) -> None:
    eviction = journal.begin(a_plan())
    errors: list[BaseException] = []

    def scan() -> None:
        try:
            other = opened(folder)
            for _ in range(20):
                other.remember(judgement())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=scan) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        journal.begun(eviction.id, 2, EVERY_UNDO[1])
    for thread in threads:
        thread.join()
    assert errors == []


def test_the_folder_and_all_in_it_is_its_owners_alone(folder: Path) -> None:
    umask = os.umask(0)
    try:
        journal = opened(folder)
        eviction = journal.begin(a_plan())
        os.close(journal.state.evidence(eviction.id))
        with journal.state.lock():
            pass
    finally:
        os.umask(umask)
    folders = [folder, folder / "quarantine", folder / "evidence", folder / "evidence" / str(eviction.id)]
    assert [mode(path) for path in folders] == [0o700] * 4
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"journal.db", "journal.db-wal", "journal.db-shm", "lock"}
    assert {path.name: mode(path) for path in files} == {path.name: 0o600 for path in files}


def test_the_journal_is_private_in_a_folder_that_others_may_read(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    opened(folder)
    assert mode(folder / "journal.db") == 0o600
    assert mode(folder / "quarantine") == 0o700


@pytest.mark.parametrize("wrong", [0o777, 0o775, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(folder: Path, wrong: int) -> None:
    folder.mkdir()
    folder.chmod(wrong)
    with pytest.raises(StateError, match="others may write to it"):
        State(os.fspath(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a folder is given away")
def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(StateError, match="belongs to another user"):
        State(os.fspath(folder))
    assert list(folder.iterdir()) == []


def test_a_file_or_a_link_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("folder")
    for name in ("file", "link", "file/below"):
        with pytest.raises(StateError, match=re.escape(os.fspath(tmp_path / name))) as caught:
            State(os.fspath(tmp_path / name))
        assert len(str(caught.value).splitlines()) == 1
    assert (tmp_path / "file").read_text() == "mine"
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_fifo_in_place_of_the_journal_is_refused_and_not_waited_for(folder: Path) -> None:
    state = State(os.fspath(folder))
    os.mkfifo(state.journal, 0o600)
    with pytest.raises(StateError, match="No such device or address"):
        Journal(state)


def test_a_link_in_place_of_the_quarantine_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(mode=0o700)
    (tmp_path / "etc").mkdir()
    (folder / "quarantine").symlink_to(tmp_path / "etc")
    with pytest.raises(StateError):
        State(os.fspath(folder))
    assert list((tmp_path / "etc").iterdir()) == []


def test_one_at_a_time_holds_the_lock_and_leaves_it_when_it_ends(folder: Path) -> None:
    one, other = State(os.fspath(folder)), State(os.fspath(folder))
    with one.lock(), pytest.raises(Busy, match="another eviction or undo is running"), other.lock():
        pass
    with other.lock():
        pass


def test_a_killed_holder_leaves_the_lock(folder: Path) -> None:
    script = (
        "import os, signal, sys; from davy.journal.state import State; state = State(sys.argv[1])\n"
        "with state.lock(): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, os.fspath(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    state = State(os.fspath(folder))
    with pytest.raises(Busy), state.lock():
        pass
    holder.kill()
    holder.communicate()
    with state.lock():
        pass


def test_davy_knows_its_own_files_by_device_and_inode(folder: Path) -> None:
    state = opened(folder).state
    kept = folder / "quarantine" / "1-0"
    kept.write_bytes(b"miner")
    found = {(path.stat().st_dev, path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}
    assert state.keys() == found
    assert (kept.stat().st_dev, kept.stat().st_ino) in found


def test_root_keeps_its_state_with_the_system_and_everybody_else_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_folder() == "/var/lib/davy"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_folder() == "/home/ada/.local/state/davy"
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert default_folder() == "/srv/state/davy"


_OLD_FILE = {"path": b"/etc/x", "device": 1, "inode": 2, "size": 3, "mtime_ns": 4, "sha256": "5"}
_OLD_ATTRIBUTES = {"mode": 0o644, "uid": 1, "gid": 2, "atime_ns": 3, "mtime_ns": 4, "flags": None, "xattrs": {}}


def test_what_a_davy_of_before_there_were_folders_times_has_written_is_still_read() -> None:
    """As 0.1.0 wrote it: an undo must be possible after an update."""
    moved = {"type": "moved", "path": b"/etc/x", "attributes": _OLD_ATTRIBUTES, "kept": "1-1", "sha256": "c"}
    link = {"type": "removed-link", "path": b"/l", "destination": b"/d", "uid": 0, "gid": 0}
    lines = {"type": "remove-lines", "file": _OLD_FILE, "lines": [1], "texts": [b"a"]}
    read = msgspec.msgpack.decode(msgspec.msgpack.encode([moved, link]), type=list[Undo])
    assert [type(one) for one in read] == [MovedFile, RemovedLink]
    assert [one.folder_times for one in read if isinstance(one, (MovedFile, RemovedLink))] == [None, None]
    plan = {"incidents": ["i"], "boot_id": None, "steps": [lines]}
    assert isinstance(msgspec.msgpack.decode(msgspec.msgpack.encode(plan), type=Plan).steps[0], RemoveLines)
