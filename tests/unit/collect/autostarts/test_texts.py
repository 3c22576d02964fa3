"""Texts of files that hold entries, read within bounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davy.collect.autostarts import AUTOSTARTS
from davy.collect.autostarts.texts import ENTRIES_LIMIT, FILE_BYTES, TOTAL_BYTES, Entry, Text, Texts
from davy.host import DirectoryRoot, Host, MemoryRoot, at, live
from davy.host import Entry as File
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PLACES = (
    "/etc/systemd/system-generators/x", "/etc/systemd/system-sleep/x", "/var/lib/systemd/linger/ada", "/etc/init.d/x",
    "/etc/rc2.d/S01x", "/etc/runlevels/default/x", "/etc/local.d/x.start", "/etc/default/x", "/etc/rc.local",
    "/etc/inittab", "/etc/profile", "/etc/profile.d/x.sh", "/etc/profile.d/x.csh", "/etc/fish/conf.d/x.fish",
    "/home/ada/.bashrc", "/etc/environment", "/etc/security/pam_env.conf", "/etc/systemd/system.conf",
    "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/x.conf", "/etc/pam.conf", "/etc/pam.d/x",
    "/etc/sudoers", "/etc/sudoers.d/x", "/etc/update-motd.d/x", "/home/ada/.ssh/authorized_keys",
    "/etc/ssh/sshd_config", "/home/ada/.ssh/config", "/home/ada/.ssh/rc",
)  # fmt: skip
PASSWD = "ada:x:1000:1000::/home/ada:/bin/bash\n"
READERS = [pytest.param(reader, id=reader.__name__) for _, reader in AUTOSTARTS]
Reader = Callable[[Host], Iterator[Autostart | Gap]]


def test_a_file_is_read_once_by_whatever_name_and_told_under_its_own() -> None:
    texts = Texts(Host(MemoryRoot({"/a": "x\n", "/b": File(target="a")})), "test")
    (found,) = [*texts.read("/b"), *texts.read("/a"), *texts.read("/gone")]
    assert isinstance(found, Text)
    assert (found.path, found.content) == ("/a", "x\n")


def test_of_a_huge_file_whole_lines_are_read_and_a_gap_says_so() -> None:
    texts = Texts(Host(MemoryRoot({"/a": b"x\n" + b"y" * FILE_BYTES})), "test")
    gap, found = texts.read("/a")
    assert isinstance(gap, Gap)
    assert isinstance(found, Text)
    assert found.content == "x\n"


def test_all_files_together_are_bounded() -> None:
    files: dict[str, bytes | str | File] = {f"/a/{n:03}": b"x\n" * (FILE_BYTES // 2) for n in range(70)}
    found = list(Texts(Host(MemoryRoot(files)), "test").folder("/a"))
    assert sum(len(file.content) for file in found if isinstance(file, Text)) <= TOTAL_BYTES
    assert isinstance(found[-1], Gap)


def test_who_fills_a_home_uses_up_nothing_of_the_others() -> None:
    files: dict[str, bytes | str | File] = {f"/a/{n}": b"x\n" * (FILE_BYTES // 2) for n in range(4)}
    texts = Texts(Host(MemoryRoot({**files, "/b/x": "x\n"})), "test")
    texts.next_home("/a")
    assert [type(fact) for fact in texts.folder("/a")] == [Text, Text, Gap, Gap]
    texts.next_home("/b")
    assert [type(fact) for fact in texts.folder("/b")] == [Text]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_in_a_home_only_what_its_owner_may_read_is_read(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    home = tmp_path / "home/ada"
    home.mkdir(parents=True)
    for path, owner, mode in ((tmp_path / "etc/shadow", 0, 0o640), (home / ".bashrc", 1000, 0o600)):
        path.write_text("x\n")
        os.chown(path, owner, owner)
        path.chmod(mode)
    (home / ".profile").symlink_to("../../etc/shadow")
    os.chown(home, 1000, 1000)
    texts = Texts(Host(DirectoryRoot(str(tmp_path))), "test")
    texts.next_home("/home/ada")
    assert list(texts.read("/home/ada/.profile")) == []
    assert len(list(texts.read("/home/ada/.bashrc"))) == 1


def test_entries_of_one_file_are_bounded() -> None:
    texts = Texts(Host(MemoryRoot({"/a": "x\n"})), "test")
    (file,) = texts.read("/a")
    assert isinstance(file, Text)
    found = list(texts.entries(file, AutostartKind.PAM, (Entry(n, "x", "x") for n in range(ENTRIES_LIMIT + 1))))
    assert len(found) == ENTRIES_LIMIT + 1
    assert isinstance(found[-1], Gap)


@pytest.mark.parametrize("place", PLACES)
def test_a_fifo_a_loop_or_a_folder_in_any_place_is_at_most_a_gap(place: str, tmp_path: Path) -> None:
    for number, make in enumerate((os.mkfifo, os.mkdir, lambda path: os.symlink(os.path.basename(path), path))):
        root = tmp_path / str(number)
        path = root / place.lstrip("/")
        path.parent.mkdir(parents=True)
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc/passwd").write_text(PASSWD)
        make(str(path))
        host = Host(DirectoryRoot(str(root)))
        found = [fact for _, reader in AUTOSTARTS for fact in reader(host)]
        assert [fact for fact in found if isinstance(fact, Autostart)] == []


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_whatever_the_files_hold_every_reader_reads_them(reader: Reader, content: bytes) -> None:
    root = MemoryRoot({"/etc/passwd": PASSWD} | {place: File(content, mode=0o100755) for place in PLACES})
    rows = [row.removesuffix("\r") for row in os.fsdecode(content).split("\n")]
    found = [fact for fact in reader(Host(root)) if isinstance(fact, Autostart)]
    assert len({fact.subject for fact in found}) == len(found)
    for fact in found:
        if fact.line is not None:
            assert fact.text == "\n".join(rows[fact.line - 1 : fact.end_line or fact.line])
        assert all(program.startswith("/") for program in fact.programs)


@pytest.mark.live
@pytest.mark.parametrize("reader", READERS)
def test_on_this_host_every_fact_is_an_autostart_or_a_gap(reader: Reader) -> None:
    host = live()
    for fact in reader(host):
        assert isinstance(fact, Autostart | Gap)
        if isinstance(fact, Autostart):
            assert fact.path.startswith("/")
            assert fact.mtime
            assert all(program.startswith("/") for program in fact.programs)


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("/tmp/x\n")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/rc.local").symlink_to("../../outside")
    (root / "etc/profile").symlink_to(tmp_path / "outside")
    host = at(str(root))
    assert [fact for _, reader in AUTOSTARTS for fact in reader(host)] == []
