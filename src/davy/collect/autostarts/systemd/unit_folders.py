"""Where systemd looks for units: its folders, their precedence, masks, aliases, links and drop-ins.

Source: systemd.unit(5) (unit file load path), systemd.generator(7), systemctl(1) (mask, link).
"""

from __future__ import annotations

import os
import posixpath
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from davy.collect.autostarts.formats.unit_files import Setting, dropin_folders, template_of, unit_settings, unit_type
from davy.host import Gone, HostError, Root
from davy.host.links import Links
from davy.model.facts import Gap

UNITS_LIMIT: Final = 10_000
"""Unit files and drop-ins that are read."""
FILE_BYTES: Final = 256 << 10
"""What is read of one unit file."""
_TOTAL_BYTES: Final = 32 << 20
_NAMES_LIMIT: Final = 100_000

UNIT_TYPES: Final = frozenset({"service", "timer", "path", "socket"})

SYSTEM_FOLDERS: Final = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
"""Where the system's manager looks, the first that has a unit decides."""


def user_folders(home: str | None, runtime: str | None) -> tuple[str, ...]:
    """Where a user's manager looks; without home and runtime folder, what all users share."""
    config = f"{home}/.config/systemd" if home is not None else None
    own = f"{runtime}/systemd" if runtime is not None else None
    found = (
        config and f"{config}/user.control",
        own and f"{own}/user.control",
        own and f"{own}/transient",
        own and f"{own}/generator.early",
        config and f"{config}/user",
        "/etc/xdg/systemd/user",
        "/etc/systemd/user",
        own and f"{own}/user",
        "/run/systemd/user",
        own and f"{own}/generator",
        f"{home}/.local/share/systemd/user" if home is not None else None,
        "/usr/local/share/systemd/user",
        "/usr/share/systemd/user",
        "/usr/local/lib/systemd/user",
        "/usr/lib/systemd/user",
        "/lib/systemd/user",
        own and f"{own}/generator.late",
    )
    return tuple(folder for folder in found if folder)


class UnitFile(NamedTuple):
    """A unit file or drop-in that was read."""

    path: str
    """Of the file itself."""
    place: str
    """Where systemd finds it: the path, or a link that leads there."""
    mtime: float
    ctime: float
    birth: float | None
    settings: Sequence[Setting]
    """Empty when it is a mask."""
    masked: bool = False


@dataclass
class Folder:
    """What one folder of units holds."""

    path: str
    units: dict[str, str] = field(default_factory=dict)
    """Unit name to path."""
    dropins: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name of a ``.d`` folder to the names and paths of its files."""
    wants: list[tuple[str, str]] = field(default_factory=list)
    """Unit name and the link that makes another unit want it."""


class UnitReader:
    """Reads folders and files of units, each once and within bounds; what it could not read is in ``gaps``.

    Of the files' settings it keeps those with the ``keys``.
    """

    def __init__(self, root: Root, keys: Container[str]) -> None:
        self._root, self._keys = root, keys
        self._links = Links(root)
        self._folders: dict[str, Folder | None] = {}
        self._files: dict[str, UnitFile | None] = {}
        self._names = self._bytes = self._read = 0
        self.gaps: dict[Gap, None] = {}

    def gap(self, what: str, why: object) -> None:
        """Say, once, that something could not be read."""
        self.gaps[Gap("systemd", what, str(why))] = None

    def names(self, folder: str) -> list[str]:
        """The names in a folder; none when it is not there."""
        if self._names > _NAMES_LIMIT:
            return []
        try:
            names = self._root.names(folder)
        except Gone:
            return []
        except HostError as error:
            self.gap(folder, error)
            return []
        self._names += 1 + len(names)
        if self._names > _NAMES_LIMIT:
            self.gap("the rest of the folders of units", f"more than {_NAMES_LIMIT} names")
        return names

    def folder(self, path: str) -> Folder | None:
        """What a folder of units holds, under its own path and not a link's; None when it is not there or empty."""
        if path not in self._folders:
            names = self.names(path)
            real = self._own_path(path) if names else path
            if real is None:
                self._folders[path] = None
            elif real == path:
                self._folders[path] = self._listed(path, names) if names else None
            else:
                self._folders[path] = self.folder(real)
        return self._folders[path]

    def _own_path(self, path: str) -> str | None:
        try:
            return self._links.resolve(path)
        except HostError as error:
            self.gap(path, error)
            return None

    def _listed(self, path: str, names: Iterable[str]) -> Folder:
        found = Folder(path)
        for name in names:
            kind = unit_type(name)
            if kind in UNIT_TYPES:
                found.units[name] = f"{path}/{name}"
            elif kind == "d" and unit_type(name[:-2]) in UNIT_TYPES:
                inside = self.names(f"{path}/{name}")
                found.dropins[name] = {conf: f"{path}/{name}/{conf}" for conf in inside if conf.endswith(".conf")}
            elif kind in ("wants", "requires", "upholds"):
                for wanted in self.names(f"{path}/{name}"):
                    link = f"{path}/{name}/{wanted}"
                    target = self._links.target(link) if unit_type(wanted) in UNIT_TYPES else None
                    if target is not None and target != "/dev/null":
                        found.wants += [(unit, link) for unit in {wanted, posixpath.basename(target)}]
        return found

    def file(self, place: str) -> UnitFile | None:
        """A unit file or drop-in; None when it is not there or could not be read (then a gap says so)."""
        if place not in self._files:
            self._files[place] = None  # so that a gap is told once
            try:
                self._files[place] = self._file(place)
            except Gone:
                pass
            except HostError as error:
                self.gap(place, error)
        return self._files[place]

    def _file(self, place: str) -> UnitFile | None:
        looked = self._root.lstat(place)
        if looked.link:
            path = self._links.resolve(place)
            if path == "/dev/null":
                return UnitFile(path, place, looked.mtime, looked.ctime, looked.birth, (), masked=True)
            found = self.file(path)
            return found and found._replace(place=place)
        if looked.regular and looked.size == 0:
            return UnitFile(place, place, looked.mtime, looked.ctime, looked.birth, (), masked=True)
        if self._read >= UNITS_LIMIT or self._bytes >= _TOTAL_BYTES:
            self.gap("the rest of the units", f"more than {UNITS_LIMIT} files or {_TOTAL_BYTES >> 20} MiB")
            return None
        data = self._root.read(place, FILE_BYTES + 1)
        self._read, self._bytes = self._read + 1, self._bytes + len(data)
        if len(data) > FILE_BYTES:
            self.gap(f"the rest of {place}", f"larger than {FILE_BYTES >> 10} KiB")
        text = os.fsdecode(data[:FILE_BYTES])
        return UnitFile(place, place, looked.mtime, looked.ctime, looked.birth, unit_settings(text, self._keys))


class SearchPath:
    """The units that one manager finds in its folders."""

    def __init__(self, reader: UnitReader, folders: Iterable[str]) -> None:
        self._reader = reader
        listed = {folder.path: folder for path in folders if (folder := reader.folder(path))}
        self._folders = listed
        self.folders = tuple(listed)
        self._places: dict[str, list[str]] = defaultdict(list)
        self._dropins: dict[str, dict[str, str]] = defaultdict(dict)
        self._links: dict[str, set[str]] = defaultdict(set)
        for folder in listed.values():
            for name, place in folder.units.items():
                self._places[name].append(place)
            for dropin, places in folder.dropins.items():
                self._dropins[dropin] = places | self._dropins[dropin]
        for name in self._places:
            top = self._top(name)
            if top and top.place != top.path and not top.masked:
                self._links[self.name(name)].add(top.place)
        for folder in listed.values():
            for wanted, link in folder.wants:
                self._links[self.name(wanted)].add(link)

    def _top(self, name: str) -> UnitFile | None:
        """The file that decides what a unit is, or that it is masked."""
        for place in self._places.get(name, ()):
            if file := self._reader.file(place):
                return file
        return None

    def name(self, name: str) -> str:
        """The unit that a name means: an alias's target, an instance's template where it has no file of its own."""
        top = self._top(name)
        if top is None:
            template = template_of(name)
            return self.name(template) if template else name
        folder, target = posixpath.split(top.path)
        return target if not top.masked and folder in self._folders and unit_type(target) in UNIT_TYPES else name

    def fragment(self, name: str) -> UnitFile | None:
        """The main file of a unit; None when there is none."""
        return self._top(self.name(name))

    def dropins(self, name: str) -> Iterator[UnitFile]:
        """The drop-ins that apply to a unit, in the order in which they do."""
        places: dict[str, str] = {}
        for folder in dropin_folders(name):
            places = self._dropins.get(folder, {}) | places
        for _, place in sorted(places.items()):
            file = self._reader.file(place)
            if file and not file.masked:
                yield file

    def links(self, name: str) -> tuple[str, ...]:
        """The links that enable a unit or give it another name."""
        return tuple(sorted(self._links.get(name, ())))

    def names(self, folders: Iterable[str]) -> list[str]:
        """The units that files in these folders bear on, each under its own name and not an alias's."""
        found: set[str] = set()
        for folder in (self._folders[path] for path in folders if path in self._folders):
            found.update(self.name(name) for name in folder.units)
            dropped = {name.removesuffix(".d") for name in folder.dropins}
            general = {name for name in dropped if name in UNIT_TYPES or "-." in name}
            found |= dropped - general
            if general:
                found.update(self.name(name) for name in self._places)
        return sorted(found)
