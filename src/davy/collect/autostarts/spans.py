"""Entries by where they stand in a text: their lines, and what has to remain of these.  Pure; never raises."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.texts import Entry

CHARACTERS_LIMIT: Final = 8 << 20
"""What has to remain of the lines of one file's entries: of a line with many entries, nearly all of it for each."""


class Span(NamedTuple):
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


def entries(
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
            line=first, text=shown[first, last], command=span.command, end_line=last if last > first else None,
            remains=remains, schedule=span.schedule, user=span.user,
            column=span.start - begin + 1 if taken[first] > 1 else None, programs=programs, image=span.image,
        )  # fmt: skip


def _without_returns(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\r")
