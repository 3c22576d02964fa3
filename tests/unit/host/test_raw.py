"""What is asked of the kernel itself is what the C library says on an honest machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from davy.host import raw


def test_a_file_is_read_as_far_as_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    assert raw.read(os.fsencode(path), 1 << 20) == path.read_bytes()
    assert raw.read(os.fsencode(path), 70_000) == b"x" * 70_000


def test_a_folder_is_listed_whole(tmp_path: Path) -> None:
    names = {f"{number:03}-" + "n" * (number % 200) for number in range(3000)} | {"\udcff"}
    for name in names:
        (tmp_path / name).touch()
    assert sorted(map(os.fsdecode, raw.names(os.fsencode(tmp_path), 10_000))) == sorted(names)
    assert len(raw.names(os.fsencode(tmp_path), 10)) == 10


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    for ask in (raw.read, raw.names):
        with pytest.raises(FileNotFoundError):
            ask(os.fsencode(tmp_path / "none"), 10)


def test_the_descriptors_are_closed(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    raw.names(os.fsencode(tmp_path), 10)
    raw.read(b"/proc/self/stat", 10)
    assert os.listdir("/proc/self/fd") == before


def test_the_loader_s_list_begins_with_the_program_and_holds_the_c_library() -> None:
    objects = raw.loaded_objects()
    names = [os.path.basename(each.name) for each in objects]
    assert names[0] == ""
    assert "libc.so.6" in names
    assert "libc.so.6" in {name for each in objects if each.name != "linux-vdso.so.1" for name in raw.needed(each)}


def test_mappings_of_files_are_told_from_others() -> None:
    text = (
        b"00400000-00401000 r-xp 00001000 08:01 7 /usr/bin/a b\n"
        b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
        b"7f0000002000-7f0000003000 r--p 00000000 08:01 8 /tmp/x.so (deleted)\n"
        b"7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]\n"
    )
    assert raw.parse_maps(text) == [
        raw.MappedFile(0x400000, 0x401000, "r-xp", 0x1000, "/usr/bin/a b"),
        raw.MappedFile(0x7F0000002000, 0x7F0000003000, "r--p", 0, "/tmp/x.so (deleted)"),
    ]
    assert [each.executable for each in raw.parse_maps(text)] == [True, False]
