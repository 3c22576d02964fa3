"""Files of autostarts: found once, read within bounds, and never out of the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from davy.collect.autostarts.reading import FILE_BYTES, FILES_LIMIT, NAMES_LIMIT, TOTAL_BYTES, Place, Reading
from davy.collect.autostarts.written import Written
from davy.host import Entry, Host, MemoryRoot, at
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap


def reading(files: dict[str, bytes | str | Entry]) -> Reading:
    return Reading(Host(MemoryRoot(files)), "test", AutostartKind.UDEV)


def test_files_come_first_then_those_in_folders_that_end_so() -> None:
    found = reading({"/a/1.x": "", "/a/2.y": "", "/b": ""}).places(("/a", "/none"), ("/b",), suffix=".x")
    assert list(found) == [Place("/b", "/b"), Place("/a/1.x", "/a")]


def test_a_file_of_many_names_is_one_place_under_its_own_path() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/real/x": "",
        "/a/1": Entry(target="/real/x"),
        "/b/2": Entry(target="../a/1"),
        "/c": Entry(target="b"),
    }
    assert list(reading(files).places(("/a", "/b", "/c"))) == [Place("/real/x", "/a", ("/a/1", "/b/2"))]


def test_what_is_masked_is_no_place_and_a_loop_is_a_gap() -> None:
    files: dict[str, bytes | str | Entry] = {"/a/1": Entry(target="/dev/null"), "/a/2": Entry(target="2")}
    assert [type(each) for each in reading(files).places(("/a",))] == [Gap]


def test_links_stay_within_the_root(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("no")
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "up").symlink_to("../../secret")
    (root / "a" / "down").symlink_to(tmp_path / "secret")
    looked = Reading(at(str(root)), "test", AutostartKind.UDEV)
    found = [each for each in looked.places(("/a",)) if isinstance(each, Place)]
    assert [text for place in found for text in looked.text(place.path)] == []


def test_names_are_bounded_in_a_folder_and_in_all() -> None:
    folders = [f"/{number}" for number in range(NAMES_LIMIT // FILES_LIMIT + 1)]
    looked = reading({f"{folder}/{number}": "" for folder in folders for number in range(FILES_LIMIT)})
    found = [each for folder in folders for each in looked.inside(folder)]
    assert sum(isinstance(each, str) for each in found) == NAMES_LIMIT
    assert [each.what for each in found if isinstance(each, Gap)] == [f"the rest of {folders[-1]}"]


def test_bytes_are_bounded_in_a_file_and_in_all() -> None:
    looked = reading({"/x": b"line\n" * FILE_BYTES})
    texts = [list(looked.text("/x")) for _ in range(TOTAL_BYTES // FILE_BYTES + 2)]
    gap, text = texts[0]
    assert isinstance(gap, Gap)
    assert isinstance(text, str)
    assert text.endswith("line\n")
    assert FILE_BYTES - 5 <= len(text) <= FILE_BYTES
    assert [[type(each) for each in told] for told in texts[-2:]] == [[Gap], []]


@pytest.mark.parametrize(
    ("mode", "executable", "count"), [(0o100755, True, 1), (0o100644, True, 0), (0o100644, False, 1)]
)
def test_scripts_are_those_that_run(mode: int, executable: bool, count: int) -> None:
    looked = reading({"/a/x": Entry(b"", mode=mode)})
    found = list(looked.scripts(looked.places(("/a",)), lambda place: place.given, executable=executable))
    assert [each.schedule for each in found if isinstance(each, Autostart)] == ["/a"] * count


def test_an_entry_that_vanished_meanwhile_is_none_and_a_long_command_is_cut() -> None:
    looked = reading({"/a": "x" * 9_000})
    (found,) = looked.entries((Place("/a", "/a"), Place("/gone", "/gone")), lambda text: [Written(text)])
    assert isinstance(found, Autostart)
    assert len(found.command) == 4_096


def test_what_may_be_in_a_folder_is_what_its_listing_says_unless_there_is_none() -> None:
    looked = reading({"/h/.config/a/x": "", "/h/link": Entry(target=".config"), "/h/file": ""})
    assert looked.may_hold("/h", "/.config/a")
    assert looked.may_hold("/h", "link/a/x")
    assert not looked.may_hold("/h", ".config/b")
    assert not looked.may_hold("/h", "file/b")
    assert not looked.may_hold("/none", "a")
    assert reading({"/l": Entry(target="l")}).may_hold("/l", "a")


def test_names_that_are_kept_in_mind_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.collect.autostarts.reading.REMEMBERED_NAMES", 2)
    looked = reading({"/a/1": "", "/a/2": "", "/b/1": ""})
    assert not looked.may_hold("/a", "3")
    assert looked.may_hold("/b", "3")
