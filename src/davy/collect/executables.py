"""The identity of a program file: where and what it is, its hashes, its ELF facts, the package it came with.

Source: stat(2), statx(2), elf(5), proc_pid_exe(5).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, NamedTuple

from davy.host import Denied, DirectoryRoot, Host, HostError, Refused
from davy.host.digests import IDENTITY, Digest, SumKind, digest_of
from davy.host.errors import mapped
from davy.host.mounts import hanging_points, parse_mountinfo
from davy.host.packages import PackageDatabase
from davy.host.procfs import FILE_LIMIT, Procfs
from davy.host.root import FileStat, Root, file_stat
from davy.host.syscalls import birth_time
from davy.model.facts import Executable

SIZE_LIMIT: Final = 256 << 20
"""Bytes of a program that are hashed unless the caller says otherwise."""

_PT_INTERP: Final = 3
_SHT_SYMTAB: Final = 2
_PROGRAM_HEADERS_LIMIT: Final = 65_536
_SECTION_HEADERS_LIMIT: Final = 1 << 20

ReadAt = Callable[[int, int], bytes]
"""Size and offset to the bytes there, fewer where the file ends."""


class _Layout(NamedTuple):
    """How one class and byte order of ELF is laid out: of a row only its type is read, of a section its size too."""

    header: struct.Struct
    program: struct.Struct
    section: struct.Struct


class _Header(NamedTuple):
    layout: _Layout
    programs_at: int
    sections_at: int
    program_size: int
    programs: int
    section_size: int
    sections: int


_LAYOUTS: Final = {
    (width, number): _Layout(*(struct.Struct(order + format_) for format_ in formats))
    for width, formats in (
        (1, ("28xII6xHHHH2x", "I28x", "4xI12xI16x")),
        (2, ("32xQQ6xHHHH2x", "I52x", "4xI24xQ24x")),
    )
    for number, order in ((1, "<"), (2, ">"))
}
"""By the bytes EI_CLASS and EI_DATA."""


class ElfFacts(NamedTuple):
    """See the fields of the same names of `davy.model.facts.Executable`."""

    elf: bool = False
    static: bool = False
    stripped: bool = False


class _Content(NamedTuple):
    stat: FileStat
    digest: Digest | None = None
    facts: ElfFacts = ElfFacts()


class _Hashing(NamedTuple):
    size_limit: int
    kinds: frozenset[SumKind]


Contents = dict[FileStat, _Content]
"""What was read of files so far, by all that stat(2) says of each: what many processes run is hashed once."""


class _Provenance(NamedTuple):
    owner: str | None = None
    unmodified: bool | None = None
    twin: str | None = None


def executable(
    host: Host,
    path: str,
    pid: int | None = None,
    packages: PackageDatabase | None = None,
    size_limit: int = SIZE_LIMIT,
    contents: Contents | None = None,
) -> Executable:
    """The identity of the program file ``path``.

    With ``pid`` it is what that process runs, read through the kernel's own link, deleted or never on disk though
    it may be; ``path`` is then only its name.  Nothing is hashed beyond ``size_limit`` bytes, or where the file may
    be looked at but not read.

    With ``packages``: ``owner_package`` goes by the path.  ``unmodified`` goes by the content, and is False only
    where the very file at that path differs: a process that runs an older or another container's file of that name
    proves nothing against the package (None).  ``twin`` is looked for when nobody owns the path.

    Give the same ``contents`` to all calls of one scan, and no longer.

    Raises `HostError`: `Gone` when process or file has vanished or is a kernel thread's, `Denied`, and `Refused`
    for what is not a regular file or lies on a file system that may never answer.
    """
    known = contents if contents is not None else {}
    hashing = _Hashing(size_limit, packages.kinds.union(IDENTITY) if packages else frozenset(IDENTITY))
    content = _of_process(host, pid, path, hashing, known) if pid else _at_path(host.root, path, hashing, known)
    stat, digest, facts = content
    provenance = _provenance(host.root, path, content, packages) if packages else _Provenance()
    return Executable(
        path=path, device=stat.device, inode=stat.inode, size=stat.size, mode=stat.mode, uid=stat.uid,
        links=stat.links, mtime=stat.mtime, ctime=stat.ctime, birth=stat.birth,
        sha256=digest.sha256 if digest else None, md5=digest.md5 if digest else None,
        elf=facts.elf, static=facts.static, stripped=facts.stripped,
        owner_package=provenance.owner, unmodified=provenance.unmodified, twin=provenance.twin,
    )  # fmt: skip


def elf_facts(read_at: ReadAt, size: int) -> ElfFacts:
    """What the headers of a file of ``size`` bytes say.  Believes no header that lies, and raises only what
    ``read_at`` raises.

    A program whose header names no sections at all (``sstrip``, UPX) is stripped; one whose section headers are not
    where the header says is not said to be.
    """
    header = _header(read_at(_LAYOUTS[2, 1].header.size, 0))
    if header is None:
        return ElfFacts()
    layout = header.layout

    def rows(at: int, row: struct.Struct, row_size: int, count: int, limit: int) -> list[tuple[int, ...]]:
        """The rows of one table; none when it does not lie within the file or is larger than ``limit`` bytes."""
        length = row.size * count
        if row_size != row.size or length > limit or at + length > size:
            return []
        data = read_at(length, at)
        return list(row.iter_unpack(data)) if len(data) == length else []

    programs = rows(header.programs_at, layout.program, header.program_size, header.programs, _PROGRAM_HEADERS_LIMIT)
    count = header.sections
    if header.sections_at and not count:  # more than the field can hold: the first section's size says how many
        first = rows(header.sections_at, layout.section, header.section_size, 1, _SECTION_HEADERS_LIMIT)
        count = first[0][1] if first else 0
    sections = rows(header.sections_at, layout.section, header.section_size, count, _SECTION_HEADERS_LIMIT)
    return ElfFacts(
        elf=True,
        static=bool(programs) and all(kind != _PT_INTERP for (kind,) in programs),
        stripped=not header.sections_at or (bool(sections) and all(kind != _SHT_SYMTAB for kind, _ in sections)),
    )


def _header(head: bytes) -> _Header | None:
    layout = _LAYOUTS.get((head[4], head[5])) if head.startswith(b"\x7fELF") and len(head) > 5 else None
    if layout is None or len(head) < layout.header.size:
        return None
    return _Header(layout, *layout.header.unpack_from(head))


def _of_descriptor(descriptor: int, path: str, hashing: _Hashing, known: Contents) -> _Content:
    stat = file_stat(os.fstat(descriptor), birth_time(descriptor))
    if not stat.regular:
        raise Refused(f"{path}: not a regular file")
    if stat not in known:
        facts = elf_facts(lambda size, offset: os.pread(descriptor, size, offset), stat.size)
        known[stat] = _Content(stat, digest_of(descriptor, *hashing), facts)
    return known[stat]


def _at_path(root: Root, path: str, hashing: _Hashing, known: Contents) -> _Content:
    try:
        if isinstance(root, DirectoryRoot):
            with root.open_regular(path) as descriptor:
                return _of_descriptor(descriptor, path, hashing, known)
        content = root.read(path, hashing.size_limit)
    except Denied:
        return _Content(_regular(root, path))
    facts = elf_facts(lambda size, offset: content[offset : offset + size], len(content))
    return _Content(_regular(root, path), root.digest(path, *hashing), facts)


def _regular(root: Root, path: str) -> FileStat:
    stat = root.stat(path)
    if not stat.regular:
        raise Refused(f"{path}: not a regular file")
    return stat


def _of_process(host: Host, pid: int, path: str, hashing: _Hashing, known: Contents) -> _Content:
    if host.kernel is None:
        raise Refused(f"{pid}/exe: not a live host")
    with opened_image(host.kernel.procfs, pid) as descriptor:
        return _of_descriptor(descriptor, path, hashing, known)


@contextmanager
def opened_image(procfs: Procfs, pid: int) -> Iterator[int]:
    """A descriptor to read what a process runs by.  Raises `HostError`."""
    link = f"{pid}/exe"
    if procfs.link(link).startswith(_hanging(procfs.read(f"{pid}/mountinfo", FILE_LIMIT))):
        raise Refused(f"{link}: on a network or FUSE file system, which may never answer")
    descriptor = procfs.open(link)
    try:
        yield descriptor
    except OSError as error:
        raise mapped(error, link) from None
    finally:
        os.close(descriptor)


@lru_cache(maxsize=4)
def _hanging(mountinfo: bytes) -> tuple[str, ...]:
    """Where not to read in one mount namespace; most processes share theirs."""
    return hanging_points(parse_mountinfo(os.fsdecode(mountinfo)))


def _provenance(root: Root, path: str, content: _Content, packages: PackageDatabase) -> _Provenance:
    owner, digest = packages.owners([path]).get(path), content.digest
    if digest is None:
        return _Provenance(owner)
    if owner is None:
        return _Provenance(twin=packages.twin(digest))
    unmodified = packages.unmodified(path, owner, digest)
    if unmodified is False and not _lies_at(root, path, content.stat):
        unmodified = None
    return _Provenance(owner, unmodified)


def _lies_at(root: Root, path: str, stat: FileStat) -> bool:
    try:
        there = root.stat(path)
    except HostError:
        return False
    return (there.device, there.inode) == (stat.device, stat.inode)
