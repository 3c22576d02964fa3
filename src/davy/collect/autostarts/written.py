"""Entries that stand in files among other things: cut out of the text by a parser, and made into autostarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.places import Place, stat_of, text_of
from davy.collect.autostarts.shell_lines import shell_entries
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILE_BYTES: Final = 256 << 10
"""What is read of one file."""
ENTRIES_LIMIT: Final = 1_000
"""Entries that are taken from one file."""
COMMAND_CHARACTERS: Final = 4_096
"""What is kept of one command."""


class Written(NamedTuple):
    """One entry, as a parser cuts it out of a text."""

    command: str
    schedule: str = ""
    line: int | None = None
    """1-based; None when the whole file is the entry."""
    text: str = ""
    """Its lines as they stand."""
    end_line: int | None = None
    remains: str | None = None
    user: str | None = "root"
    activates: str | None = None
    programs: tuple[str, ...] | None = None
    """The files it runs; None when the command says it to a shell."""
    directory: str | None = None


Parse = Callable[[str], Iterable[Written]]


class Row(NamedTuple):
    """A line, with those that a backslash at the end joins to it."""

    line: int
    end_line: int
    text: str
    """As it stands, with newlines between the lines."""
    whole: str
    """Joined, without the backslashes."""

    def written(
        self, command: str, schedule: str, *, user: str | None = "root", remains: str | None = None,
        programs: tuple[str, ...] | None = None,
    ) -> Written:  # fmt: skip
        """An entry that takes the row, all but what ``remains`` of it."""
        end = self.end_line if self.end_line != self.line else None
        return Written(command, schedule, self.line, self.text, end, remains, user, None, programs)


def rows(content: str, *, continued: bool = True, comments: str = "") -> Iterator[Row]:
    """The lines of a text, joined by backslashes where they are ``continued``; of CRLF both go.

    A line that begins with one of the ``comments`` neither goes on nor ends what goes on: udev reads it so.
    """
    first, texts, pieces = 0, [], []
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        first = first or number
        texts.append(text)
        if comments and text.lstrip()[:1] in tuple(comments):
            if len(texts) > 1:
                continue
            pieces.append(text)
        elif continued and text.endswith("\\"):
            pieces.append(text[:-1])
            continue
        else:
            pieces.append(text)
        yield Row(first, number, "\n".join(texts), "".join(pieces))
        first, texts, pieces = 0, [], []
    if texts:
        yield Row(first, first + len(texts) - 1, "\n".join(texts), "".join(pieces))


def shell_lines(
    content: str, schedule: str, *, user: str | None = "root", home: str | None = None, first: int = 1
) -> Iterator[Written]:
    """The lines of shell text that run something; ``first`` is the number of its first line in its file."""
    for entry in shell_entries(content, home=home):
        yield Written(
            command=entry.command, schedule=schedule, line=entry.line + first - 1, text=entry.text,
            end_line=entry.end_line and entry.end_line + first - 1, remains=entry.remains, user=user,
            programs=entry.programs,
        )  # fmt: skip


def entries_of(
    host: Host, collector: str, kind: AutostartKind, found: Iterable[Place | Gap], parse: Parse, home: str | None = None
) -> Iterator[Autostart | Gap]:
    """The entries of the files that a parser finds; ``home`` is what ``~`` means in their commands."""
    for place in found:
        if isinstance(place, Gap):
            yield place
            continue
        for text in text_of(host, collector, place.path, FILE_BYTES):
            if isinstance(text, Gap):
                yield text
            else:
                yield from _entries(host, collector, kind, place, parse(text), home)


def _entries(
    host: Host, collector: str, kind: AutostartKind, place: Place, written: Iterable[Written], home: str | None
) -> Iterator[Autostart | Gap]:
    taken: list[Written] = []
    for entry in written:
        if len(taken) == ENTRIES_LIMIT:
            yield Gap(collector, f"the rest of {place.path}", f"more than {ENTRIES_LIMIT} entries")
            break
        taken.append(entry)
    if not taken:
        return
    for stat in stat_of(host, collector, place.path):
        if isinstance(stat, Gap):
            yield stat
            return
        for entry in taken:
            programs = entry.programs
            if programs is None:
                programs = programs_of(entry.command, home=home, directory=entry.directory or home)
            yield Autostart(
                kind=kind, path=place.path, line=entry.line, end_line=entry.end_line, text=entry.text,
                remains=entry.remains, command=entry.command[:COMMAND_CHARACTERS], schedule=entry.schedule,
                user=entry.user, activates=entry.activates, links=place.links, programs=programs, mtime=stat.mtime,
                ctime=stat.ctime, birth=stat.birth,
            )  # fmt: skip
