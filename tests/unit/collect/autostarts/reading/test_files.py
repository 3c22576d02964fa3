"""Files that readers look into: found once, read within bounds, and never out of the root."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import davy.collect.autostarts.reading.files as module
from davy.collect.autostarts.reading import ENTRIES_LIMIT, FILE_BYTES, Entry, File, Files, Home, Span
from davy.collect.autostarts.reading.entries import CHARACTERS_LIMIT
from davy.collect.autostarts.reading.files import COMMAND_CHARACTERS, INCLUDES_LIMIT, TOTAL_BYTES
from davy.host import DirectoryRoot, Host, MemoryRoot, Root
from davy.host import Entry as Held
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PASSWD = "ada:x:1000:1000::/home/ada:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\n"
Contents = dict[str, bytes | str | Held]


def files_of(contents: Contents | Root, **options: bool) -> Files:
    root = MemoryRoot(contents) if isinstance(contents, dict) else contents
    return Files(Host(root), "test", AutostartKind.MONIT, **options)


def lines(text: str) -> Iterator[Span]:
    """Every line that begins with a bracket is an entry."""
    here = 0
    for line in text.split("\n"):
        if line.startswith("<"):
            yield Span(line[1:], here, here + len(line))
        here += len(line) + 1


def paths(facts: Iterator[File | Gap]) -> list[str]:
    return [fact.path for fact in facts if isinstance(fact, File)]


def test_a_file_with_several_names_is_found_once_under_its_own_with_its_links() -> None:
    contents: Contents = {
        "/real/x": "<x", "/a/1": Held(target="/real/x"), "/b/2": Held(target="../a/1"), "/c": Held(target="b"),
    }  # fmt: skip
    files = files_of(contents)
    (file,) = files.found("/a/*", "/b/*", "/c/*", "/real/*")
    assert isinstance(file, File)
    assert (file.place, file.path, file.links) == ("/a/1", "/real/x", ("/a/1", "/b/2"))
    assert list(files.found("/real/x")) == []


def test_what_only_lies_below_a_link_is_no_link() -> None:
    (file,) = files_of({"/lib": Held(target="usr/lib"), "/usr/lib/x": "<x"}).found("/lib/x")
    assert isinstance(file, File)
    assert (file.path, file.links) == ("/usr/lib/x", ())


def test_a_name_that_leads_to_nothing_on_purpose_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    os.mkfifo(tmp_path / "dev/null")
    (tmp_path / "x").symlink_to("/dev/null")
    assert list(files_of(DirectoryRoot(str(tmp_path))).texts("/x")) == []


def test_a_folder_where_patterns_begin_is_taken_as_it_is_written() -> None:
    files = files_of({"/d/[x]/run": "<a", "/d/x/run": "<b"})
    assert paths(files.texts("run", "*", below="/d/[x]")) == ["/d/[x]/run"]


def test_what_is_looked_for_in_homes_is_their_users_and_else_whose_it_is_said_to_be() -> None:
    contents: Contents = {"/etc/passwd": PASSWD, "/etc/x": "<a", "/home/ada/.x": "<b", "/home/eve/.x": "<~/c"}
    found = list(files_of(contents).autostarts(lines, "/etc/x", own=(".x",), user="root"))
    assert [(fact.path, fact.user, fact.programs) for fact in found if isinstance(fact, Autostart)] == [
        ("/etc/x", "root", ()), ("/home/ada/.x", "ada", ()), ("/home/eve/.x", None, ("/home/eve/c",)),
    ]  # fmt: skip


def test_who_fills_a_home_uses_up_nothing_of_the_others() -> None:
    contents: Contents = {f"/home/ada/{n}": b"x\n" * (FILE_BYTES // 2) for n in range(4)}
    facts = list(files_of({**contents, "/home/bob/x": "x\n"}).texts(own=("*",)))
    assert [type(fact) for fact in facts] == [File, File, Gap, Gap, File]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_in_a_home_only_what_its_owner_may_read_is_found(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    home = tmp_path / "home/ada"
    home.mkdir(parents=True)
    for path, owner, mode in ((tmp_path / "etc/shadow", 0, 0o640), (home / ".bashrc", 1000, 0o600)):
        path.write_text("x\n")
        os.chown(path, owner, owner)
        path.chmod(mode)
    (home / ".profile").symlink_to("../../etc/shadow")
    os.chown(home, 1000, 1000)
    files = files_of(DirectoryRoot(str(tmp_path)))
    assert paths(files.texts(own=(".profile", ".bashrc"))) == ["/home/ada/.bashrc"]
    assert paths(files.texts("/etc/shadow")) == ["/etc/shadow"]


def test_what_a_file_includes_is_read_too_and_a_circle_of_includes_ends() -> None:
    files = files_of({"/a": "/b*", "/b1": "/a", "/b2": "/c", "/c": "end", "/not": ""})
    assert paths(files.texts("/a", includes=lambda file: [file.content])) == ["/a", "/b1", "/b2", "/c"]


def test_what_a_file_in_a_home_includes_is_read_as_its_owner() -> None:
    files = files_of({"/home/ada/.x": "/etc/x", "/etc/x": ""})
    homes = [file.home for file in files.texts(own=(".x",), includes=lambda _: ["/etc/x"]) if isinstance(file, File)]
    assert homes == [Home("/home/ada", None)] * 2


def test_very_many_includes_are_cut_and_a_gap_says_so() -> None:
    named = [f"/d/{number}" for number in range(INCLUDES_LIMIT + 1)]
    facts = list(
        files_of({"/a": "", **dict.fromkeys(named, "")}).texts(
            "/a", includes=lambda file: named if file.path == "/a" else ()
        )
    )
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == ["the rest of what /a includes"]
    assert len(facts) == INCLUDES_LIMIT + 2


def test_nothing_of_the_kernels_own_files_is_read_whatever_leads_there_but_by_who_may() -> None:
    contents: Contents = {"/a": "", "/b": Held(target="/sys/x"), "/proc/kmsg": "<x", "/sys/x": "<x"}
    assert paths(files_of(contents).texts("/a", "/b", includes=lambda _: ["/proc/kmsg", "/./sys/*"])) == ["/a"]
    assert paths(files_of(contents, kernels=True).texts("/sys/*")) == ["/sys/x"]


def test_a_fifo_a_loop_and_a_device_are_gaps_and_folders_and_what_is_not_there_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "out").symlink_to("../../../../../../etc/hostname-of-nobody")
    (tmp_path / "good").write_text("x")
    facts = list(files_of(DirectoryRoot(str(tmp_path))).texts("/*", "/gone", "/good/x"))
    assert [fact.path for fact in facts if isinstance(fact, File)] == ["/good"]
    assert {fact.what for fact in facts if isinstance(fact, Gap)} == {"/fifo", "/loop"}


def test_links_stay_within_the_root(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("no")
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a/up").symlink_to("../../secret")
    (root / "a/down").symlink_to(tmp_path / "secret")
    assert list(files_of(DirectoryRoot(str(root))).texts("/a/*")) == []


def test_a_huge_file_is_read_in_part_to_the_end_of_a_line_and_a_gap_says_so() -> None:
    content = b"<a\n" + b"#" * (FILE_BYTES - 8) + b"\n<b>"
    facts = list(files_of({"/x": content + b">" * 99}).autostarts(lines, "/x"))
    assert [fact.command for fact in facts if isinstance(fact, Autostart)] == ["a"]
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == ["the rest of /x"]


@pytest.mark.parametrize("entry", [Span("a", 0, 1), Entry("a", line=1, text="<a")])
def test_very_many_entries_are_cut_and_a_gap_says_so(entry: Span | Entry) -> None:
    files = files_of({"/x": "<a\n"})
    (file,) = files.texts("/x")
    assert isinstance(file, File)
    facts = list(files.entries(file, (entry for _ in range(ENTRIES_LIMIT + 1))))  # type: ignore[arg-type]
    assert len(facts) == ENTRIES_LIMIT + 1
    assert facts[-1] == Gap("test", "the rest of /x", f"more than {ENTRIES_LIMIT} entries")


def test_very_many_files_are_cut_and_one_gap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NAMES_LIMIT", 3)
    facts = list(files_of({f"/d/{n}": "x" for n in range(9)}).texts("/d/*"))
    assert [type(fact) for fact in facts] == [Gap, File, File, File]


def test_very_many_bytes_are_cut_and_each_file_that_is_left_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_BYTES", 3)
    facts = list(files_of({f"/d/{n}": "xx" for n in range(9)}).texts("/d/*"))
    assert [type(fact) for fact in facts] == [File, File] + [Gap] * 7


def test_all_files_together_are_bounded() -> None:
    contents: Contents = {f"/a/{n:03}": b"x\n" * (FILE_BYTES // 2) for n in range(70)}
    facts = list(files_of(contents).texts("/a/*"))
    assert sum(len(fact.content) for fact in facts if isinstance(fact, File)) <= TOTAL_BYTES
    assert isinstance(facts[-1], Gap)


def test_what_takes_too_long_is_left_and_a_gap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", -1.0)
    assert [type(fact) for fact in files_of({"/a": ""}).texts("/a")] == [Gap]


def test_a_long_command_is_cut() -> None:
    (found,) = files_of({"/a": ""}).autostarts(lambda _: [Entry("x" * (COMMAND_CHARACTERS + 1))], "/a")
    assert isinstance(found, Autostart)
    assert len(found.command) == COMMAND_CHARACTERS


@pytest.mark.parametrize(
    ("mode", "executable", "count"),
    [(0o100755, True, 1), (0o100644, True, 0), (0o100644, False, 1), (0o010755, True, 0)],
)
def test_scripts_are_the_files_that_run(mode: int, executable: bool, count: int) -> None:
    files = files_of({"/a/x": Held(b"", mode=mode)})
    found = list(files.scripts("/a/*", schedule=lambda script: script.place, executable=executable))
    assert [each.schedule for each in found if isinstance(each, Autostart)] == ["/a/x"] * count


def every_word(text: str) -> Iterator[Span]:
    return (Span(found[0], found.start(), found.end()) for found in re.finditer(r"\S+", text))


def test_a_long_line_of_very_many_entries_is_cut_and_a_gap_says_so() -> None:
    facts = list(files_of({"/x": "a " * (FILE_BYTES // 4)}).autostarts(every_word, "/x"))
    read = [fact for fact in facts if isinstance(fact, Autostart)]
    assert 1 < len(read) < ENTRIES_LIMIT
    assert sum(len(entry.remains or "") for entry in read) <= CHARACTERS_LIMIT
    assert len({id(entry.text) for entry in read}) == 1
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == ["the rest of /x"]
