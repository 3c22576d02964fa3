"""A line is set in a real file and put back to the byte, whatever Davy is killed at; what is not safe is left alone."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.respond.test_crash import Seen, identity, in_child, seen

from davy.collect.services.ground import FILE_BYTES
from davy.hands.attributes import IMMUTABLE, inode_flags, set_inode_flags
from davy.harden.apply import apply, finish_former, is_hardening
from davy.harden.plan import plan
from davy.host import LiveKernel, live
from davy.journal import Journal
from davy.journal.state import State
from davy.model.exposures import Exposure, LineChange, Severity
from davy.model.facts import Account, Host, Process
from davy.model.plan import LineSet, Plan, SetLines
from davy.model.services import ReachedFrom, Service
from davy.model.snapshot import Snapshot
from davy.model.text import printable
from davy.respond import undo_entries
from davy.respond.carry_out import carry_out

pytestmark = pytest.mark.live

KERNEL = LiveKernel()
CONTENT = b"# mine\r\nbind 0.0.0.0\nport 6379\n\n\xff odd # bind\n"
AFTER = b"# mine\r\nbind 127.0.0.1 -::1\nport 6379\n\n\xff odd # bind\n"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(State(str(tmp_path / "state")))


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A configuration file with an owner, a mode, times, an attribute and a flag of its own, in a folder of root's."""
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    path = folder / "redis.conf"
    path.write_bytes(CONTENT)
    os.chown(path, 0, 65534)
    path.chmod(0o640)
    os.setxattr(path, b"user.n\xff", b"\0kept")
    os.utime(path, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
    _lock(path, IMMUTABLE)
    yield path
    if path.is_file() and not path.is_symlink():
        _lock(path, 0)


def _lock(path: Path, flag: int) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flags = inode_flags(descriptor)
        if flags is not None:
            set_inode_flags(descriptor, (flags & ~IMMUTABLE) | flag)
    finally:
        os.close(descriptor)


def view(path: Path) -> tuple[Seen | None, Seen | None, list[str]]:
    """The file and its folder, and who is in it."""
    return seen(path), seen(path.parent), sorted(os.listdir(path.parent))


def setting(path: Path) -> Plan:
    line = LineSet(number=2, before=b"bind 0.0.0.0", after=b"bind 127.0.0.1 -::1")
    step = SetLines(file=identity(path), lines=(line,), closes=("x",), restart="restart it")
    return Plan(incidents=(), boot_id=KERNEL.boot_id, steps=(step,))


def exposure(
    path: Path, *, line: int | None = 2, before: str | None = "bind 0.0.0.0", container: str | None = None
) -> Exposure:
    return Exposure(
        id="e1", kind="redis", opening="no-password", subject="service:redis:1", service="Redis",
        address="0.0.0.0:6379", reached_from=ReachedFrom.ANY, severity=Severity.CRITICAL, summary="anybody",
        container=container,
        change=LineChange(path=str(path), line=line, before=before, after="bind 127.0.0.1 -::1", restart="restart it"),
    )  # fmt: skip


def snapshot(uid: int = 0) -> Snapshot:
    process = Process(
        pid=1, start_ticks=1, start_time=1.0, name="redis-server", state="S", ppid=1, pgrp=1, session=1, tty=0, flags=0,
        nice=0, threads=1, rss_bytes=0, cpu_seconds=0.0, children_cpu_seconds=0.0, uid=uid,
    )  # fmt: skip
    return Snapshot(
        host=Host(name="h", kernel=None, boot_time=None, boot_id=None, cpus=None), taken=0.0, live=True,
        processes=(process,), services=(Service(kind="redis", running=True, pid=1),),
        accounts=(Account("root", 0, 0, "/root", "/bin/sh"), Account("nobody", 65534, 65534, "/", "/bin/false")),
    )  # fmt: skip


def planned(path: Path, uid: int = 0, **how: object) -> Plan:
    return plan(live(), snapshot(uid), [exposure(path, **how)], frozenset())  # type: ignore[arg-type]


def test_a_line_is_set_and_put_back_with_all_that_the_file_had(config: Path, journal: Journal) -> None:
    before = view(config)
    carried = apply(KERNEL, journal, planned(config))
    assert carried.left == ()
    after = seen(config)
    assert after is not None
    assert before[0] is not None
    assert after.content == AFTER
    assert (after.mode, after.owner) == (before[0].mode, before[0].owner)
    assert os.getxattr(config, b"user.n\xff") == b"\0kept"
    assert config.stat().st_mtime_ns > 1_400_000_000_987_654_321
    put_back, left = undo_entries(KERNEL, journal, journal.last_operation())
    assert (put_back, left) == ((str(config),), ())
    assert view(config) == before


def test_killed_at_any_act_it_is_finished_or_put_back_by_the_next_run(config: Path, tmp_path: Path) -> None:
    before = view(config)
    fatal, alive = 1, False
    while not alive:
        journal = Journal(State(str(tmp_path / f"state-{fatal}")))
        killed, _ = in_child(lambda journal=journal: apply(KERNEL, journal, setting(config)), fatal)  # type: ignore[misc]
        alive = not killed
        content = config.read_bytes()
        assert content in (CONTENT, AFTER)
        again = Journal(State(str(tmp_path / f"state-{fatal}")))
        cut_short = again.unfinished()
        if cut_short is not None:
            assert is_hardening(cut_short)
            finish_former(KERNEL, again, cut_short)
            assert config.read_bytes() == AFTER
        if config.read_bytes() == AFTER:
            undo_entries(KERNEL, again, again.last_operation())
        assert view(config) == before
        fatal += 1
    assert fatal > 12


def test_killed_at_any_act_of_the_undo_the_next_undo_puts_it_back(config: Path, tmp_path: Path) -> None:
    before = view(config)
    fatal, alive = 1, False
    while not alive:
        journal = Journal(State(str(tmp_path / f"state-{fatal}")))
        apply(KERNEL, journal, setting(config))
        killed, _ = in_child(lambda j=journal: undo_entries(KERNEL, j, j.last_operation()), fatal)  # type: ignore[misc]
        alive = not killed
        again = Journal(State(str(tmp_path / f"state-{fatal}")))
        undo_entries(KERNEL, again, again.last_operation())
        assert view(config) == before
        fatal += 1
    assert fatal > 8


def test_an_eviction_finishes_what_an_apply_had_begun(config: Path, journal: Journal) -> None:
    eviction = journal.begin(setting(config))
    assert carry_out(KERNEL, journal, eviction).left == ()
    assert config.read_bytes() == AFTER


def test_what_was_written_to_it_since_the_plan_keeps_it_from_being_set(config: Path, journal: Journal) -> None:
    made = planned(config)
    _lock(config, 0)
    config.write_bytes(CONTENT + b"more\n")
    carried = apply(KERNEL, journal, made)
    assert "changed since the plan" in carried.left[0].why
    assert config.read_bytes() == CONTENT + b"more\n"


def test_what_was_written_to_it_since_is_kept_by_the_undo(config: Path, journal: Journal) -> None:
    apply(KERNEL, journal, planned(config))
    _lock(config, 0)
    config.write_bytes(AFTER + b"more\n")
    put_back, left = undo_entries(KERNEL, journal, journal.last_operation())
    assert put_back == ()
    assert "changed since" in left[0].why
    assert config.read_bytes() == AFTER + b"more\n"


def test_a_link_in_its_place_is_refused_by_the_plan_and_by_the_hand(
    config: Path, journal: Journal, tmp_path: Path
) -> None:
    made = planned(config)
    real = tmp_path / "real.conf"
    _lock(config, 0)
    config.rename(real)
    config.symlink_to(real)
    carried = apply(KERNEL, journal, made)
    assert "not a regular file" in carried.left[0].why
    assert planned(config).left[0].why.endswith("a link")
    assert real.read_bytes() == CONTENT


def test_a_file_with_another_name_is_refused_by_the_plan_and_by_the_hand(config: Path, journal: Journal) -> None:
    made = planned(config)
    _lock(config, 0)
    os.link(config, config.parent / "other")
    carried = apply(KERNEL, journal, made)
    assert carried.left[0].why.endswith("has other names")
    assert planned(config).left[0].why.endswith("it has other names")
    assert config.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("mode", "owner", "uid", "refused"),
    [
        (0o644, (0, 0), 0, None),
        (0o640, (65534, 65534), 65534, None),
        (0o660, (65534, 65534), 65534, None),
        (0o640, (65534, 65534), 0, "others than root and its service"),
        (0o664, (0, 65534), 0, "others than root and its service"),
        (0o646, (0, 0), 0, "others than root and its service"),
        (0o640, (1, 1), 65534, "others than root and its service"),
    ],
)
def test_only_files_of_root_or_of_the_services_user_are_written(
    config: Path, mode: int, owner: tuple[int, int], uid: int, refused: str | None
) -> None:
    _lock(config, 0)
    os.chown(config, *owner)
    config.chmod(mode)
    made = planned(config, uid)
    assert (refused in made.left[0].why) if refused else (made.left == () and len(made.steps) == 1)


@pytest.mark.parametrize(("mode", "owner"), [(0o777, (0, 0)), (0o775, (0, 65534)), (0o755, (1, 1))])
def test_a_folder_in_which_others_may_put_another_file_is_refused(
    config: Path, mode: int, owner: tuple[int, int]
) -> None:
    os.chown(config.parent, *owner)
    config.parent.chmod(mode)
    assert "others may put another file in its place" in planned(config).left[0].why


def test_what_a_container_has_is_left_to_whoever_makes_it(config: Path) -> None:
    made = planned(config, container="redis-1")
    assert made.steps == ()
    assert "container" in made.left[0].why


def test_two_fixes_of_one_file_are_one_step_and_the_same_line_is_set_once(config: Path) -> None:
    made = plan(live(), snapshot(), [exposure(config), exposure(config)], frozenset())
    (step,) = made.steps
    assert isinstance(step, SetLines)
    assert len(step.lines) == 1
    assert step.file.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert step.restart == "restart it"


def test_a_line_that_nothing_says_yet_comes_to_the_end(config: Path, journal: Journal) -> None:
    before = view(config)
    assert apply(KERNEL, journal, planned(config, line=None, before=None)).left == ()
    assert config.read_bytes() == CONTENT + b"bind 127.0.0.1 -::1\n"
    undo_entries(KERNEL, journal, journal.last_operation())
    assert view(config) == before


def test_no_line_comes_to_a_file_of_which_not_all_is_read(config: Path) -> None:
    _lock(config, 0)
    config.write_bytes(CONTENT + b"#\n" * (FILE_BYTES // 2) + b"bind 127.0.0.1\n")
    assert planned(config).left == ()
    assert "larger than what is read of it" in planned(config, line=None, before=None).left[0].why


def test_what_cannot_be_written_is_left_and_said(config: Path, journal: Journal) -> None:
    before = view(config)
    made = planned(config)
    subprocess.run(["mount", "--bind", config.parent, config.parent], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", config.parent], check=True)
        carried = apply(KERNEL, journal, made)
        assert carried.done == ()
        assert "ead-only file system" in carried.left[0].why
        assert view(config) == before
        assert journal.unfinished() is None
    finally:
        subprocess.run(["umount", config.parent], check=True)


def test_a_file_of_an_odd_name_is_set_and_put_back_and_shown_in_one_line(config: Path, journal: Journal) -> None:
    odd = config.parent / "a\nb\x1b[31m"
    odd.mkdir(mode=0o755)
    path = odd / os.fsdecode(b"\xff\n.conf")
    path.write_bytes(b"# no end\r\nbind 0.0.0.0")
    before = view(path)
    carried = apply(KERNEL, journal, planned(path))
    assert carried.left == ()
    assert path.read_bytes() == b"# no end\r\nbind 127.0.0.1 -::1"
    assert all("\n" not in words and "\x1b" not in words for words in map(printable, carried.done))
    undo_entries(KERNEL, journal, journal.last_operation())
    assert view(path) == before


def test_a_folder_that_was_swapped_since_the_plan_is_not_followed(
    config: Path, journal: Journal, tmp_path: Path
) -> None:
    made = planned(config)
    elsewhere = tmp_path / "elsewhere"
    config.parent.rename(elsewhere)
    config.parent.symlink_to(elsewhere)
    try:
        assert apply(KERNEL, journal, made).done == ()
        assert (elsewhere / config.name).read_bytes() == CONTENT
    finally:
        config.parent.unlink()
        elsewhere.rename(config.parent)


def test_davys_own_files_are_spared(config: Path) -> None:
    found = config.stat()
    made = plan(live(), snapshot(), [exposure(config)], frozenset({(found.st_dev, found.st_ino)}))
    assert made.steps == ()
    assert stat.S_ISREG(found.st_mode)
