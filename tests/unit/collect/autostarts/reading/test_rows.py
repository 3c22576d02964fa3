"""Texts of entries that keep to lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.reading import Entry, Row, rows


def test_each_line_is_a_row_and_of_crlf_both_go() -> None:
    assert list(rows("a\r\nb\\\nc")) == [Row(1, 1, "a", "a"), Row(2, 2, "b\\", "b\\"), Row(3, 3, "c", "c")]


def test_a_backslash_joins_lines_where_they_go_on() -> None:
    first, second = rows("a \\\r\n b\nc\\", continued=True, joint="|")
    assert first == Row(1, 2, "a \\\n b", "a | b")
    assert second == Row(3, 3, "c\\", "c")


def test_a_comment_neither_goes_on_nor_ends_what_goes_on() -> None:
    first, second = rows("a\\\n# b\\\nc\n# d\\", continued=True, comments="#")
    assert (first.whole, first.end_line, second.whole) == ("ac", 3, "# d\\")


def test_an_entry_of_a_row_has_its_lines() -> None:
    (row,) = rows("a\\\nb", continued=True)
    assert row.entry("x", "boot", user="ada") == Entry("x", "boot", line=1, end_line=2, text="a\\\nb", user="ada")


@given(st.text(alphabet="a#\\\r\n", max_size=60), st.booleans())
def test_rows_are_all_the_lines_of_a_text(content: str, continued: bool) -> None:
    found = list(rows(content, continued=continued, comments="#"))
    assert "\n".join(row.text for row in found) == "\n".join(line.removesuffix("\r") for line in content.split("\n"))
    assert [row.line for row in found[1:]] == [row.end_line + 1 for row in found[:-1]]
