"""Entries that stand in files among other things, as parsers cut them out of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from davy.collect.autostarts.shell_lines import shell_entries


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
        activates: str | None = None, programs: tuple[str, ...] | None = None,
    ) -> Written:  # fmt: skip
        """An entry that takes the row, all but what ``remains`` of it."""
        end = self.end_line if self.end_line != self.line else None
        return Written(command, schedule, self.line, self.text, end, remains, user, activates, programs)


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
