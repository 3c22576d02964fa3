"""Installs packages into a folder as pacman leaves them: their files, and its database in the formats it writes.

Source: the local database of libalpm (``desc``, ``files``, ``mtree``), mtree(5), alpm-hooks(5).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct

DATABASE = "var/lib/pacman/local"
BUILT = 1_600_000_000
INSTALLED = 1_602_000_000


class Package(Struct, frozen=True, kw_only=True):
    """One package.  Paths are relative to the root, as pacman writes them."""

    name: str
    version: str
    files: dict[str, str]
    programs: tuple[str, ...] = ()
    """Files besides, each with a content of its own, that may be executed."""
    links: dict[str, str] = {}
    folders: tuple[str, ...] = ()
    """Folders that hold none of its files."""
    backup: tuple[str, ...] = ()
    """Those of its files that are an administrator's to change."""

    @property
    def contents(self) -> dict[str, bytes]:
        programs = {path: b"\x7fELF\x02\x01\x01" + f"{self.name} {path}".encode() for path in self.programs}
        return {path: text.encode() for path, text in self.files.items()} | programs

    def parents(self) -> Iterator[str]:
        """Every folder that it has, outermost first."""
        paths = (*self.files, *self.programs, *self.links)
        found = {str(each) for path in paths for each in PurePosixPath(path).parents} | set(self.folders)
        yield from sorted(found - {"."})


def install(root: Path, packages: tuple[Package, ...]) -> None:
    """Put packages below ``root``, and say so in the database."""
    database = root / DATABASE
    database.mkdir(parents=True)
    (database / "ALPM_DB_VERSION").write_text("9\n")
    for package in packages:
        for folder in package.parents():
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path, content in package.contents.items():
            (root / path).write_bytes(content)
            (root / path).chmod(_mode(package, path))
        for path, target in package.links.items():
            (root / path).symlink_to(target)
        entry = database / f"{package.name}-{package.version}"
        entry.mkdir()
        (entry / "desc").write_text(_desc(package))
        (entry / "files").write_text(_files(package))
        (entry / "mtree").write_bytes(gzip.compress(_mtree(package).encode(), mtime=0))


def _mode(package: Package, path: str) -> int:
    return 0o755 if path in package.programs or package.files[path].startswith("#!") else 0o644


def _desc(package: Package) -> str:
    size = sum(map(len, package.contents.values()))
    fields = {
        "NAME": package.name, "VERSION": package.version, "BASE": package.name, "DESC": f"What {package.name} does",
        "URL": "https://archlinux.org/", "ARCH": "x86_64", "BUILDDATE": BUILT, "INSTALLDATE": INSTALLED,
        "PACKAGER": "A Packager <packager@example.org>", "SIZE": size, "REASON": 1, "LICENSE": "GPL",
        "VALIDATION": "pgp",
    }  # fmt: skip
    return "".join(f"%{name}%\n{value}\n\n" for name, value in fields.items())


def _files(package: Package) -> str:
    folders = {f"{folder}/" for folder in package.parents()}
    lines = ["%FILES%", *sorted(folders | package.contents.keys() | package.links.keys()), ""]
    if package.backup:
        lines += ["%BACKUP%", *(f"{path}\t{_md5(package.contents[path])}" for path in package.backup), ""]
    return "\n".join(lines) + "\n"


def _mtree(package: Package) -> str:
    lines = ["#mtree", "/set type=file uid=0 gid=0 mode=644"]
    information = f"pkgname = {package.name}\npkgver = {package.version}\n".encode()
    lines += [_file("./.BUILDINFO", information, None), _file("./.PKGINFO", information, None)]
    folders = tuple(package.parents())
    for path in sorted({*folders, *package.contents, *package.links}):
        name = "./" + _escaped(path)
        if path in folders:
            lines.append(f"{name} time={BUILT}.0 mode=755 type=dir")
        elif path in package.links:
            lines.append(f"{name} time={BUILT}.0 mode=777 type=link link={_escaped(package.links[path])}")
        else:
            mode = _mode(package, path)
            lines.append(_file(name, package.contents[path], None if mode == 0o644 else mode))
    return "\n".join(lines) + "\n"


def _file(name: str, content: bytes, mode: int | None) -> str:
    words = [name, f"time={BUILT}.0", *([f"mode={mode:o}"] if mode is not None else []), f"size={len(content)}"]
    return " ".join([*words, f"md5digest={_md5(content)}", f"sha256digest={hashlib.sha256(content).hexdigest()}"])


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _escaped(path: str) -> str:
    """A name as mtree(5) writes it: what is not plain becomes three octal digits."""
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b"#\\=" else f"\\{byte:03o}" for byte in path.encode()
    )
