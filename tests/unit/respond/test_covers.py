"""Covers come off after the freeze and before anything else; what is not Davy's to take off is left, and said."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import pytest
from tests.unit.snapshots import BOOT, cover, detail, executable, incident_of, process, snapshot

from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.journal import Journal, Progress
from davy.journal.state import State
from davy.model.concealment import Cover
from davy.model.plan import Freeze, Kill, Left, Plan, Preserve, Quarantine, Unmount
from davy.model.undo import Unmounted
from davy.respond import described, not_put_back, plan, undo_entries
from davy.respond.carry_out import carry_out

MINER = process(100, "/tmp/kdevtmpfsi", cores=1.0)
FILES = {"/tmp/kdevtmpfsi": "x", "/tmp/stat": "cpu", "/srv/db": "x"}
IDLE = "claims 0.0 busy cores while the kernel counts 1.9"


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def _planned(*covers: Cover, miner: bool = False) -> Plan:
    program = msgspec.structs.replace(executable("/tmp/kdevtmpfsi"), sha256=hashlib.sha256(b"x").hexdigest())
    facts = snapshot(*((MINER, detail(MINER, program=program)) if miner else ()), *covers)
    return plan(Host(MemoryRoot(FILES)), facts, [incident_of(facts)])


def test_covers_come_off_right_after_the_freeze_the_upper_one_first() -> None:
    made = _planned(
        cover("/proc/100", hides=MINER),
        cover("/proc/100", hides=MINER, mount_id=901, parent_id=900),
        cover("/proc/100", hides=MINER, mount_id=902, parent_id=901),
        miner=True,
    )
    assert [type(step) for step in made.steps] == [Freeze, Unmount, Unmount, Unmount, Preserve, Kill, Quarantine]
    assert [step.mount_id for step in made.steps if isinstance(step, Unmount)] == [902, 901, 900]
    assert {described(step) for step in made.steps if isinstance(step, Unmount)} == {
        "unmount the tmpfs that covers /proc/100"
    }
    assert made.left == ()


def test_the_file_behind_a_cover_goes_only_where_nobody_keeps_anything() -> None:
    made = _planned(cover("/proc/stat", forged=IDLE, origin="/tmp/stat"))
    assert [step.file.path for step in made.steps if isinstance(step, Quarantine)] == [b"/tmp/stat"]
    made = _planned(cover("/proc/stat", forged=IDLE, origin="/srv/db"))
    assert [type(step) for step in made.steps] == [Unmount]
    assert [one.what for one in made.left] == ["/srv/db"]


def test_another_mount_namespaces_cover_is_left_and_said() -> None:
    made = _planned(cover("/proc/100", hides=MINER, elsewhere=True), miner=True)
    assert not any(isinstance(step, Unmount) for step in made.steps)
    assert [one.what for one in made.left] == ["the mount over /proc/100"]


def test_what_claims_to_be_a_containers_file_system_is_never_taken_off() -> None:
    made = _planned(cover("/proc/stat", forged=IDLE), cover("/proc/stat", forged=IDLE, filesystem="fuse.lxcfs"))
    assert [step.filesystem for step in made.steps if isinstance(step, Unmount)] == ["tmpfs"]
    assert [one.what for one in made.left] == ["the mount over /proc/stat"]


def test_without_root_it_is_left_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    made = _planned(cover("/proc/stat", forged=IDLE))
    assert (made.steps, made.left) == ((), (Left("the mount over /proc/stat", "run as root to unmount it"),))


STEP = Unmount(point=b"/proc/\xff", mount_id=9, filesystem="tmpfs", source=b"\xfe", root=b"/", device=(0, 30))
TABLE = b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:20 / /proc rw - proc proc rw\n"


def test_one_that_went_while_the_eviction_was_cut_short_is_done_with_and_its_undo_mounts_nothing(
    tmp_path: Path,
) -> None:
    journal = Journal(State(os.fspath(tmp_path / "state")))
    kernel = RecordedKernel(RecordedProcfs({"self/mountinfo": TABLE, "1/stat": ""}), now=BOOT)
    begun = journal.begin(Plan(incidents=("x",), boot_id=kernel.boot_id, steps=(STEP,)))
    journal.begun(begun.id, 0, Unmounted(point=STEP.point, filesystem="tmpfs", source=STEP.source, root=STEP.root))
    again = journal.unfinished()
    assert again is not None
    carried = carry_out(kernel, journal, again)
    assert (carried.done, carried.left) == ((described(STEP),), ())
    journal.close(again.id)
    (done,) = journal.last_operation()
    assert done.entries[0].state is Progress.DONE
    (kept,) = not_put_back((done,))
    assert kept.what == "the mount over /proc/\\xff"
    assert undo_entries(kernel, journal, (done,)) == ((), ())
    assert journal.last_operation() == ()


def test_after_a_new_start_of_the_machine_there_is_nothing_to_take_off(tmp_path: Path) -> None:
    journal = Journal(State(os.fspath(tmp_path / "state")))
    kernel = RecordedKernel(RecordedProcfs({"self/mountinfo": TABLE + b"9 2 0:30 / /proc/\xff rw - tmpfs \xfe rw\n"}))
    begun = journal.begin(Plan(incidents=("x",), boot_id="another", steps=(STEP,)))
    assert carry_out(kernel, journal, begun).left == ()
    (entry,) = journal.begin(begun.plan).entries
    assert entry.undo is None
