"""Package databases built from their formats, and the files that their packages installed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from davy.host import Entry


class Item(NamedTuple):
    """Something that a package installed."""

    path: str
    content: bytes | None = None
    """None for a folder, or a link."""
    mode: int = 0o644
    target: str | None = None
    configuration: bool = False
    ghost: bool = False
    state: int = 0

    @property
    def link(self) -> bool:
        return self.target is not None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0] + "/"


Packages = Mapping[str, Sequence[Item]]
Files = dict[str, bytes | str | Entry]

ONE = (
    Item("/etc/one.conf", b"conf", configuration=True),
    Item("/usr/bin/alias", mode=0o777, target="tool"),
    Item("/usr/bin/tool", b"tool", mode=0o4755),
    Item("/usr/lib/empty", b""),
    Item("/usr/share/odd name é#=\\x", b"odd"),
)
TWO = (Item("/usr/bin/two", b"two", mode=0o755), Item("/usr/share/two/tool", b"another"))


def installed(packages: Packages) -> Files:
    """The files of all packages as they were installed."""
    return {
        item.path: Entry(item.content or b"", 0o100000 | item.mode, target=item.target)
        for items in packages.values()
        for item in items
        if item.link or item.content is not None
    }


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def dpkg(packages: Packages) -> Files:
    files: Files = {}
    status = ""
    for name, items in packages.items():
        base = f"/var/lib/dpkg/info/{name}"
        files[f"{base}.list"] = "".join(f"{path}\n" for path in ("/.", *(item.path for item in items))).encode()
        files[f"{base}.md5sums"] = "".join(
            f"{md5(item.content)}  {item.path[1:]}\n"
            for item in items
            if item.content is not None and not item.configuration
        ).encode()
        conffiles = "".join(f"\n {item.path} {md5(item.content or b'')}" for item in items if item.configuration)
        told = f"\nConffiles:{conffiles}" if conffiles else ""
        status += f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64{told}\nDescription: x\n y\n\n"
    return files | {"/var/lib/dpkg/status": status}


def static(packages: Packages) -> Files:
    return {
        f"/var/lib/dpkg/status.d/{name}.md5sums": "".join(
            f"{md5(item.content)}  {item.path[1:]}\n" for item in items if item.content is not None
        )
        for name, items in packages.items()
    }


def apk(packages: Packages) -> Files:
    text = ""
    for name, items in packages.items():
        text += f"C:Q1abc=\nP:{name}\nV:1-r0\nA:x86_64\nT:x\n"
        for folder in sorted({item.folder for item in items}):
            text += f"F:{folder.strip('/')}\nM:0:0:755\n"
            for item in items:
                if item.folder == folder:
                    hashed = (item.target or "").encode() if item.link else item.content or b""
                    mode = f"a:0:0:{item.mode:o}\n" if item.mode != 0o644 else ""
                    sum_ = base64.b64encode(hashlib.sha1(hashed).digest()).decode()
                    text += f"R:{item.name}\n{mode}Z:Q1{sum_}\n"
        text += "\n"
    return {"/lib/apk/db/installed": text}


def mtree(items: Sequence[Item]) -> bytes:
    text = "#mtree\n/set type=file uid=0 gid=0 mode=644\n./.PKGINFO time=1.0 size=3\n"
    for item in items:
        name = re.sub(rb"[^!-~]|[#=\\]", lambda char: b"\\%03o" % char[0][0], item.path.encode()).decode()
        told = "" if item.mode == 0o644 else f" mode={item.mode:o}"
        if item.link:
            told += f" type=link link={item.target}"
        elif item.content is None:
            told += " type=dir"
        else:
            sha256 = hashlib.sha256(item.content).hexdigest()
            told += f" size={len(item.content)} md5digest={md5(item.content)} sha256digest={sha256}"
        text += f".{name} time=1.0{told}\n"
    return gzip.compress(text.encode())


def pacman(packages: Packages) -> Files:
    files: Files = {"/var/lib/pacman/local/ALPM_DB_VERSION": "9\n"}
    for name, items in packages.items():
        base = f"/var/lib/pacman/local/{name}-1:2.0-3"
        listed = "".join(f"{item.path[1:]}{'/' if item.content is None and not item.link else ''}\n" for item in items)
        backup = "".join(f"{item.path[1:]}\t{md5(item.content or b'')}\n" for item in items if item.configuration)
        files |= {
            f"{base}/desc": f"%NAME%\n{name}\n\n%VERSION%\n1:2.0-3\n\n",
            f"{base}/files": f"%FILES%\n{listed}\n" + (f"%BACKUP%\n{backup}\n" if backup else ""),
            f"{base}/mtree": mtree(items),
        }
    return files


def header(name: str, items: Sequence[Item], *, kind: int | None = 8) -> bytes:
    """An rpm header as a database keeps it, without its region."""
    folders = sorted({item.folder for item in items})
    hashed = {8: hashlib.sha256, 1: hashlib.md5, None: hashlib.md5}.get(kind, hashlib.sha256)

    def words(values: Sequence[int], letter: str) -> bytes:
        return struct.pack(f">{len(values)}{letter}", *values)

    def strings(values: Sequence[str]) -> bytes:
        return b"".join(value.encode() + b"\0" for value in values)

    def file_mode(item: Item) -> int:
        return (0o120000 if item.link else 0o040000 if item.content is None else 0o100000) | item.mode

    digests = [hashed(item.content).hexdigest() if item.content is not None else "" for item in items]
    flags = [item.configuration | item.ghost << 6 for item in items]
    tags = [(1000, 6, 1, strings([name])), (1001, 6, 1, strings(["1.0"]))]
    if items:
        tags += [
            (1029, 1, len(items), words([item.state for item in items], "B")),
            (1030, 3, len(items), words([file_mode(item) for item in items], "H")),
            (1035, 8, len(items), strings(digests)),
            (1036, 8, len(items), strings([item.target or "" for item in items])),
            (1037, 4, len(items), words(flags, "I")),
            (1116, 4, len(items), words([folders.index(item.folder) for item in items], "I")),
            (1117, 8, len(items), strings([item.name for item in items])),
            (1118, 8, len(folders), strings(folders)),
        ]
        if kind is not None:
            tags.append((5011, 4, 1, words([kind], "I")))
    index, store = b"", b""
    for tag, type_, count, value in tags:
        store += b"\0" * (-len(store) % 4)
        index += struct.pack(">IIII", tag, type_, len(store), count)
        store += value
    return struct.pack(">II", len(tags), len(store)) + index + store


def headers(packages: Packages) -> list[bytes]:
    return [header(name, items) for name, items in packages.items()]


def sqlite_files(blobs: Sequence[bytes], *, late: Sequence[bytes] = (), page_size: int = 4096) -> tuple[bytes, bytes]:
    """A database of rpm's and its log, in which are those that came late."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rpmdb.sqlite")
        database = sqlite3.connect(path)
        try:
            database.execute(f"PRAGMA page_size = {page_size}")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE 'Basenames' (key TEXT, hnum INTEGER, idx INTEGER)")
            database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
            for part in (blobs, late):
                database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in part])
                database.commit()
                if part is blobs:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return path.read_bytes(), Path(f"{path}-wal").read_bytes()
        finally:
            database.close()


def ndb_file(blobs: Sequence[bytes]) -> bytes:
    """Its first slot is free, as after a removal."""
    pages = (32 + 16 * (len(blobs) + 1)) // 4096 + 1
    slots, data, block = struct.pack("<4sIII", b"Slot", 0, 0, 0), b"", pages * 4096 // 16
    for number, blob in enumerate(blobs, 1):
        stored = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob + b"\0" * (-(16 + len(blob) + 12) % 16)
        stored += struct.pack("<II4s", 0, len(blob), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, block + len(data) // 16, len(stored) // 16)
        data += stored
    slots += struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((pages * 4096 - 32 - len(slots)) // 16)
    return struct.pack("<4sIII16x", b"RpmP", 0, 1, pages) + slots + data


def berkeley_file(blobs: Sequence[bytes], *, order: str = "<", page_size: int = 512) -> bytes:
    """A hash of one bucket, all of whose pairs are on one page, and the chains of their values."""
    room = page_size - 26

    def page(number: int, following: int, entries: int, used: int, kind: int, body: bytes) -> bytes:
        head = struct.pack(f"{order}8xIIIHHBB", number, 0, following, entries, used, 1, kind)
        return head + body.ljust(room, b"\0")

    pages, pairs = [], []
    for number, blob in enumerate(blobs, 1):
        pairs.append((b"\1" + struct.pack(f"{order}I", number), (2 + len(pages), len(blob))))
        parts = [blob[start : start + room] for start in range(0, len(blob), room)]
        for part in parts:
            here = 2 + len(pages)
            last = part is parts[-1]
            pages.append(page(here, 0 if last else here + 1, 1, len(part), 7, part))
    body, offsets, at = bytearray(room), [], page_size
    for key, (first, length) in pairs:
        for stored in (key, struct.pack(f"{order}B3xII", 3, first, length)):
            at -= len(stored)
            offsets.append(at)
            body[at - 26 : at - 26 + len(stored)] = stored
    struct.pack_into(f"{order}{len(offsets)}H", body, 0, *offsets)
    table = page(1, 0, len(offsets), at, 13, bytes(body))
    meta = bytearray(page_size)
    struct.pack_into(f"{order}III", meta, 12, 0x061561, 9, page_size)
    struct.pack_into(f"{order}I", meta, 32, 1 + len(pages))
    return bytes(meta) + table + b"".join(pages)


def rpm_sqlite(packages: Packages) -> Files:
    database, _ = sqlite_files(headers(packages))
    return {"/usr/lib/sysimage/rpm/rpmdb.sqlite": database}


def rpm_ndb(packages: Packages) -> Files:
    return {"/usr/lib/sysimage/rpm/Packages.db": ndb_file(headers(packages))}


def rpm_berkeley(packages: Packages) -> Files:
    return {"/var/lib/rpm/Packages": berkeley_file(headers(packages))}


FORMATS: dict[str, Callable[[Packages], Files]] = {
    each.__name__: each for each in (dpkg, static, apk, pacman, rpm_sqlite, rpm_ndb, rpm_berkeley)
}
