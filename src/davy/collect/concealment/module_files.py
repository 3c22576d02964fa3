"""Files of kernel modules in places of note: where intruders' modules are known to lie, and what autostarts load.

Source: modprobe(8), depmod(8) (``modules.dep``), Documentation/admin-guide/module-signing.rst (the marker at the end).
"""

from __future__ import annotations

import lzma
import os
import posixpath
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from davy.collect.executables import executable
from davy.host import Gone, Host, HostError
from davy.host.links import Links
from davy.host.packages import packages
from davy.knowledge.modules import honest_place, known_module_files, module_by_name, module_by_path, module_name
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.concealment import ModuleFile, written_by_root
from davy.model.facts import Gap

_FOLDER: Final = "/lib/modules"
_RELEASES_LIMIT: Final = 8
_INDEX_LIMIT: Final = 8 << 20
_CONTENT_LIMIT: Final = 64 << 20
"""Bytes of a module that are read, packed or not."""
_FILES_LIMIT: Final = 64
_MARKER: Final = b"~Module signature appended~\n"
_NAME: Final = re.compile(rb"\0name=([\w-]{1,56})\0")
_IN_COMMAND: Final = re.compile(r"/[^\s'\"`;|&<>()]+\.ko(?:\.(?:xz|gz|zst))?(?![\w.])")
_LOADING: Final = frozenset({AutostartKind.MODULE, AutostartKind.MODPROBE})


def module_files(host: Host, autostarts: Iterable[Autostart]) -> Iterator[ModuleFile | Gap]:
    """Module files at known places and under known names, and those that an autostart has loaded from an odd place.

    Each is asked for by its full path, so a folder that does not list it does not hide it.  What depmod or DKMS put
    where they put modules is not of note, unless it bears a known name.
    """
    loading, links, releases = tuple(autostarts), Links(host.root), _releases(host)
    known_there = (path for path in known_module_files(releases) if _regular(host, path))
    paths: dict[str, str] = {}
    for path in (*known_there, *_loaded_files(host, releases, loading)):
        paths.setdefault(_real(links, path), path)
    database = packages(host.root, forgiving=True) if paths else None
    for count, (real, path) in enumerate(paths.items()):
        if count == _FILES_LIMIT:
            yield Gap("modules", "the rest of the module files", f"more than {_FILES_LIMIT}")
            return
        try:
            found = executable(host, path, packages=database)
            inner, signed = _inside(host, path)
        except Gone:
            continue
        except HostError as error:
            yield Gap("modules", path, str(error))
            continue
        name = inner or module_name(path) or posixpath.basename(path)
        believed = name if written_by_root(found) else None
        known = module_by_path(path) or module_by_name(name)
        yield ModuleFile(
            path=path,
            name=name,
            executable=found,
            signed=signed,
            listed=_listed(host, path),
            loaded_by=tuple(one.subject for one in loading if _loads(one, believed, real, links)),
            known=known.reason if known else None,
        )


def files_of_modules(host: Host, release: str, names: Iterable[str]) -> dict[str, str]:
    """Where modprobe would find modules of these names; those it does not know are left out."""
    wanted = set(names)
    if not wanted:
        return {}
    try:
        index = os.fsdecode(host.root.read(f"{_FOLDER}/{release}/modules.dep", _INDEX_LIMIT))
    except HostError:
        return {}
    found = {}
    for line in index.splitlines():
        path = posixpath.normpath(posixpath.join(_FOLDER, release, line.partition(":")[0]))
        if (name := module_name(path)) in wanted and name is not None:
            found[name] = path
    return found


def _releases(host: Host) -> tuple[str, ...]:
    """The running kernel's release, or those that a root has modules of."""
    if host.kernel:
        return (host.kernel.release,)
    try:
        return tuple(host.root.names(_FOLDER)[:_RELEASES_LIMIT])
    except HostError:
        return ()


def _regular(host: Host, path: str) -> bool:
    try:
        return host.root.lstat(path).regular
    except HostError:
        return False


def _loaded_files(host: Host, releases: tuple[str, ...], autostarts: tuple[Autostart, ...]) -> Iterator[str]:
    """Files that commands name, and those outside the honest places that modprobe would load for a line."""
    for autostart in autostarts:
        if ".ko" in autostart.command:
            for path in _IN_COMMAND.findall(autostart.command):
                if _regular(host, path) and not honest_place(path):
                    yield posixpath.normpath(path)
    names = {one.activates for one in autostarts if one.kind is AutostartKind.MODULE and one.activates}
    for release in releases:
        yield from (path for path in files_of_modules(host, release, names).values() if not honest_place(path))


def _loads(autostart: Autostart, name: str | None, real: str, links: Links) -> bool:
    """Whether an autostart loads the module ``name``, or this very file; None is nobody's name."""
    if name is not None and autostart.kind in _LOADING and autostart.activates == name:
        return True
    return ".ko" in autostart.command and real in {
        _real(links, path) for path in _IN_COMMAND.findall(autostart.command)
    }


def _real(links: Links, path: str) -> str:
    """The path without links: ``/lib`` may be one."""
    try:
        return links.resolve(path)
    except HostError:
        return path


def _listed(host: Host, path: str) -> bool:
    """Whether its folder lists it; a folder that cannot be listed hides nothing."""
    folder, name = posixpath.split(path)
    try:
        return name in host.root.names(folder) or not _regular(host, path)
    except HostError:
        return True


def _inside(host: Host, path: str) -> tuple[str | None, bool | None]:
    """The name that a module gives itself, and whether a signature is appended; None for what is not to be read."""
    content = _unpacked(path, host.root.read(path, _CONTENT_LIMIT))
    if content is None:
        return None, None
    name = _NAME.search(content)
    return name[1].decode("ascii").replace("-", "_") if name else None, content.endswith(_MARKER)


def _unpacked(path: str, content: bytes) -> bytes | None:
    """None for what is damaged, and for Zstandard, which Python 3.11 cannot open."""
    try:
        if path.endswith(".xz"):
            return lzma.LZMADecompressor(memlimit=_CONTENT_LIMIT).decompress(content, _CONTENT_LIMIT)
        if path.endswith(".gz"):
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, _CONTENT_LIMIT)
    except (lzma.LZMAError, zlib.error, EOFError):
        return None
    return None if path.endswith(".zst") else content
