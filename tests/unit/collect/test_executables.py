"""`davy.collect.executables`: the identity of a program file, and what its ELF headers say."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.executables import Contents, ElfFacts, elf_facts, executable
from davy.host import Denied, DirectoryRoot, Entry, Gone, Host, MemoryRoot, RecordedKernel, Refused
from davy.host.packages import packages
from davy.host.procfs import RecordedProcfs

PT_LOAD, PT_INTERP = 1, 3
SHT_PROGBITS, SHT_SYMTAB, SHT_DYNSYM = 1, 2, 11
INFO = "/var/lib/dpkg/info/"


def elf(
    programs: Sequence[int] = (PT_LOAD,), sections: Sequence[int] = (), *, wide: bool = True, order: str = "<"
) -> bytes:
    """A file of headers alone."""
    header, program, section = (64, 56, 64) if wide else (52, 32, 40)
    sections_at = header + program * len(programs) if sections else 0
    return (
        b"\x7fELF"
        + bytes([2 if wide else 1, 1 if order == "<" else 2])
        + bytes(10)
        + struct.pack(
            order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
            2, 62, 1, 0x400000, header, sections_at, 0, header, program, len(programs), section, len(sections), 0,
        )
        + b"".join(struct.pack(f"{order}I{program - 4}x", kind) for kind in programs)
        + b"".join(struct.pack(f"{order}4xI{section - 8}x", kind) for kind in sections)
    )  # fmt: skip


def said(content: bytes) -> ElfFacts:
    return elf_facts(lambda size, offset: content[offset : offset + size], len(content))


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("programs", "static"), [((PT_LOAD, PT_LOAD), True), ((PT_LOAD, PT_INTERP), False)])
@pytest.mark.parametrize(
    ("sections", "stripped"), [((), True), ((0, SHT_PROGBITS, SHT_DYNSYM), True), ((0, SHT_SYMTAB), False)]
)
def test_an_elf_file_says_whether_it_is_static_and_stripped(
    wide: bool, order: str, programs: tuple[int, ...], static: bool, sections: tuple[int, ...], stripped: bool
) -> None:
    assert said(elf(programs, sections, wide=wide, order=order)) == ElfFacts(True, static, stripped)


def test_more_sections_than_the_header_can_count_are_counted_by_the_first() -> None:
    content = bytearray(elf(sections=(0, SHT_PROGBITS, SHT_SYMTAB)))
    struct.pack_into("<H", content, 60, 0)
    struct.pack_into("<Q", content, 64 + 56 + 32, 3)
    assert said(bytes(content)).stripped is False
    struct.pack_into("<Q", content, 64 + 56 + 32, 2)
    assert said(bytes(content)).stripped is True


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7fELF", b"#!/bin/sh\n", elf()[:63], b"\x7fELF\x03\x01" + bytes(80), b"\x7fELF\x02\x03" + bytes(80)],
)
def test_what_is_no_elf_file_is_none(content: bytes) -> None:
    assert said(content) == ElfFacts()


@pytest.mark.parametrize(
    ("offset", "lie"),
    [(32, b"\xff" * 8), (54, b"\0\0"), (54, b"\x01\0"), (56, b"\0\0"), (56, b"\xff\xff")],
    ids=["headers beyond the file", "size 0", "size 1", "no headers", "more than the kernel takes"],
)
def test_program_headers_that_lie_make_nothing_static(offset: int, lie: bytes) -> None:
    content = bytearray(elf())
    content[offset : offset + len(lie)] = lie
    assert said(bytes(content)) == ElfFacts(elf=True, static=False, stripped=True)


@pytest.mark.parametrize(
    ("offset", "lie"), [(40, b"\xff" * 8), (58, b"\0\0"), (60, b"\xff\xff"), (60, b"\0\0")],
    ids=["headers beyond the file", "size 0", "too many", "none, and the first counts none"],
)  # fmt: skip
def test_section_headers_that_lie_make_nothing_stripped(offset: int, lie: bytes) -> None:
    content = bytearray(elf(sections=(0, SHT_PROGBITS)))
    content[offset : offset + len(lie)] = lie
    assert said(bytes(content)) == ElfFacts(elf=True, static=True, stripped=False)


@given(st.binary(max_size=200))
def test_headers_of_any_bytes_are_survived(content: bytes) -> None:
    for prefix in (b"", b"\x7fELF", b"\x7fELF\x02\x01", b"\x7fELF\x01\x02"):
        assert said(prefix + content) is not None


@given(st.integers(0, 183), st.binary(min_size=1, max_size=16), st.integers(0, 184))
def test_a_damaged_or_cut_elf_file_is_survived(offset: int, damage: bytes, length: int) -> None:
    content = bytearray(elf(sections=(0,)))
    content[offset : offset + len(damage)] = damage
    assert said(bytes(content[:length])) is not None


def test_a_lying_file_is_not_read_without_bound() -> None:
    asked = []

    def read_at(size: int, offset: int) -> bytes:
        asked.append(size)
        return header[offset : offset + size].ljust(size, b"\xff")

    header = bytearray(elf(sections=(0,)))
    struct.pack_into("<H", header, 60, 0xFFFF)
    elf_facts(lambda size, offset: bytes(read_at(size, offset)), 1 << 62)
    struct.pack_into("<H", header, 60, 0)
    struct.pack_into("<Q", header, 64 + 56 + 32, 1 << 63)
    elf_facts(lambda size, offset: bytes(read_at(size, offset)), 1 << 62)
    assert max(asked) <= 1 << 20


def test_a_file_at_a_path_is_identified_in_any_root(tmp_path: Path) -> None:
    content = elf(sections=(0, SHT_SYMTAB))
    (tmp_path / "x").write_bytes(content)
    (tmp_path / "x").chmod(0o4755)
    on_disk = executable(Host(DirectoryRoot(str(tmp_path))), "/x")
    stat = os.stat(tmp_path / "x")
    assert (on_disk.device, on_disk.inode, on_disk.mode) == (stat.st_dev, stat.st_ino, 0o104755)
    assert (on_disk.size, on_disk.links, on_disk.mtime) == (len(content), 1, stat.st_mtime_ns / 1e9)
    in_memory = executable(Host(MemoryRoot({"/x": Entry(content, uid=3)})), "/x")
    assert in_memory.uid == 3
    for found in (on_disk, in_memory):
        assert found.sha256 == hashlib.sha256(content).hexdigest()
        assert found.md5 == hashlib.md5(content).hexdigest()
        assert (found.elf, found.static, found.stripped) == (True, True, False)
        assert (found.owner_package, found.unmodified, found.twin) == (None, None, None)


def test_a_file_larger_than_the_limit_has_no_hash_but_its_headers(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(elf() + bytes(1000))
    found = executable(Host(DirectoryRoot(str(tmp_path))), "/x", size_limit=500)
    assert (found.size, found.sha256, found.md5, found.elf, found.static) == (len(elf()) + 1000, None, None, True, True)


def test_a_file_that_may_be_looked_at_but_not_read_has_no_hash() -> None:
    class Closed(MemoryRoot):
        def read(self, path: str, limit: int = 0) -> bytes:  # noqa: ARG002
            raise Denied(path)

    found = executable(Host(Closed({"/x": Entry(elf(), 0o100711, uid=7)})), "/x")
    assert (found.uid, found.mode, found.sha256, found.elf) == (7, 0o100711, None, False)


def test_what_is_not_there_or_not_a_regular_file_raises(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    host = Host(DirectoryRoot(str(tmp_path)))
    with pytest.raises(Gone):
        executable(host, "/x")
    for path in ("/fifo", "/"):
        with pytest.raises(Refused):
            executable(host, path)


def debian(content: bytes) -> Host:
    """A root whose package ``tool`` installed ``/usr/bin/tool`` with the content ``b"tool"``."""
    return Host(
        MemoryRoot(
            {
                INFO + "tool.list": "/usr/bin/tool\n",
                INFO + "tool.md5sums": f"{hashlib.md5(b'tool').hexdigest()}  usr/bin/tool\n",
                "/usr/bin/tool": content,
                "/tmp/copy": content,
            }
        )
    )


def test_a_packaged_file_has_an_owner_and_is_unmodified_or_not() -> None:
    host = debian(b"tool")
    found = executable(host, "/usr/bin/tool", packages=packages(host.root))
    assert (found.owner_package, found.unmodified, found.twin) == ("tool", True, None)
    host = debian(b"miner")
    found = executable(host, "/usr/bin/tool", packages=packages(host.root))
    assert (found.owner_package, found.unmodified, found.twin) == ("tool", False, None)


def test_a_copy_of_a_packaged_file_has_no_owner_but_a_twin() -> None:
    host = debian(b"tool")
    found = executable(host, "/tmp/copy", packages=packages(host.root))
    assert (found.owner_package, found.unmodified, found.twin) == (None, None, "/usr/bin/tool")
    host = debian(b"miner")
    assert executable(host, "/tmp/copy", packages=packages(host.root)).twin is None


class OneExecutable(RecordedProcfs):
    """A procfs in which every process runs the file at ``path``."""

    def __init__(self, path: Path, link: str, mountinfo: str = "") -> None:
        super().__init__({"7/exe": f"->{link}", "7/mountinfo": mountinfo})
        self.path = path

    def open(self, path: str) -> int:  # noqa: ARG002
        return os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)


def test_another_file_of_that_name_proves_nothing_against_the_package(tmp_path: Path) -> None:
    root, other = debian(b"tool").root, tmp_path / "tool"
    for content, unmodified in ((b"an older tool", None), (b"tool", True)):
        other.write_bytes(content)
        host = Host(root, RecordedKernel(OneExecutable(other, "/usr/bin/tool (deleted)")))
        found = executable(host, "/usr/bin/tool", 7, packages(root))
        assert (found.inode, found.owner_package, found.unmodified) == (other.stat().st_ino, "tool", unmodified)


def test_what_many_processes_run_is_read_once_and_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []
    monkeypatch.setattr("davy.collect.executables.digest_of", lambda descriptor, *_: hashed.append(descriptor))
    tool = tmp_path / "tool"
    host = Host(MemoryRoot({}), RecordedKernel(OneExecutable(tool, "/opt/tool")))
    contents: Contents = {}
    tool.write_bytes(b"tool")
    for _ in range(3):
        assert executable(host, "/opt/tool", 7, contents=contents).size == 4
    assert len(hashed) == 1
    tool.write_bytes(b"another")
    assert executable(host, "/opt/tool", 7, contents=contents).size == 7
    assert len(hashed) == 2


def test_a_program_on_a_file_system_that_may_never_answer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    mountinfo = "1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /mnt/far rw - fuse.sshfs far: rw\n"
    for link in ("/mnt/far/x", "/mnt/far/x (deleted)"):
        with pytest.raises(Refused, match="never answer"):
            executable(Host(MemoryRoot({}), RecordedKernel(OneExecutable(tmp_path / "x", link, mountinfo))), "/x", 7)
    near = Host(MemoryRoot({}), RecordedKernel(OneExecutable(tmp_path / "x", "/mnt/farther", mountinfo)))
    assert executable(near, "/mnt/farther", 7).size == 0


def test_what_a_process_runs_is_not_read_unless_it_is_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Refused, match="regular"):
        executable(Host(MemoryRoot({}), RecordedKernel(OneExecutable(tmp_path / "fifo", "/x"))), "/x", 7)


def test_a_process_that_is_not_there_raises() -> None:
    with pytest.raises(Gone):
        executable(Host(MemoryRoot({}), RecordedKernel(RecordedProcfs({}))), "/x", 7)
    with pytest.raises(Gone):
        executable(Host(MemoryRoot({}), RecordedKernel(RecordedProcfs({"7/exe": "->/x", "7/mountinfo": ""}))), "/x", 7)
    with pytest.raises(Refused):
        executable(Host(MemoryRoot({})), "/x", 7)
