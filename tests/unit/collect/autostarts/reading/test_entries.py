"""Entries by where they stand in a text."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import without

from davy.collect.autostarts.reading import Files, Span
from davy.host import Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind


def words(text: str) -> Iterator[Span]:
    """Every word in angle brackets is an entry."""
    here = 0
    while (start := text.find("<", here)) >= 0 and (end := text.find(">", start) + 1):
        yield Span(text[start + 1 : end - 1], start, end)
        here = end


def read(text: str) -> list[Autostart]:
    files = Files(Host(MemoryRoot({"/x": text})), "test", AutostartKind.MONIT)
    return [fact for fact in files.autostarts(words, "/x") if isinstance(fact, Autostart)]


def test_an_entry_that_fills_its_lines_leaves_nothing() -> None:
    (entry,) = read("a\n  <b>\nc\n")
    assert (entry.line, entry.end_line, entry.text, entry.remains) == (2, None, "  <b>", None)


def test_an_entry_over_several_lines_has_the_last_and_what_stands_around_it_remains() -> None:
    (entry,) = read("a\nx <b\nc> y\r\nd")
    assert (entry.line, entry.end_line, entry.text, entry.remains) == (2, 3, "x <b\nc> y", "x  y")


def test_entries_of_one_line_are_told_apart_by_their_columns() -> None:
    first, second = read("<a> <b>\n")
    assert (first.column, second.column) == (1, 5)
    assert first.subject != second.subject
    assert (first.remains, second.remains) == (" <b>", "<a> ")


def test_a_line_that_ends_an_entry_and_begins_another_has_two() -> None:
    first, second = read("<a\nb> <c>\n")
    assert (first.line, first.end_line, first.column, second.line, second.column) == (1, 2, None, 2, 4)


@given(st.lists(st.sampled_from(["<a>", "<b\nc>", "d", " ", "\n", "<>", "<"])))
def test_whatever_stands_around_it_an_entry_can_be_taken_out_alone(pieces: list[str]) -> None:
    text = "".join(pieces)
    for entry in read(text):
        after = without(text, [entry])
        assert (
            sorted(after.split()) == sorted(text.replace(f"<{entry.command}>", "", 1).split())
            or text.count(f"<{entry.command}>") > 1
        )
        assert after.count("<") == text.count("<") - 1 - entry.command.count("<")
