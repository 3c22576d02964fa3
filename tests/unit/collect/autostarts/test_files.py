"""The files that a reader looks into."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import davy.collect.autostarts.files as module
import davy.collect.autostarts.texts as texts
from davy.collect.autostarts.files import Files
from davy.collect.autostarts.spans import CHARACTERS_LIMIT, Span
from davy.collect.autostarts.texts import ENTRIES_LIMIT, FILE_BYTES, Text
from davy.host import DirectoryRoot, Host, MemoryRoot
from davy.host import Entry as File
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap


def lines(text: str) -> Iterator[Span]:
    """Every line that begins with a bracket is an entry."""
    here = 0
    for line in text.split("\n"):
        if line.startswith("<"):
            yield Span(line[1:], here, here + len(line))
        here += len(line) + 1


def test_a_file_with_several_names_is_read_once_under_its_own() -> None:
    root = MemoryRoot({"/d/a": File(target="/kept"), "/d/b": File(target="a"), "/kept": "<x"})
    assert [file for file in Files(Host(root), "test").texts("/d/*", "/kept") if isinstance(file, Gap)] == []
    (file,) = Files(Host(root), "test").texts("/d/*", "/kept")
    assert isinstance(file, Text)
    assert file.path == "/kept"


def test_only_what_is_a_link_itself_is_one_and_in_its_folders_own_path() -> None:
    root = MemoryRoot({"/lib": File(target="usr/lib"), "/usr/lib/x": "<x", "/usr/lib/y": File(target="x")})
    files = Files(Host(root), "test")
    assert (files.link("/lib/x"), files.link("/lib/y"), files.link("/lib")) == (None, "/usr/lib/y", "/lib")


def test_a_name_that_leads_to_nothing_on_purpose_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    os.mkfifo(tmp_path / "dev/null")
    (tmp_path / "x").symlink_to("/dev/null")
    assert list(Files(Host(DirectoryRoot(str(tmp_path))), "test").texts("/x")) == []


def test_a_folder_where_patterns_begin_is_taken_as_it_is_written() -> None:
    files = Files(Host(MemoryRoot({"/d/[x]/run": "<a", "/d/x/run": "<b"})), "test")
    assert [file.path for file in files.texts("run", "*", below="/d/[x]") if isinstance(file, Text)] == ["/d/[x]/run"]


def test_what_a_file_includes_is_read_too_and_a_circle_of_includes_ends() -> None:
    root = MemoryRoot({"/a": "/b*", "/b1": "/a", "/b2": "/c", "/c": "end", "/not": ""})
    files = Files(Host(root), "test").texts("/a", includes=lambda file: [file.content])
    assert [file.path for file in files if isinstance(file, Text)] == ["/a", "/b1", "/b2", "/c"]


def test_nothing_of_the_kernels_own_files_is_read_whatever_includes_it() -> None:
    root = MemoryRoot({"/a": "/proc/kmsg", "/proc/kmsg": "<x"})
    files = Files(Host(root), "test").texts("/a", includes=lambda file: [file.content])
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
    content = b"<a\n" + b"#" * (FILE_BYTES - 8) + b"\n<b>"
    facts = list(
        Files(Host(MemoryRoot({"/x": content + b">" * 99})), "test").autostarts(AutostartKind.MONIT, ("/x",), lines)
    )
    assert [fact.command for fact in facts if isinstance(fact, Autostart)] == ["a"]
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == ["the rest of /x"]


def test_very_many_entries_are_cut_and_a_gap_says_so() -> None:
    root = MemoryRoot({"/x": "<a\n" * (ENTRIES_LIMIT + 1)})
    facts = list(Files(Host(root), "test").autostarts(AutostartKind.MONIT, ("/x",), lines))
    assert len(facts) == ENTRIES_LIMIT + 1
    assert facts[-1] == Gap("test", "the rest of /x", f"more than {ENTRIES_LIMIT} entries")


def test_very_many_files_are_cut_and_one_gap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILES_LIMIT", 3)
    facts = list(Files(Host(MemoryRoot({f"/d/{n}": "x" for n in range(9)})), "test").texts("/d/*"))
    assert [type(fact) for fact in facts] == [Text, Text, Text, Gap]


def test_very_many_bytes_are_cut_and_each_file_that_is_left_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "TOTAL_BYTES", 3)
    facts = list(Files(Host(MemoryRoot({f"/d/{n}": "xx" for n in range(9)})), "test").texts("/d/*"))
    assert [type(fact) for fact in facts] == [Text, Text] + [Gap] * 7


def every_word(text: str) -> Iterator[Span]:
    return (Span(found[0], found.start(), found.end()) for found in re.finditer(r"\S+", text))


def test_a_long_line_of_very_many_entries_is_cut_and_a_gap_says_so() -> None:
    root = MemoryRoot({"/x": "a " * (FILE_BYTES // 4)})
    facts = list(Files(Host(root), "test").autostarts(AutostartKind.MONIT, ("/x",), every_word))
    read = [fact for fact in facts if isinstance(fact, Autostart)]
    assert 1 < len(read) < ENTRIES_LIMIT
    assert sum(len(entry.remains or "") for entry in read) <= CHARACTERS_LIMIT
    assert len({id(entry.text) for entry in read}) == 1
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == ["the rest of /x"]
