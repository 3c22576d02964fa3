"""Files that hold entries among other things: where in them each entry stands, and what has to remain of its lines."""

from __future__ import annotations

import os
import posixpath
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.links import Links
from davy.collect.autostarts.patterns import Patterns
from davy.host import Gone, Host, HostError
from davy.host.root import FileStat
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILE_BYTES: Final = 256 << 10
"""What is read of one file."""
ENTRIES_LIMIT: Final = 2_000
"""Entries that are taken from one file."""
FILES_LIMIT: Final = 4_000
"""Files that one reader opens."""
TOTAL_BYTES: Final = 32 << 20
"""What one reader reads of all its files."""
_KERNELS: Final = ("/proc/", "/sys/")
"""Where no file of settings lies, whatever includes it: reading there may do something."""


INCLUDES_DEPTH: Final = 4
"""Files that include files that include files."""
_INCLUDES_LIMIT: Final = 100


class Text(NamedTuple):
    """A file as it was read, under its own path and not a link's."""

    path: str
    text: str
    stat: FileStat
    links: tuple[str, ...] = ()
    """The link by which it was come to, if it was."""


class Entry(NamedTuple):
    """One entry of a text: what it runs, and where it stands."""

    command: str
    start: int
    """Of its first character in the text."""
    end: int
    """One after its last."""
    schedule: str = ""
    user: str | None = None
    directory: str | None = None
    """Where its command starts, if that is known."""
    programs: tuple[str, ...] | None = None
    """The files it runs; None: what the words of the command say."""
    instead: str = ""
    """What has to stand in its place for the file to stay valid."""
    image: str | None = None


Includes = Callable[[Text], Iterable[str]]
"""The patterns of the files that a file includes, as absolute paths."""


class Files:
    """The files that one reader looks into: found by patterns, read within bounds, each once whatever leads to it."""

    def __init__(self, host: Host, collector: str) -> None:
        self._root, self._collector = host.root, collector
        self._patterns = Patterns(host, collector)
        self._seen: set[str] = set()
        self._bytes, self._full = 0, False
        self.links = Links(host.root)

    def paths(self, *patterns: str) -> Iterator[str | Gap]:
        """What patterns match, see `Patterns.paths`."""
        return self._patterns.paths(*patterns)

    def texts(self, *patterns: str, size: int = FILE_BYTES, includes: Includes | None = None) -> Iterator[Text | Gap]:
        """The files that match, and those that they include, if ``includes`` tells the patterns of these.

        Folders, and what is not there, are passed over.  A last line that is not whole is left out where a file is
        larger than ``size`` bytes.
        """
        for _ in range(INCLUDES_DEPTH):
            included: dict[str, None] = {}
            for path in self.paths(*patterns):
                for file in (path,) if isinstance(path, Gap) else self._text(path, size):
                    yield file
                    if includes and isinstance(file, Text):
                        included |= dict.fromkeys(islice(includes(file), _INCLUDES_LIMIT))
            if not included:
                return
            patterns = tuple(included)

    def _text(self, path: str, size: int) -> Iterator[Text | Gap]:
        try:
            real = self.links.resolve(path)
            if real in self._seen or self._full or real.startswith(_KERNELS):
                return
            self._seen.add(real)
            found = self._root.stat(real)
            if found.directory or (found.regular and not found.size):
                return
            if len(self._seen) > FILES_LIMIT or self._bytes > TOTAL_BYTES:
                self._full = True
                bounds = f"more than {FILES_LIMIT} files or {TOTAL_BYTES >> 20} MiB"
                yield Gap(self._collector, "the rest of the files", bounds)
                return
            data = self._root.read(real, size + 1)
            self._bytes += len(data)
        except Gone:
            return
        except HostError as error:
            yield Gap(self._collector, path, str(error))
            return
        if len(data) > size:
            yield Gap(self._collector, f"the rest of {real}", f"larger than {size >> 10} KiB")
            data = data[: data.rfind(b"\n", 0, size) + 1]
        link = None if real == path else self.link(path)
        yield Text(real, os.fsdecode(data), found, (link,) if link else ())

    def link(self, path: str) -> str | None:
        """The last part of a path as a symbolic link, in its folder's own path; None where it is none.

        Raises `HostError`.
        """
        folder, name = posixpath.split(path)
        place = posixpath.join(self.links.resolve(folder), name)
        return place if self.links.target(place) is not None else None

    def autostarts(
        self, kind: AutostartKind, patterns: Iterable[str], parse: Callable[[str], Iterable[Entry]], *,
        user: str | None = None, home: str | None = None, size: int = FILE_BYTES, includes: Includes | None = None,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """The autostarts in the files that match, as ``parse`` finds them in a text; see `entries_of`."""
        for file in self.texts(*patterns, size=size, includes=includes):
            if isinstance(file, Gap):
                yield file
            else:
                yield from self.entries_of(file, kind, parse(file.text), user=user, home=home)

    def entries_of(
        self, file: Text, kind: AutostartKind, entries: Iterable[Entry], *, user: str | None = None,
        home: str | None = None,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """One autostart for each entry of a file; ``user`` and ``home`` are of those that name nobody."""
        lines = _Lines(file.text)
        for count, entry in enumerate(entries):
            if count == ENTRIES_LIMIT:
                yield Gap(self._collector, f"the rest of {file.path}", f"more than {ENTRIES_LIMIT} entries")
                return
            place = lines.place(entry)
            programs = entry.programs
            if programs is None:
                programs = programs_of(entry.command, home=home, directory=entry.directory)
            yield Autostart(
                kind=kind, path=file.path, line=place.line, end_line=place.end_line, column=place.column,
                text=place.text, remains=place.remains, command=entry.command, schedule=entry.schedule,
                user=entry.user or user, programs=programs, image=entry.image, mtime=file.stat.mtime,
                ctime=file.stat.ctime, birth=file.stat.birth,
            )  # fmt: skip


def whole(
    kind: AutostartKind, file: Text, command: str, *, schedule: str, user: str | None = None,
    programs: tuple[str, ...] | None = None, home: str | None = None, image: str | None = None,
) -> Autostart:  # fmt: skip
    """The autostart that a whole file is."""
    return Autostart(
        kind=kind, path=file.path, command=command, schedule=schedule, user=user, links=file.links,
        programs=programs_of(command, home=home) if programs is None else programs, image=image,
        mtime=file.stat.mtime, ctime=file.stat.ctime, birth=file.stat.birth,
    )  # fmt: skip


class _Place(NamedTuple):
    line: int
    end_line: int | None
    column: int | None
    text: str
    remains: str | None


class _Lines:
    """Where in a text its lines begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        while following := text.find("\n", self._starts[-1]) + 1:
            self._starts.append(following)
        self._taken: set[int] = set()

    def place(self, entry: Entry) -> _Place:
        first = bisect_right(self._starts, entry.start)
        last = max(first, bisect_right(self._starts, max(entry.start, entry.end - 1)))
        begin = self._starts[first - 1]
        end = self._starts[last] - 1 if last < len(self._starts) else len(self._text)
        rest = self._text[begin : entry.start] + entry.instead + self._text[entry.end : end]
        column = entry.start - begin + 1 if first in self._taken else None
        self._taken.update((first, last))
        return _Place(
            line=first,
            end_line=last if last > first else None,
            column=column,
            text=_without_returns(self._text[begin:end]),
            remains=_without_returns(rest) if rest.strip() else None,
        )


def _without_returns(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\r")
