"""The files of one reader: found once, read within bounds, and the autostarts that their entries are."""

from __future__ import annotations

import os
import posixpath
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from davy.collect.autostarts.reading.entries import CHARACTERS_LIMIT, ENTRIES_LIMIT, Entry, Found, Span, in_lines
from davy.collect.autostarts.reading.homes import Home, homes
from davy.collect.autostarts.reading.patterns import Patterns
from davy.collect.commands import programs_of
from davy.host import Gone, Host, HostError
from davy.host.links import Links
from davy.host.root import FileStat
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

NAMES_LIMIT: Final = 50_000
"""Names of files that one reader looks at."""
FILE_BYTES: Final = 256 << 10
"""What is read of one file."""
TOTAL_BYTES: Final = 16 << 20
"""What one reader reads."""
HOME_BYTES: Final = 512 << 10
"""What one reader reads in one home."""
SECONDS: Final = 8.0
"""How long one reader reads."""
COMMAND_CHARACTERS: Final = 64 << 10
"""What is kept of one command."""
INCLUDES_DEPTH: Final = 4
"""Files that include files that include files."""
INCLUDES_LIMIT: Final = 100
"""Patterns of files that one file includes."""
_CHARACTERS_IN_ALL: Final = 4 * CHARACTERS_LIMIT
"""What has to remain of the lines of one reader's entries."""
_MASK: Final = "/dev/null"
"""Where the name of a file leads that somebody has put out of use."""
_KERNELS: Final = ("/proc/", "/sys/")
"""Where no file of settings lies, whatever leads there: reading may do something."""


class File(NamedTuple):
    """A file that was found, and its text if that was read."""

    place: str
    """Where it was first looked for."""
    path: str
    """Its own, without links."""
    stat: FileStat
    links: tuple[str, ...] = ()
    """The links by which it was found."""
    home: Home | None = None
    """Whose, of a file that is looked for in homes."""
    content: str = ""
    """As far as it was read: a last line that is not whole is left out."""

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def home_path(self) -> str | None:
        return self.home and self.home.path


class _Sought(NamedTuple):
    """Patterns of files that are looked for, and where."""

    patterns: Sequence[str]
    below: str
    home: Home | None


Includes = Callable[[File], Iterable[str]]
"""The patterns of the files that a file includes, as absolute paths."""
Schedule = str | Callable[[File], str]


class Files:
    """Finds and reads files for one reader, and makes autostarts of its kind of what they hold.

    Patterns (`Patterns`) are absolute, or below a folder that is taken as it is written.  ``own`` are those that are
    looked for in every home: there only what its owner may read is read, and not more than `HOME_BYTES`, so that
    nobody has a link to a secret read, or uses up what is read of others.  What cannot be read is a `Gap`.
    """

    def __init__(self, host: Host, collector: str, kind: AutostartKind, *, kernels: bool = False) -> None:
        """``kernels`` lets the reader into ``/proc`` and ``/sys``."""
        self._host, self._collector, self._kind, self._kernels = host, collector, kind, kernels
        self.links = Links(host.root)
        self._patterns = Patterns(host, collector, self.links)
        self._homes: list[Home] | None = None
        self._seen: set[str] = set()
        self._names, self._bytes, self._characters = NAMES_LIMIT, TOTAL_BYTES, _CHARACTERS_IN_ALL
        self._bytes_of_homes: dict[str, int] = {}
        self._owners: dict[str, FileStat] = {}
        self._deadline = time.monotonic() + SECONDS

    def gap(self, what: str, why: object) -> Gap:
        return Gap(self._collector, what, str(why))

    def homes(self) -> Iterator[Home | Gap]:
        """Every home of the host; what hinders to look for them is a gap the first time."""
        if self._homes is None:
            found = list(homes(self._host, self._collector))
            self._homes = [home for home in found if isinstance(home, Home)]
            yield from found
        else:
            yield from self._homes

    def paths(self, *patterns: str, below: str = "") -> Iterator[str | Gap]:
        """What patterns match, see `Patterns.paths`."""
        return self._patterns.paths(*patterns, below=below)

    def found(
        self, *patterns: str, own: Sequence[str] = (), below: str = "", home: Home | None = None
    ) -> Iterator[File | Gap]:
        """The files that match, unread: each once, whatever links and folders lead to it, also in a later call.

        Folders, what is not there and what leads to ``/dev/null`` are passed over.
        """
        yield from self._matching(self._sought(patterns, own, below, home))

    def texts(
        self, *patterns: str, own: Sequence[str] = (), below: str = "", home: Home | None = None,
        size: int = FILE_BYTES, includes: Includes | None = None,
    ) -> Iterator[File | Gap]:  # fmt: skip
        """The same, read: the first ``size`` bytes of each; then what these include, if ``includes`` tells that."""
        sought = self._sought(patterns, own, below, home)
        for _ in range(INCLUDES_DEPTH if includes else 1):
            included: list[_Sought] = []
            for found in self._matching(sought):
                for file in (found,) if isinstance(found, Gap) else self._read(found, size):
                    yield file
                    if includes and isinstance(file, File):
                        named = list(islice(includes(file), INCLUDES_LIMIT + 1))
                        if len(named) > INCLUDES_LIMIT:
                            yield self.gap(f"the rest of what {file.path} includes", f"more than {INCLUDES_LIMIT}")
                        included.append(_Sought(named[:INCLUDES_LIMIT], "", file.home))
            sought = iter(included)

    def autostarts(
        self, parse: Callable[[str], Found], *patterns: str, own: Sequence[str] = (), schedule: Schedule = "",
        user: str | None = None, size: int = FILE_BYTES, includes: Includes | None = None,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """The entries that a parser finds in the files that match; see `entries`."""
        for file in self.texts(*patterns, own=own, size=size, includes=includes):
            if isinstance(file, Gap):
                yield file
            else:
                yield from self.entries(file, parse(file.content), schedule=schedule, user=user)

    def scripts(
        self, *patterns: str, own: Sequence[str] = (), below: str = "", schedule: Schedule, user: str | None = None,
        executable: bool = True,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """The files that match as entries, each as a whole.  ``executable`` where others are not run."""
        for file in self.found(*patterns, own=own, below=below):
            if isinstance(file, Gap):
                yield file
            elif file.stat.regular and (file.stat.mode & 0o111 or not executable):
                yield self.whole(file, schedule=schedule, user=user)

    def entries(
        self, file: File, found: Found, *, schedule: Schedule = "", user: str | None = None
    ) -> Iterator[Autostart | Gap]:
        """The autostarts of a file's entries.

        ``schedule`` is of those that say none, ``user`` of those that name nobody in a file that lies in no home.
        """
        taken = list(islice(found, ENTRIES_LIMIT + 1))
        spans = [each for each in taken[:ENTRIES_LIMIT] if isinstance(each, Span)]
        entries = [each for each in taken[:ENTRIES_LIMIT] if isinstance(each, Entry)]
        if spans:
            characters = min(CHARACTERS_LIMIT, self._characters)
            entries = list(in_lines(file.content, spans, home=file.home_path, characters=characters))
            self._characters -= sum(len(entry.remains or "") for entry in entries)
        for entry in entries:
            yield self._autostart(file, entry, schedule, user)
        if len(entries) < len(spans):
            yield self.gap(f"the rest of {file.path}", "too many entries in one line")
        elif len(taken) > ENTRIES_LIMIT:
            yield self.gap(f"the rest of {file.path}", f"more than {ENTRIES_LIMIT} entries")

    def whole(
        self, file: File, command: str | None = None, *, schedule: Schedule, user: str | None = None,
        programs: tuple[str, ...] | None = None, image: str | None = None,
    ) -> Autostart:  # fmt: skip
        """The autostart that a whole file is; without a command it is the program itself."""
        if command is None:
            command, programs = file.path, (file.path,)
        return self._autostart(file, Entry(command, programs=programs, image=image), schedule, user)

    def _autostart(self, file: File, entry: Entry, schedule: Schedule, user: str | None) -> Autostart:
        programs, home = entry.programs, file.home_path
        if programs is None:
            programs = programs_of(entry.command, home=home, directory=entry.directory or home)
        when = schedule if isinstance(schedule, str) else schedule(file)
        whose = file.home.user if file.home else user
        times = (file.stat.mtime, file.stat.ctime, file.stat.birth) if entry.within is None else (None, None, None)
        return Autostart(
            kind=self._kind, path=file.path, line=entry.line, end_line=entry.end_line, column=entry.column,
            text=entry.text, remains=entry.remains, command=entry.command[:COMMAND_CHARACTERS],
            schedule=entry.schedule or when, user=whose if entry.user is None else entry.user,
            activates=entry.activates, links=file.links, programs=programs, image=entry.image,
            within=entry.within, mtime=times[0], ctime=times[1], birth=times[2],
        )  # fmt: skip

    def _sought(
        self, patterns: Sequence[str], own: Sequence[str], below: str, home: Home | None
    ) -> Iterator[_Sought | Gap]:
        yield _Sought(patterns, below, home)
        for each in self.homes() if own else ():
            yield each if isinstance(each, Gap) else _Sought(own, each.path, each)

    def _matching(self, sought: Iterable[_Sought | Gap]) -> Iterator[File | Gap]:
        leading: dict[str, list[tuple[str, Home | None]]] = {}
        for each in sought:
            if isinstance(each, Gap):
                yield each
                continue
            for place in self.paths(*each.patterns, below=each.below):
                try:
                    path = place if isinstance(place, Gap) else self.links.find(place)
                except HostError as error:
                    path = self.gap(str(place), error)
                if isinstance(path, Gap):
                    yield path
                elif path is not None and self._names >= 0:
                    self._names -= 1
                    if self._names < 0:
                        yield self.gap("the rest of the files", f"more than {NAMES_LIMIT}")
                        break
                    leading.setdefault(path, []).append((str(place), each.home))
        for path, places in leading.items():
            yield from self._looked_at(path, places)

    def _looked_at(self, path: str, places: list[tuple[str, Home | None]]) -> Iterator[File | Gap]:
        if path in self._seen or path == _MASK or (path.startswith(_KERNELS) and not self._kernels):
            return
        try:
            stat = self._host.root.stat(path)
        except Gone:
            return
        except HostError as error:
            yield self.gap(path, error)
            return
        if stat.directory:
            return
        links = dict.fromkeys(link for place, _ in places if place != path and (link := self.links.itself(place)))
        for place, home in places:
            if home is None or self._readable(stat, home.path):
                self._seen.add(path)
                yield File(place, path, stat, tuple(links), home)
                return

    def _readable(self, file: FileStat, home: str) -> bool:
        """Whether the owner of a home may read a file, as far as its mode says."""
        if home not in self._owners:
            with suppress(HostError):
                self._owners[home] = self._host.root.stat(home)
        owner = self._owners.get(home)
        return (
            owner is None
            or owner.uid in (0, file.uid)
            or bool(file.mode & 0o004)
            or (owner.gid == file.gid and bool(file.mode & 0o040))
        )

    def _read(self, file: File, size: int) -> Iterator[File | Gap]:
        if why := self.enough(file.home_path):
            yield self.gap(file.path, why)
            return
        try:
            data = self._host.root.read(file.path, size + 1)
        except Gone:
            return
        except HostError as error:
            yield self.gap(file.path, error)
            return
        self._bytes -= len(data)
        if file.home:
            self._bytes_of_homes[file.home.path] = self._bytes_of_homes.get(file.home.path, 0) + len(data)
        if len(data) > size:
            yield self.gap(f"the rest of {file.path}", f"larger than {size >> 10} KiB")
            data = data[: data.rfind(b"\n", 0, size) + 1]
        yield file._replace(content=os.fsdecode(data))

    def enough(self, home: str | None = None) -> str | None:
        """Why no more files are read."""
        if self._bytes <= 0:
            return f"more than {TOTAL_BYTES >> 20} MiB of such files"
        if home is not None and self._bytes_of_homes.get(home, 0) >= HOME_BYTES:
            return f"more than {HOME_BYTES >> 10} KiB of such files in one home"
        return f"not reached within {SECONDS:g} s" if time.monotonic() > self._deadline else None
