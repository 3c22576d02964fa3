"""Texts of entries that keep to lines.  Pure; never raises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from davy.collect.autostarts.reading.entries import Entry


class Row(NamedTuple):
    """A line, with those that a backslash at the end joins to it."""

    line: int
    end_line: int
    text: str
    """As it stands, with newlines between the lines."""
    whole: str
    """Joined, without the backslashes."""

    def entry(
        self, command: str, schedule: str = "", *, user: str | None = None, remains: str | None = None,
        activates: str | None = None, programs: tuple[str, ...] | None = None, column: int | None = None,
        directory: str | None = None,
    ) -> Entry:  # fmt: skip
        """An entry that takes the row, all but what ``remains`` of it."""
        end = self.end_line if self.end_line != self.line else None
        return Entry(
            command, schedule, self.line, self.text, end, remains, column, user, activates, programs, directory
        )


def rows(content: str, *, continued: bool = False, comments: str = "", joint: str = "") -> Iterator[Row]:
    """The lines of a text, joined by backslashes and a ``joint`` where they are ``continued``; of CRLF both go.

    A line that begins with one of the ``comments`` neither goes on nor ends what goes on: udev reads it so.
    """
    if not continued:
        for number, raw in enumerate(content.split("\n"), 1):
            text = raw.removesuffix("\r")
            yield Row(number, number, text, text)
        return
    first, texts, pieces = 0, list[str](), list[str]()
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        first = first or number
        texts.append(text)
        if comments and text.lstrip()[:1] in tuple(comments):
            if len(texts) > 1:
                continue
            pieces.append(text)
        elif text.endswith("\\"):
            pieces.append(text[:-1])
            continue
        else:
            pieces.append(text)
        yield Row(first, number, "\n".join(texts), joint.join(pieces))
        first, texts, pieces = 0, [], []
    if texts:
        yield Row(first, first + len(texts) - 1, "\n".join(texts), joint.join(pieces))
