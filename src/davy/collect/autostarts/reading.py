"""How one reader of autostarts looks at a host: files found once under their own paths, and read within bounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.links import Links
from davy.collect.autostarts.written import Parse, Written
from davy.host import Gone, Host, HostError
from davy.host.root import FileStat
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILES_LIMIT: Final = 2_000
"""Files of one folder that are looked at."""
NAMES_LIMIT: Final = 20_000
"""Files that one reader looks at."""
REMEMBERED_NAMES: Final = 100_000
"""Names of folders that are kept in mind, to know what is not there."""
FILE_BYTES: Final = 256 << 10
"""What is read of one file."""
TOTAL_BYTES: Final = 16 << 20
"""What one reader reads."""
ENTRIES_LIMIT: Final = 1_000
"""Entries that are taken from one file."""
COMMAND_CHARACTERS: Final = 4_096
"""What is kept of one command."""


class Place(NamedTuple):
    """A file that may be there."""

    path: str
    """Its own, without links."""
    given: str
    """The folder that it was first found in, or the file that it was first found as, as it was asked for."""
    links: tuple[str, ...] = ()
    """Other names, in what was looked into, that lead to it."""


class Reading:
    """What one reader finds and reads, as autostarts of its kind; what it could not are gaps that bear its name."""

    def __init__(self, host: Host, collector: str, kind: AutostartKind) -> None:
        self._root, self._collector, self._kind = host.root, collector, kind
        self._links = Links(host.root)
        self._names, self._bytes = NAMES_LIMIT, TOTAL_BYTES
        self._told = False
        self._known: dict[str, frozenset[str] | None] = {}
        self._remembered = 0

    def _gap(self, what: str, why: object) -> Gap:
        return Gap(self._collector, what, str(why))

    def places(self, folders: Iterable[str], files: Iterable[str] = (), *, suffix: str = "") -> Iterator[Place | Gap]:
        """The files, then those in the folders whose names end in ``suffix``; what leads to ``/dev/null`` is masked."""
        names = {file: file for file in files}
        looked: set[str] = set()
        for given in folders:
            try:
                folder = self._links.resolve(given)
            except HostError as error:
                yield self._gap(given, error)
                continue
            if folder in looked:
                continue
            looked.add(folder)
            for found in self.inside(folder):
                if isinstance(found, Gap):
                    yield found
                elif found.endswith(suffix):
                    names.setdefault(found, given)
        known: dict[str, list[str]] = {}
        for name in names:
            try:
                known.setdefault(self._links.resolve(name), []).append(name)
            except HostError as error:
                yield self._gap(name, error)
        for path, leading in known.items():
            if path != "/dev/null":
                yield Place(path, names[leading[0]], tuple(name for name in leading if name != path))

    def inside(self, folder: str) -> Iterator[str | Gap]:
        """The paths in a folder; nothing where there is none."""
        try:
            names = self._root.names(folder)
        except Gone:
            return
        except HostError as error:
            yield self._gap(folder, error)
            return
        allowed = min(FILES_LIMIT, self._names)
        self._names -= min(len(names), allowed)
        yield from (f"{folder}/{name}" for name in names[:allowed])
        if len(names) > allowed:
            yield self._gap(f"the rest of {folder}", f"more than {FILES_LIMIT} files, or {NAMES_LIMIT} in all")

    def may_hold(self, folder: str, path: str) -> bool:
        """Whether a path may be there below a folder: of many homes, few have what is looked for."""
        here = folder
        for part in path.strip("/").split("/"):
            names = self._listed(here)
            if names is not None and part not in names:
                return False
            here = f"{here}/{part}"
        return True

    def _listed(self, folder: str) -> frozenset[str] | None:
        """The names in a folder, none where it is not there; None where that is not known."""
        if folder not in self._known:
            try:
                names: frozenset[str] | None = frozenset(self._root.names(folder))
            except Gone:
                names = frozenset()
            except HostError:
                names = None
            self._remembered += len(names or ())
            self._known[folder] = names if self._remembered <= REMEMBERED_NAMES else None
        return self._known[folder]

    def is_folder(self, path: str) -> bool:
        try:
            return self._root.stat(path).directory
        except HostError:
            return False

    def text(self, path: str) -> Iterator[str | Gap]:
        """The text of a file, of a large one some whole lines; nothing where there is none, or a folder."""
        if self._bytes <= 0:
            if not self._told:
                self._told = True
                yield self._gap(f"{path} and the rest", f"more than {TOTAL_BYTES >> 20} MiB of such files")
            return
        try:
            data = self._root.read(path, FILE_BYTES + 1)
        except Gone:
            return
        except HostError as error:
            if not self.is_folder(path):
                yield self._gap(path, error)
            return
        self._bytes -= len(data)
        if len(data) > FILE_BYTES:
            yield self._gap(f"the rest of {path}", f"larger than {FILE_BYTES >> 10} KiB")
            data = data[: data.rfind(b"\n", 0, FILE_BYTES) + 1]
        yield os.fsdecode(data)

    def _stat(self, path: str) -> Iterator[FileStat | Gap]:
        try:
            yield self._root.stat(path)
        except Gone:
            return
        except HostError as error:
            yield self._gap(path, error)

    def scripts(
        self, found: Iterable[Place | Gap], schedule: Callable[[Place], str], *, user: str | None = "root",
        executable: bool = True,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """One autostart for each file: the whole of it is the entry.  ``executable`` where others are not run."""
        for place in found:
            if isinstance(place, Gap):
                yield place
                continue
            for stat in self._stat(place.path):
                if isinstance(stat, Gap):
                    yield stat
                elif stat.regular and (stat.mode & 0o111 or not executable):
                    written = Written(place.path, schedule(place), user=user, programs=(place.path,))
                    yield self._autostart(place, stat, written, None)

    def entries(self, found: Iterable[Place | Gap], parse: Parse, home: str | None = None) -> Iterator[Autostart | Gap]:
        """The entries that a parser finds in the files; ``home`` is what ``~`` means in their commands."""
        for place in found:
            if isinstance(place, Gap):
                yield place
                continue
            for text in self.text(place.path):
                if isinstance(text, Gap):
                    yield text
                else:
                    yield from self._entries(place, parse(text), home)

    def _entries(self, place: Place, written: Iterable[Written], home: str | None) -> Iterator[Autostart | Gap]:
        taken: list[Written] = []
        for entry in written:
            if len(taken) == ENTRIES_LIMIT:
                yield self._gap(f"the rest of {place.path}", f"more than {ENTRIES_LIMIT} entries")
                break
            taken.append(entry)
        for stat in self._stat(place.path) if taken else ():
            if isinstance(stat, Gap):
                yield stat
            else:
                yield from (self._autostart(place, stat, entry, home) for entry in taken)

    def _autostart(self, place: Place, stat: FileStat, written: Written, home: str | None) -> Autostart:
        programs = written.programs
        if programs is None:
            programs = programs_of(written.command, home=home, directory=written.directory or home)
        return Autostart(
            kind=self._kind, path=place.path, line=written.line, end_line=written.end_line, text=written.text,
            remains=written.remains, command=written.command[:COMMAND_CHARACTERS], schedule=written.schedule,
            user=written.user, activates=written.activates, links=place.links, programs=programs, mtime=stat.mtime,
            ctime=stat.ctime, birth=stat.birth,
        )  # fmt: skip
