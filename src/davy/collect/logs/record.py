"""What a log's format has to answer: when a record was written, and where the next one begins.

A text format is one function: the time of the record that a line begins.  The search by time, the joining of lines to
records and the reading of rotated and compressed logs know nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import NamedTuple

from msgspec import Struct

from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import ClockStep, Span


class Clock(Struct, frozen=True):
    """How times that do not say it all are understood."""

    zone: tzinfo
    """Of times without a zone: the root's own."""
    latest: float
    """When the log was last written: a time without a year is of the latest year in which it is not after that."""


class Record(NamedTuple):
    """One record of a log: its first line and what goes on with it."""

    time: float | None
    offset: int
    """Bytes into the log, or into what a compressed one holds."""
    text: str


TimeOf = Callable[[bytes, Clock], float | None]
"""The time of the record that begins with this line; None for a line that goes on with the record before."""

Records = Callable[[OpenFile, int, Clock, Span | None], Iterator[Record | ClockStep | Gap]]
"""The records of a binary log of so many bytes, those of a span of time alone if one is given.

A gap or a step of the clock names the format, since the path is not known here."""

Inner = Callable[[bytes], bytes | None]
"""What a line carries, where its format wraps or encodes it: the text of a container, the words of a command line.
None for a line that stands for itself."""

Covers = Callable[[OpenFile, int], Span | None]
"""The times of the first and the last record of a binary log of so many bytes; None if that cannot be told."""
