"""Hands on the kernel's values, on files in their place: only what the plan saw is changed, and only known places."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from davy.hands import kernel_values
from davy.hands.errors import Untouched
from davy.hands.kernel_values import registration, restore_format, restore_value, set_usual, unregister
from davy.model.plan import SetKernelValue, Unregister
from davy.model.undo import KernelValueSet, Undo, Unregistered

PYTHON = b"enabled\ninterpreter /tmp/.x/run\nflags: OCF\noffset 0\nmagic 7f454c46\nmask ffffff00"
JAR = b"disabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A value that may be set, in a tree that stands for the kernel's."""
    path = tmp_path / "core_pattern"
    path.write_bytes(b"|/tmp/.x/run %p\n")
    monkeypatch.setattr(kernel_values, "USUAL", {os.fsencode(path): b"core"})
    return path


def step(place: Path, seen: bytes = b"|/tmp/.x/run %p", usual: bytes = b"core") -> SetKernelValue:
    return SetKernelValue(path=os.fsencode(place), seen=seen, usual=usual)


def test_a_value_becomes_the_usual_one_and_comes_back(place: Path) -> None:
    notes: list[Undo] = []
    set_usual(step(place), notes.append)
    assert place.read_bytes() == b"core\n"
    (undo,) = notes
    assert isinstance(undo, KernelValueSet)
    restore_value(undo)
    assert place.read_bytes() == b"|/tmp/.x/run %p\n"
    restore_value(undo)


def test_a_value_that_is_another_by_now_is_left_alone(place: Path) -> None:
    notes: list[Undo] = []
    with pytest.raises(Untouched, match="no longer"):
        set_usual(step(place, seen=b"|/else"), notes.append)
    assert (notes, place.read_bytes()) == ([], b"|/tmp/.x/run %p\n")


def test_a_place_that_is_not_known_is_never_written_to(place: Path) -> None:
    other = place.with_name("panic")
    other.write_bytes(b"0\n")
    for bad in (step(other, seen=b"0", usual=b"1"), step(place, usual=b"|/bin/sh")):
        with pytest.raises(Untouched, match="not a value that Davy sets"):
            set_usual(bad, lambda _: None)
    assert other.read_bytes() == b"0\n"


def test_undo_refuses_when_somebody_set_it_since(place: Path) -> None:
    notes: list[Undo] = []
    set_usual(step(place), notes.append)
    place.write_bytes(b"|/usr/lib/systemd/systemd-coredump\n")
    assert isinstance(notes[0], KernelValueSet)
    with pytest.raises(Untouched, match="changed since"):
        restore_value(notes[0])
    assert place.read_bytes() == b"|/usr/lib/systemd/systemd-coredump\n"


def test_a_step_that_was_cut_short_after_it_wrote_is_done(place: Path) -> None:
    notes: list[Undo] = []
    set_usual(step(place), notes.append)
    assert isinstance(notes[0], KernelValueSet)
    set_usual(step(place), notes.append, notes[0])
    assert len(notes) == 1


def test_a_link_in_the_place_of_a_value_leads_nowhere(place: Path) -> None:
    victim = place.with_name("victim")
    victim.write_bytes(b"|/tmp/.x/run %p\n")
    place.unlink()
    place.symlink_to(victim)
    with pytest.raises(Untouched):
        set_usual(step(place), lambda _: None)
    assert victim.read_bytes() == b"|/tmp/.x/run %p\n"


@pytest.mark.parametrize(
    ("name", "shown", "line"),
    [
        (b"x", PYTHON, rb":x:M:0:\x7f\x45\x4c\x46:\xff\xff\xff\x00:/tmp/.x/run:OCF"),
        (b"jar", JAR, b":jar:E::jar::/usr/bin/jexec:"),
        (b"y", b"enabled\ninterpreter /y\nflags: F\noffset 4\nmagic 00ff", rb":y:M:4:\x00\xff::/y:F"),
    ],
)
def test_how_a_binary_format_is_registered_is_read_from_what_the_kernel_shows(
    name: bytes, shown: bytes, line: bytes
) -> None:
    assert registration(name, shown) == line


@pytest.mark.parametrize(
    "shown", [b"", b"enabled\n", b"enabled\ninterpreter /x\nflags: \n", b"interpreter /a:b\nmagic 00"]
)
def test_what_cannot_be_registered_again_is_not_taken_out(shown: bytes) -> None:
    with pytest.raises(Untouched):
        registration(b"x", shown)


@pytest.fixture
def formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kernel_values, "FORMATS", os.fsencode(tmp_path))
    monkeypatch.setattr(kernel_values, "_REGISTER", os.fsencode(tmp_path / "register"))
    (tmp_path / "register").touch()
    (tmp_path / "x").write_bytes(PYTHON + b"\n")
    return tmp_path


def test_a_binary_format_is_taken_out_and_registered_again(formats: Path) -> None:
    notes: list[Undo] = []
    path = os.fsencode(formats / "x")
    unregister(Unregister(path=path, seen=PYTHON), notes.append)
    assert (formats / "x").read_bytes() == b"-1\n"
    (formats / "x").unlink()  # as the kernel does
    (undo,) = notes
    assert isinstance(undo, Unregistered)
    restore_format(undo)
    assert (formats / "register").read_bytes() == undo.registration == registration(b"x", PYTHON)


def test_another_format_of_the_name_or_a_control_is_left_alone(formats: Path) -> None:
    with pytest.raises(Untouched, match="no longer"):
        unregister(Unregister(path=os.fsencode(formats / "x"), seen=JAR), lambda _: None)
    for name in ("register", "status", "../x"):
        with pytest.raises(Untouched, match="not a binary format"):
            unregister(Unregister(path=os.fsencode(formats / name), seen=PYTHON), lambda _: None)
