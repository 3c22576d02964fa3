"""One entry of a file, and where it stands: by its lines, or by its characters.  Pure; never raises."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from davy.collect.commands import programs_of

ENTRIES_LIMIT: Final = 2_000
"""Entries that are taken from one file."""
CHARACTERS_LIMIT: Final = 8 << 20
"""What has to remain of the lines of one file's entries: of a line with many entries, nearly all of it for each."""


class Entry(NamedTuple):
    """One entry; the fields are those of `davy.model.autostarts.Autostart`."""

    command: str
    schedule: str = ""
    line: int | None = None
    """1-based; None when the whole file is the entry."""
    text: str = ""
    """Its lines as they stand, without their ends."""
    end_line: int | None = None
    remains: str | None = None
    column: int | None = None
    user: str | None = None
    """None: whoever runs what the file holds."""
    activates: str | None = None
    programs: tuple[str, ...] | None = None
    """None: those that the command names to a shell."""
    directory: str | None = None
    """Where its command starts; None: in the home that the file lies in, if it does."""
    image: str | None = None
    within: str | None = None

    def below(self, lines: int) -> Entry:
        """The same in a file that has so many lines before the text."""
        return self._replace(line=self.line and self.line + lines, end_line=self.end_line and self.end_line + lines)


class Span(NamedTuple):
    """One entry of a text that has no heed for lines: what it runs, and where it stands."""

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


Found = Iterable[Entry] | Iterable[Span]
"""What a parser finds in one text."""


def in_lines(
    text: str, spans: Sequence[Span], *, home: str | None = None, characters: int = CHARACTERS_LIMIT
) -> Iterator[Entry]:
    """The spans as entries of their lines, until what has to remain of these comes to so many ``characters``."""
    starts = [0]
    while following := text.find("\n", starts[-1]) + 1:
        starts.append(following)
    firsts = [bisect_right(starts, span.start) for span in spans]
    lasts = [max(first, bisect_right(starts, span.end - 1)) for first, span in zip(firsts, spans, strict=True)]
    taken = Counter(line for lines in zip(firsts, lasts, strict=True) for line in set(lines))
    shown: dict[tuple[int, int], str] = {}
    for span, first, last in zip(spans, firsts, lasts, strict=True):
        begin = starts[first - 1]
        end = starts[last] - 1 if last < len(starts) else len(text)
        rest = _without_returns(text[begin : span.start] + span.instead + text[span.end : end])
        remains = rest if rest.strip() else None
        characters -= len(remains or "")
        if characters < 0:
            return
        if (first, last) not in shown:
            shown[first, last] = _without_returns(text[begin:end])
        programs = span.programs
        if programs is None:
            programs = programs_of(span.command, home=home, directory=span.directory)
        yield Entry(
            span.command, span.schedule, line=first, text=shown[first, last], end_line=last if last > first else None,
            remains=remains, column=span.start - begin + 1 if taken[first] > 1 else None, user=span.user,
            programs=programs, image=span.image,
        )  # fmt: skip


def _without_returns(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\r")
