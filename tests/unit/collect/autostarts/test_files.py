"""Files that hold entries among other things: where each stands, and what has to remain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import without

import davy.collect.autostarts.files as module
from davy.collect.autostarts.files import ENTRIES_LIMIT, FILE_BYTES, Entry, Files, Text
from davy.host import DirectoryRoot, Host, MemoryRoot
from davy.host import Entry as File
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap


def words(text: str) -> Iterator[Entry]:
    """Every word in angle brackets is an entry."""
    here = 0
    while (start := text.find("<", here)) >= 0 and (end := text.find(">", start) + 1):
        yield Entry(text[start + 1 : end - 1], start, end)
        here = end


def read(text: str) -> list[Autostart]:
    files = Files(Host(MemoryRoot({"/x": text})), "test")
    return [fact for fact in files.autostarts(AutostartKind.MONIT, ("/x",), words) if isinstance(fact, Autostart)]


def test_an_entry_that_fills_its_lines_leaves_nothing() -> None:
    (entry,) = read("a\n  <b>\nc\n")
    assert (entry.line, entry.end_line, entry.text, entry.remains) == (2, None, "  <b>", None)


def test_an_entry_over_several_lines_has_the_last_and_what_stands_around_it_remains() -> None:
    (entry,) = read("a\nx <b\nc> y\r\nd")
    assert (entry.line, entry.end_line, entry.text, entry.remains) == (2, 3, "x <b\nc> y", "x  y")


def test_the_second_entry_of_a_line_is_told_from_the_first_by_its_column() -> None:
    first, second = read("<a> <b>\n")
    assert (first.column, second.column) == (None, 5)
    assert first.subject != second.subject
    assert (first.remains, second.remains) == (" <b>", "<a> ")


def test_a_line_that_ends_an_entry_and_begins_another_has_two() -> None:
    first, second = read("<a\nb> <c>\n")
    assert (first.line, first.end_line, second.line, second.column) == (1, 2, 2, 4)


@given(st.lists(st.sampled_from(["<a>", "<b\nc>", "d", " ", "\n", "<>", "<"])))
def test_whatever_stands_around_it_an_entry_can_be_taken_out_alone(pieces: list[str]) -> None:
    text = "".join(pieces)
    for entry in read(text):
        after = without(text, [entry])
        assert (
            sorted(after.split()) == sorted(text.replace(f"<{entry.command}>", "", 1).split())
            or text.count(f"<{entry.command}>") > 1
        )
        assert after.count("<") == text.count("<") - 1 - entry.command.count("<")


def test_a_file_with_several_names_is_read_once_under_its_own() -> None:
    root = MemoryRoot({"/d/a": File(target="/kept"), "/d/b": File(target="a"), "/kept": "<x>"})
    assert [file for file in Files(Host(root), "test").texts("/d/*", "/kept") if isinstance(file, Gap)] == []
    (file,) = Files(Host(root), "test").texts("/d/*", "/kept")
    assert isinstance(file, Text)
    assert (file.path, file.links) == ("/kept", ("/d/a",))


def test_a_file_in_a_folder_that_is_a_link_is_no_link_itself() -> None:
    root = MemoryRoot({"/lib": File(target="usr/lib"), "/usr/lib/x": "<x>"})
    (file,) = Files(Host(root), "test").texts("/lib/*")
    assert isinstance(file, Text)
    assert (file.path, file.links) == ("/usr/lib/x", ())


def test_what_a_file_includes_is_read_too_and_a_circle_of_includes_ends() -> None:
    root = MemoryRoot({"/a": "/b*", "/b1": "/a", "/b2": "/c", "/c": "end", "/not": ""})
    files = Files(Host(root), "test").texts("/a", includes=lambda file: [file.text])
    assert [file.path for file in files if isinstance(file, Text)] == ["/a", "/b1", "/b2", "/c"]


def test_nothing_of_the_kernels_own_files_is_read_whatever_includes_it() -> None:
    root = MemoryRoot({"/a": "/proc/kmsg", "/proc/kmsg": "<x>"})
    files = Files(Host(root), "test").texts("/a", includes=lambda file: [file.text])
    assert [file.path for file in files if isinstance(file, Text)] == ["/a"]


def test_a_fifo_a_loop_and_a_device_are_gaps_and_folders_and_what_is_not_there_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "out").symlink_to("../../../../../../etc/hostname-of-nobody")
    (tmp_path / "good").write_text("x")
    facts = list(Files(Host(DirectoryRoot(str(tmp_path))), "test").texts("/*", "/gone"))
    assert [fact.path for fact in facts if isinstance(fact, Text)] == ["/good"]
    assert {fact.what for fact in facts if isinstance(fact, Gap)} == {"/fifo", "/loop"}


def test_a_huge_file_is_read_in_part_to_the_end_of_a_line_and_a_gap_says_so() -> None:
    content = b"<a>\n" + b"#" * (FILE_BYTES - 8) + b"\n<b>"
    facts = list(
        Files(Host(MemoryRoot({"/x": content + b">" * 99})), "test").autostarts(AutostartKind.MONIT, ("/x",), words)
    )
    assert [fact.command for fact in facts if isinstance(fact, Autostart)] == ["a"]
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == ["the rest of /x"]


def test_very_many_entries_are_cut_and_a_gap_says_so() -> None:
    root = MemoryRoot({"/x": "<a>\n" * (ENTRIES_LIMIT + 1)})
    facts = list(Files(Host(root), "test").autostarts(AutostartKind.MONIT, ("/x",), words))
    assert len(facts) == ENTRIES_LIMIT + 1
    assert facts[-1] == Gap("test", "the rest of /x", f"more than {ENTRIES_LIMIT} entries")


def test_very_many_files_are_cut_and_one_gap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILES_LIMIT", 3)
    facts = list(Files(Host(MemoryRoot({f"/d/{n}": "x" for n in range(9)})), "test").texts("/d/*"))
    assert [type(fact) for fact in facts] == [Text, Text, Text, Gap]


def test_very_many_bytes_are_cut_and_one_gap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_BYTES", 3)
    facts = list(Files(Host(MemoryRoot({f"/d/{n}": "xx" for n in range(9)})), "test").texts("/d/*"))
    assert [type(fact) for fact in facts] == [Text, Text, Gap]
