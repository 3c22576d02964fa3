"""A time that stands late in its line is found by the search, too."""

from __future__ import annotations

from datetime import UTC

from davy.collect.logs.formats import json_lines
from davy.collect.logs.record import Clock
from davy.collect.logs.text import TimedText
from davy.host.root import MemoryRoot

START = 1602904664


def test_no_long_value_hides_the_time_of_an_object() -> None:
    lines = [
        b'{"log":"%b","stream":"stdout","time":"2020-10-17T03:17:%02dZ"}\n' % (b"x" * 9000, n) for n in range(44, 60)
    ]

    with MemoryRoot({"/x.log": b"".join(lines)}).opened("/x.log") as file:
        text = TimedText(file, json_lines.time_of, Clock(UTC, START + 99))
        first, last, marks = text.first(), text.last(), list(text.marks(0, file.size, whole_line=True))

    assert first is not None
    assert last is not None
    assert (first.time, last.time) == (START, START + 15)
    assert [mark.time for mark in marks] == [START + number for number in range(16)]
