"""What an owner allowed is kept whole, and counts only while nobody else can write it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from davy.journal.allowances import NAME, allow, decided, forget, held
from davy.journal.state import State, StateError
from davy.model.allowance import Allowance
from davy.model.facts import Gap

WANTED = Allowance(
    id=0, sha256="a" * 64, path="/opt/xmrig/xmrig", unit="xmrig.service", user="ada", reason="my own", since=1.5
)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(str(tmp_path / "state"))


def test_a_decision_comes_back_with_an_id(state: State) -> None:
    kept = allow(state, WANTED)
    assert kept.id == 1
    assert decided(state.folder) == (kept,)


def test_the_same_program_unit_and_user_is_decided_once_and_no_id_is_given_twice(state: State) -> None:
    allow(state, WANTED)
    second = allow(state, WANTED)
    assert decided(state.folder) == (second,)
    assert forget(state, second.id) == second
    assert decided(state.folder) == ()
    assert allow(state, WANTED).id == 3


def test_what_was_never_allowed_cannot_be_forgotten(state: State) -> None:
    assert forget(state, 1) is None


def test_it_is_readable_by_its_owner_alone(state: State) -> None:
    allow(state, WANTED)
    assert stat.S_IMODE(os.stat(os.path.join(state.folder, NAME)).st_mode) == 0o600
    assert not [name for name in os.listdir(state.folder) if name.startswith(f".{NAME}")]


def test_where_nothing_is_kept_nothing_is_allowed(tmp_path: Path) -> None:
    assert decided(str(tmp_path / "nowhere")) == ()


def _why(state: State) -> str:
    (gap,) = decided(state.folder)
    assert isinstance(gap, Gap)
    return gap.why


def test_a_file_that_others_may_write_to_allows_nothing_and_says_so(state: State) -> None:
    allow(state, WANTED)
    os.chmod(os.path.join(state.folder, NAME), 0o622)
    assert "others may write" in _why(state)
    with pytest.raises(StateError):
        allow(state, WANTED)


def test_a_folder_that_others_may_write_to_allows_nothing(state: State) -> None:
    allow(state, WANTED)
    os.chmod(state.folder, 0o777)
    assert "others may write" in _why(state)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_allows_nothing(state: State) -> None:
    allow(state, WANTED)
    os.chown(os.path.join(state.folder, NAME), 65534, 65534)
    assert "another user" in _why(state)


@pytest.mark.parametrize("kind", ["link", "fifo", "junk", "folder", "another version"])
def test_what_davy_did_not_write_allows_nothing_and_hangs_nothing(state: State, kind: str) -> None:
    path = os.path.join(state.folder, NAME)
    if kind == "link":
        os.symlink("/etc/passwd", path)
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "folder":
        os.mkdir(path, 0o700)
    else:
        content = b"\xff{" if kind == "junk" else b'{"schema": 1, "last": 0, "allowances": [], "new": 1}'
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(content)
    assert _why(state)


def test_decisions_of_two_at_a_time_are_both_kept(state: State) -> None:
    other = State(state.folder)
    with held(state) as place:
        allow(place, WANTED)
    with held(other) as place:
        allow(place, Allowance(id=0, sha256="b" * 64, path="/x", unit=None, user=None, reason="also", since=2.0))
    assert [one.id for one in decided(state.folder) if isinstance(one, Allowance)] == [1, 2]
