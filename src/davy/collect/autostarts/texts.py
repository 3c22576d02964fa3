"""Texts of files that hold entries, read within bounds, and the autostarts that their entries are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.links import Links
from davy.host import Gone, Host, HostError
from davy.host.root import FileStat
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILE_BYTES: Final = 256 << 10
"""What is read of one file."""
TOTAL_BYTES: Final = 16 << 20
"""What is read of all files of one kind."""
HOME_BYTES: Final = 512 << 10
"""What is read in one home of all files of one kind."""
SECONDS: Final = 8.0
"""How long the files of one kind are read."""
ENTRIES_LIMIT: Final = 2_000
"""Entries that are taken from one file."""


class Text(NamedTuple):
    """A file's text, as far as it was read: a last line that is not whole is left out."""

    place: str
    """Where it was looked for."""
    path: str
    """Of the file itself, links followed."""
    content: str
    stat: FileStat


class Entry(NamedTuple):
    """One entry of a text; the fields are those of `Autostart`."""

    line: int
    text: str
    command: str
    end_line: int | None = None
    remains: str | None = None
    schedule: str = ""
    user: str | None = None
    column: int | None = None
    activates: str | None = None
    programs: tuple[str, ...] | None = None
    """None: those that the command names to a shell."""
    image: str | None = None


class Texts:
    """Reads files for one collector, each once by whatever links or names it is reached, and all within bounds."""

    def __init__(self, host: Host, collector: str) -> None:
        self._host, self._collector = host, collector
        self._links = Links(host.root)
        self._seen: set[tuple[int, int]] = set()
        self._left = self._left_of_home = TOTAL_BYTES
        self._owner: FileStat | None = None
        self._deadline = time.monotonic() + SECONDS

    def next_home(self, path: str | None) -> None:
        """What is read from here on is a home's: so much of it, and only what its owner may read; None: nobody's.

        So nobody can use up what is read of others, nor have a link to a secret read.
        """
        self._left_of_home, self._owner = HOME_BYTES if path else TOTAL_BYTES, None
        if path:
            with suppress(HostError):
                self._owner = self._host.root.stat(path)

    def gap(self, what: str, why: object) -> Gap:
        return Gap(self._collector, what, str(why))

    def read(self, path: str, size: int = FILE_BYTES) -> Iterator[Text | Gap]:
        """The first ``size`` bytes of one file; nothing where there is none, or a folder, or it was read before."""
        root = self._host.root
        try:
            found = root.stat(path)
            if found.directory:
                return
            key = (found.device, found.inode)
            if key in self._seen or not self._readable(found):
                return
            self._seen.add(key)
            if why := self._enough():
                yield self.gap(path, why)
                return
            real = self._links.resolve(path)
            data = root.read(real, size + 1)
        except Gone:
            return
        except HostError as error:
            yield self.gap(path, error)
            return
        self._left -= len(data)
        self._left_of_home -= len(data)
        if len(data) > size:
            yield self.gap(f"the rest of {real}", f"larger than {size >> 10} KiB")
            data = data[: data.rfind(b"\n", 0, size) + 1]
        yield Text(path, real, os.fsdecode(data), found)

    def _readable(self, file: FileStat) -> bool:
        """Whether the owner of the home may read a file, as far as its mode says."""
        owner = self._owner
        return (
            owner is None
            or owner.uid in (0, file.uid)
            or bool(file.mode & 0o004)
            or (owner.gid == file.gid and bool(file.mode & 0o040))
        )

    def _enough(self) -> str | None:
        """Why no more files are read."""
        if self._left <= 0:
            return f"more than {TOTAL_BYTES >> 20} MiB of such files"
        if self._left_of_home <= 0:
            return f"more than {HOME_BYTES >> 10} KiB of such files in one home"
        return f"not reached within {SECONDS:g} s" if time.monotonic() > self._deadline else None

    def folder(self, folder: str, suffix: str = "") -> Iterator[Text | Gap]:
        """The texts of the files in a folder, in the order of their names; nothing where there is no such folder."""
        try:
            names = self._host.root.names(folder)
        except Gone:
            return
        except HostError as error:
            yield self.gap(folder, error)
            return
        for name in names:
            if name.endswith(suffix):
                yield from self.read(f"{folder}/{name}")

    def entries(
        self, file: Text, kind: AutostartKind, entries: Iterable[Entry], *, schedule: str = "",
        user: str | None = None, home: str | None = None,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """The autostarts of a file's entries; ``schedule`` and ``user`` are those of entries that name none."""
        rest = iter(entries)
        for entry in islice(rest, ENTRIES_LIMIT):
            programs = entry.programs
            yield Autostart(
                kind=kind,
                path=file.path,
                line=entry.line,
                end_line=entry.end_line,
                column=entry.column,
                text=entry.text,
                remains=entry.remains,
                command=entry.command,
                activates=entry.activates,
                schedule=entry.schedule or schedule,
                user=entry.user if entry.user is not None else user,
                programs=programs_of(entry.command, home=home, directory=home) if programs is None else programs,
                image=entry.image,
                mtime=file.stat.mtime,
                ctime=file.stat.ctime,
                birth=file.stat.birth,
            )
        if next(rest, None) is not None:
            yield self.gap(f"the rest of {file.path}", f"more than {ENTRIES_LIMIT} entries")
