"""Kernel modules of intruders, and where honest ones lie.  Data in ``modules.toml``.

Source: the write-ups that each entry refers to; modprobe(8), depmod(8), dkms(8).
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from davy.knowledge.data import glob_expression, read

SUFFIXES: Final = (".ko", ".ko.xz", ".ko.gz", ".ko.zst")
"""How the name of a module's file ends.  Source: kmod(8)."""
OWN_FOLDER: Final = "/kernel/"
"""Below ``/lib/modules/RELEASE``: where the kernel's own modules lie.  Source: depmod.d(5)."""
_FILE: Final = re.compile(r"(?P<folder>/(?:[^/\0]+/)*)(?P<name>[^/\0]{1,64})\.ko(?:\.(?:xz|gz|zst))?")
_MERGED: Final = re.compile(r"/usr(?=/lib/)")
_PATH_LIMIT: Final = 4096
_ENTRY: Final = re.compile(r"^__(?:x64|ia32|arm64|s390x|se)_(?:compat_)?")
"""What an architecture puts before the name of a system call's function."""


class KnownModule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One intruder's modules; the fields are explained in ``modules.toml``."""

    id: str
    names: tuple[str, ...]
    folders: tuple[str, ...]
    weak: tuple[str, ...]
    family: str | None = None
    reason: str
    references: tuple[str, ...]
    falsepositives: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Folders(Struct, frozen=True, forbid_unknown_fields=True):
    """Folders in which a module's file says little, or nothing."""

    reason: str
    falsepositives: str
    folders: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Functions(Struct, frozen=True, forbid_unknown_fields=True):
    """Functions of the kernel that rootkits lead elsewhere."""

    reason: str
    references: tuple[str, ...]
    falsepositives: str
    names: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Modules(Struct, frozen=True, forbid_unknown_fields=True):
    places: tuple[str, ...]
    module: tuple[KnownModule, ...]
    honest: Folders
    kept: Folders
    hooked: Functions


class ModuleMatch(NamedTuple):
    """A module that is known."""

    id: str
    family: str | None
    reason: str


@functools.cache
def modules() -> Modules:
    return read("modules.toml", Modules)


def module_name(path: str) -> str | None:
    """The name that the kernel gives the module in this file: ``snd_pcm`` for ``/x/snd-pcm.ko.xz``; None for no module.

    Source: modprobe(8): dashes and underscores are the same.
    """
    match = _FILE.fullmatch(path) if len(path) <= _PATH_LIMIT else None
    return match["name"].replace("-", "_") if match else None


@functools.cache
def _by_name() -> dict[str, KnownModule]:
    return {name: known for known in modules().module for name in known.names if name not in known.weak}


@functools.cache
def _in_folder() -> tuple[tuple[KnownModule, re.Pattern[str]], ...]:
    return tuple(
        (known, re.compile("|".join(glob_expression(folder) for folder in known.folders)))
        for known in modules().module
        if known.folders
    )


def _match(known: KnownModule) -> ModuleMatch:
    return ModuleMatch(known.id, known.family, known.reason)


def module_by_name(name: str) -> ModuleMatch | None:
    """The intruder whose module is called so; no name that an honest module bears is known by itself."""
    known = _by_name().get(name)
    return _match(known) if known else None


def module_by_path(path: str) -> ModuleMatch | None:
    """The intruder whose module this file is, by its name, or by its name in a folder where it was seen."""
    name = module_name(path)
    if name is None:
        return None
    folder = _MERGED.sub("", posixpath.dirname(path), count=1)
    for known, folders in _in_folder():
        if name in known.names and folders.fullmatch(folder):
            return _match(known)
    return module_by_name(name)


def telling_function(name: str) -> bool:
    """Whether whoever leads this function of the kernel elsewhere decides what programs see."""
    return _ENTRY.sub("", name) in modules().hooked.names


def honest_place(path: str) -> bool:
    """Whether depmod or DKMS put modules there: that no package owns one means nothing."""
    return path.startswith(modules().honest.folders)


def kept_place(path: str) -> bool:
    """Whether it is a folder where people and vendors keep modules of their own."""
    return path.startswith(modules().kept.folders)


def known_module_files(releases: tuple[str, ...]) -> tuple[str, ...]:
    """Every literal path where a known module may lie, to be asked for by name; of kernels of these ``releases``."""
    return tuple(dict.fromkeys(_paths(releases)))


def _paths(releases: tuple[str, ...]) -> Iterator[str]:
    for known in modules().module:
        sure = [name for name in known.names if name not in known.weak]
        for folder, names in [*((f, known.names) for f in known.folders), *((p, sure) for p in modules().places)]:
            for filled in [folder.replace("*", release) for release in releases] if "*" in folder else [folder]:
                for name in names:
                    for suffix in SUFFIXES[:2]:
                        yield f"{filled}/{name}{suffix}"
