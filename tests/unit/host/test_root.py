"""Roots: reads are bounded, never block, and never leave the root."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import DirectoryRoot, Entry, Gone, MemoryRoot, Refused
from davy.host.mounts import hanging_points, parse_mountinfo


@pytest.fixture(params=["openat2", "by component"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> DirectoryRoot:
    made = DirectoryRoot(str(tmp_path))
    made._kernel_resolves = request.param == "openat2"
    return made


def test_a_file_is_read_to_the_limit_and_no_further(root: DirectoryRoot, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 5000)
    assert root.read("/big", 4096) == b"x" * 4096
    assert root.read("/big") == b"x" * 5000


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../etc/passwd"])
def test_a_link_out_of_the_root_stays_within_it(root: DirectoryRoot, tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(Gone):
        root.read("/link")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("within")
    assert root.read("/link") == b"within"


def test_a_link_of_a_folder_on_the_way_stays_within_the_root(root: DirectoryRoot, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    with pytest.raises(Gone):
        root.read("/out/passwd")


def test_what_is_not_a_regular_file_is_refused_at_once(root: DirectoryRoot, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    (tmp_path / "folder").mkdir()
    for name in ("/fifo", "/socket", "/folder"):
        with pytest.raises(Refused):
            root.read(name)
    listening.close()


def test_a_loop_of_links_ends(root: DirectoryRoot, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(Refused):
        root.read("/a")


def test_names_in_any_encoding_come_back_as_they_are(root: DirectoryRoot, tmp_path: Path) -> None:
    name = b"\xff\n\x1b[31m"
    (Path(os.fsdecode(bytes(tmp_path) + b"/" + name))).write_bytes(b"odd")
    (found,) = root.names("/")
    assert os.fsencode(found) == name
    assert root.read(f"/{found}") == b"odd"


def test_reading_leaves_no_access_time_behind(root: DirectoryRoot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.utime(tmp_path / "file", (1, 1))
    root.read("/file")
    root.digest("/file", 100)
    assert (tmp_path / "file").stat().st_atime == 1


def test_lstat_and_readlink_see_the_link_and_stat_what_it_leads_to(root: DirectoryRoot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("four")
    (tmp_path / "link").symlink_to("file")
    assert root.lstat("/link").link
    assert root.stat("/link").size == 4
    assert root.readlink("/link") == "file"
    with pytest.raises(Refused):
        root.readlink("/file")


def test_a_folder_of_too_many_names_is_refused(
    root: DirectoryRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davy.host.root.NAMES_LIMIT", 10)
    for number in range(11):
        (tmp_path / str(number)).touch()
    with pytest.raises(Refused, match="more than 10"):
        root.names("/")


def test_a_digest_is_of_the_whole_file_or_not_given(root: DirectoryRoot, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    digest = root.digest("/file", 3)
    assert digest is not None
    assert digest.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest.md5 == "900150983cd24fb0d6963f7d28e17f72"
    assert root.digest("/file", 2) is None


def test_a_root_that_is_not_there_is_gone() -> None:
    with pytest.raises(Gone):
        DirectoryRoot("/nowhere/at/all")


@pytest.mark.parametrize("kernel_resolves", [True, False])
def test_a_mount_that_may_hang_is_kept_out_of_the_way(tmp_path: Path, kernel_resolves: bool) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share/file").write_text("x")
    (tmp_path / "link").symlink_to("share/file")
    (tmp_path / "near").write_text("y")
    root = DirectoryRoot(str(tmp_path))
    (tmp_path / "honest").symlink_to("near")
    root._hanging, root._kernel_resolves = ("/share/",), kernel_resolves
    for path in ("/share/file", "/link", "/share", "/near/../share/file", "//share//file"):
        with pytest.raises(Refused, match="never answer"):
            root.read(path)
    assert root.read("/near") == root.read("/honest") == b"y"
    assert root.readlink("/honest") == "near"


def test_mountinfo_tells_which_mounts_may_hang() -> None:
    text = (
        "22 27 0:21 / /proc rw,relatime shared:1 - proc proc rw\n"
        "30 27 0:40 / /mnt/my\\040share rw - nfs4 server:/x rw\n"
        "31 27 0:41 / /home/u/cloud rw - fuse.sshfs u@h: rw\n"
        "damaged line\n"
        "x 27 0:41 / /y rw - tmpfs y rw\n"
        "31 \u00b2 0:41 / /y rw - tmpfs y rw\n"
    )
    mounts = parse_mountinfo(text)
    assert [mount.point for mount in mounts] == ["/proc", "/mnt/my share", "/home/u/cloud"]
    assert [(mount.mount_id, mount.parent_id, mount.options) for mount in mounts[:2]] == [
        (22, 27, "rw"),
        (30, 27, "rw"),
    ]
    assert hanging_points(mounts) == ("/mnt/my share/", "/home/u/cloud/")


def test_what_is_mounted_on_an_autofs_is_read_and_an_autofs_is_not() -> None:
    autofs = "31 23 0:30 / /proc/sys/fs/binfmt_misc rw shared:1 - autofs systemd-1 rw,fd=30\n"
    over = "99 31 0:41 / /proc/sys/fs/binfmt_misc rw shared:2 - binfmt_misc binfmt_misc rw\n"
    elsewhere = "99 23 0:41 / /proc/sys/fs/binfmt_misc rw shared:2 - binfmt_misc binfmt_misc rw\n"
    assert hanging_points(parse_mountinfo(autofs + over)) == ()
    assert hanging_points(parse_mountinfo(autofs)) == ("/proc/sys/fs/binfmt_misc/",)
    assert hanging_points(parse_mountinfo(autofs + elsewhere)) == ("/proc/sys/fs/binfmt_misc/",)


def test_a_mount_is_not_hidden_by_line_ends_in_its_path() -> None:
    (mount,) = parse_mountinfo("30 27 0:40 / /a\x0cb\u2028c\r rw - tmpfs x rw\n")
    assert mount.point == "/a\x0cb\u2028c\r"


@given(st.text(max_size=200))
def test_whatever_a_mount_table_holds_is_read_or_passed_over(text: str) -> None:
    assert len(parse_mountinfo(text)) <= text.count("\n") + 1


def test_a_tree_in_memory_answers_like_a_folder() -> None:
    root = MemoryRoot(
        {
            "/etc/crontab": "line\n",
            "/link": Entry(target="etc/crontab"),
            "/out": Entry(target="/../../etc/crontab"),
            "/loop": Entry(target="loop"),
            "/fifo": Entry(mode=0o010644),
        }
    )
    assert root.read("/link") == root.read("/out") == b"line\n"
    assert root.names("/") == ["etc", "fifo", "link", "loop", "out"]
    assert root.lstat("/link").link
    assert root.stat("/etc").directory
    for path in ("/loop", "/fifo", "/etc"):
        with pytest.raises(Refused):
            root.read(path)
    with pytest.raises(Gone):
        root.read("/nothing")
