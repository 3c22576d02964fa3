"""System tools that are not as their package installed them: replaced, wrapped, renamed, locked or missing.

Only what a package installed is claimed: links of busybox, alternatives and diversions are nobody's content.
Source: the package databases, see `davy.host.packages`; the tools are those of ``knowledge/system_tools.toml``.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from davy.collect.executables import executable
from davy.host import Gone, Host, HostError
from davy.host.packages import PackageDatabase, Sum
from davy.knowledge.system_tools import tools
from davy.model.facts import Gap
from davy.model.tools import SystemTool, Tampering

TEXT_BYTES: Final = 2048
"""What is kept of a script that wraps a tool."""
_COLLECTOR: Final = "system tools"
_STRANGERS_LIMIT: Final = 256
_STRANGERS_BYTES: Final = 64 << 20
_TOOL_BYTES: Final = 16 << 20
_DATABASES: Final = (
    ("dpkg", ("/var/lib/dpkg/info", "/var/lib/dpkg/status.d")),
    ("rpm", ("/usr/lib/sysimage/rpm", "/var/lib/rpm")),
    ("apk", ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")),
    ("pacman", ("/var/lib/pacman/local",)),
)


def tool_paths() -> Iterator[str]:
    """Everywhere a tool may have been installed."""
    return (f"{folder}/{name}" for folder in tools().folders for name in tools().names)


def system_tools(host: Host, database: PackageDatabase) -> Iterator[SystemTool | Gap]:
    """The tools that were tampered with.

    A package of which no tool is left at all was slimmed away, and its missing ones are not told.
    """
    there, missing = _installed(host, database)
    kind = _database(host)
    gone = (
        SystemTool(path=path, package=package, tampering=Tampering.MISSING, database=kind)
        for path, package in missing.items()
    )
    found = [*_changed(host, database, there, kind), *gone]
    tampered = [one for one in found if isinstance(one, SystemTool)]
    names = _renamed(host, database, tampered) if tampered else {}
    left = set(there.values())
    for one in found:
        if not isinstance(one, SystemTool):
            yield one
        elif one.path not in names:
            if one.tampering is not Tampering.MISSING or one.package in left:
                yield one
        elif one.tampering is Tampering.MISSING:
            yield msgspec.structs.replace(one, tampering=Tampering.RENAMED, renamed_to=names[one.path])
        else:
            yield msgspec.structs.replace(one, renamed_to=names[one.path])
    yield from _shadows(host, there, kind)


def _installed(host: Host, database: PackageDatabase) -> tuple[dict[str, str], dict[str, str]]:
    """The tools whose content a package knows, with the package: those that are there, each once, and those that are
    not.  What is only a link to another program is no content.
    """
    owners = database.owners(tool_paths())
    there: dict[str, str] = {}
    seen, present = set[tuple[int, int]](), set[str]()
    for path, package in sorted(owners.items(), key=lambda item: not item[0].startswith("/usr/")):
        try:
            stat = host.root.stat(path)
        except HostError:
            continue
        if stat.regular and ((stat.device, stat.inode) not in seen or not stat.inode):
            seen.add((stat.device, stat.inode))
            present.add(_base(path))
            expected = database.expected(path)
            if expected is not None and expected.sum is not None:
                there[path] = package
    lost = {path: package for path, package in database.missing(owners).items() if _base(path) not in present}
    return there, {path: package for path, package in lost.items() if _main(path, lost)}


def _main(path: str, lost: dict[str, str]) -> bool:
    """Whether a path is the first of its spellings: ``/usr/bin/ps`` rather than ``/bin/ps``."""
    return path.startswith("/usr/") or f"/usr{path}" not in lost


def _base(path: str) -> str:
    return posixpath.basename(path)


def _changed(host: Host, database: PackageDatabase, there: dict[str, str], kind: str) -> Iterator[SystemTool | Gap]:
    for path, provenance in database.provenance(there).items():
        try:
            if provenance.unmodified is False:
                yield _replaced(host, path, there[path], kind)
            elif not host.root.stat(path).mode & 0o111:
                program = executable(host, path, size_limit=0)
                yield SystemTool(
                    path=path, package=there[path], tampering=Tampering.LOCKED, executable=program, database=kind
                )
        except Gone:
            continue
        except HostError as error:
            yield Gap(_COLLECTOR, path, str(error))


def _replaced(host: Host, path: str, package: str, kind: str) -> SystemTool:
    program = executable(host, path, size_limit=_TOOL_BYTES)
    head = host.root.read(path, TEXT_BYTES)
    script = not head.startswith(b"\x7fELF") and b"\0" not in head
    return SystemTool(
        path=path, package=package, tampering=Tampering.WRAPPED if script else Tampering.REPLACED, executable=program,
        text=head.decode("utf-8", "surrogateescape") if script else None, database=kind,
    )  # fmt: skip


def _renamed(host: Host, database: PackageDatabase, tampered: list[SystemTool]) -> dict[str, str]:
    """Where the packaged content of tampered tools lies now, in the same folders: by the package's own sum."""
    wanted: dict[str, list[tuple[str, Sum]]] = defaultdict(list)
    for one in tampered:
        expected = database.expected(one.path)
        if expected is not None and expected.sum is not None and one.tampering is not Tampering.LOCKED:
            wanted[posixpath.dirname(one.path)].append((one.path, expected.sum))
    found: dict[str, str] = {}
    left = _STRANGERS_BYTES
    for folder, sums in wanted.items():
        for path in _strangers(host, database, folder):
            try:
                digest = host.root.digest(path, min(_TOOL_BYTES, left), database.kinds)
            except HostError:
                continue
            if digest is not None:
                left -= digest.size
                found |= {tool: path for tool, each in sums if each.agrees(digest)}
    return found


def _strangers(host: Host, database: PackageDatabase, folder: str) -> list[str]:
    """The regular files of a folder that no package lists."""
    try:
        paths = [f"{folder}/{name}" for name in host.root.names(folder)]
        owned = database.owners(paths)
    except HostError:
        return []
    strangers = []
    for path in paths:
        try:
            if path not in owned and host.root.lstat(path).regular:
                strangers.append(path)
        except HostError:
            continue
    return strangers[:_STRANGERS_LIMIT]


def _shadows(host: Host, there: dict[str, str], kind: str) -> Iterator[SystemTool | Gap]:
    """Programs of a tool's name that stand before it in the usual search path."""
    packages = {_base(path): package for path, package in there.items()}
    for folder in tools().shadows:
        try:
            names = packages.keys() & set(host.root.names(folder))
        except HostError:
            continue
        for name in sorted(names):
            path = f"{folder}/{name}"
            try:
                program = executable(host, path, size_limit=_TOOL_BYTES)
                head = b"" if program.elf else host.root.read(path, TEXT_BYTES)
            except HostError as error:
                yield Gap(_COLLECTOR, path, str(error))
                continue
            yield SystemTool(
                path=path, package=packages[name], tampering=Tampering.SHADOWED, executable=program,
                text=head.decode("utf-8", "surrogateescape") if head and b"\0" not in head else None, database=kind,
            )  # fmt: skip


def _database(host: Host) -> str:
    for kind, places in _DATABASES:
        for place in places:
            try:
                host.root.stat(place)
            except HostError:
                continue
            return kind
    return ""
