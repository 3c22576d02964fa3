"""Entries by where they stand in a text: their lines, and what has to remain of these.  Pure; never raises."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.texts import ENTRIES_LIMIT, Entry


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


def entries(text: str, spans: Iterable[Span], *, home: str | None = None) -> Iterator[Entry]:
    """The spans as entries of their lines, at most one more than may be taken from one file."""
    starts = [0]
    while following := text.find("\n", starts[-1]) + 1:
        starts.append(following)
    found = [(bisect_right(starts, span.start), span) for span in islice(spans, ENTRIES_LIMIT + 1)]
    ends = [max(first, bisect_right(starts, span.end - 1)) for first, span in found]
    taken = Counter(line for (first, _), last in zip(found, ends, strict=True) for line in {first, last})
    for (first, span), last in zip(found, ends, strict=True):
        begin = starts[first - 1]
        end = starts[last] - 1 if last < len(starts) else len(text)
        rest = text[begin : span.start] + span.instead + text[span.end : end]
        programs = span.programs
        if programs is None:
            programs = programs_of(span.command, home=home, directory=span.directory)
        yield Entry(
            line=first, text=_without_returns(text[begin:end]), command=span.command,
            end_line=last if last > first else None, remains=_without_returns(rest) if rest.strip() else None,
            schedule=span.schedule, user=span.user, column=span.start - begin + 1 if taken[first] > 1 else None,
            programs=programs, image=span.image,
        )  # fmt: skip


def _without_returns(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\r")
