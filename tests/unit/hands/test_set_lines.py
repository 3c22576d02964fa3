"""Lines get their place, and every other byte stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.hands.edits import rows_of, with_lines
from davy.hands.errors import Untouched
from davy.model.plan import LineSet

CONTENTS = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"bind 0.0.0.0", b"# c", b"", b"\xff\r", b" a: b"]), max_size=9
).flatmap(lambda rows: st.sampled_from([b"\n".join(rows), b"\r\n".join(rows), b"\n".join([*rows, b""])]))


@given(CONTENTS, st.data())
def test_a_replaced_line_keeps_every_other_byte_and_its_own_end(content: bytes, data: st.DataObject) -> None:
    rows = rows_of(content)
    if not rows:
        return
    number = data.draw(st.integers(1, len(rows)))
    row = rows[number - 1]
    bare = row.rstrip(b"\r\n")
    after = with_lines(content, [LineSet(number=number, before=bare, after=b"new")])
    head = b"".join(rows[: number - 1])
    assert after == head + b"new" + row[len(bare) :] + b"".join(rows[number:])


@given(CONTENTS, st.data())
def test_without_a_line_that_was_added_the_file_is_as_before(content: bytes, data: st.DataObject) -> None:
    rows = rows_of(content)
    number = data.draw(st.integers(1, len(rows) + 1))
    after = with_lines(content, [LineSet(number=number, before=None, after=b"new")])
    made = rows_of(after)
    assert made[number - 1].rstrip(b"\r\n") == b"new"
    assert len(made) == len(rows) + 1
    if number <= len(rows) or not content or content.endswith(b"\n"):
        assert b"".join(made[: number - 1] + made[number:]) == content
    else:
        assert after.startswith((content + b"\n", content + b"\r\n"))
        assert not after.endswith(b"\n")


def test_several_lines_are_set_at_once_by_their_numbers_before_it() -> None:
    content = b"one\r\ntwo\r\nthree\r\n"
    lines = [
        LineSet(number=1, before=None, after=b"zero"),
        LineSet(number=2, before=b"two", after=b"TWO"),
        LineSet(number=4, before=None, after=b"four"),
    ]
    assert with_lines(content, lines) == b"zero\r\none\r\nTWO\r\nthree\r\nfour\r\n"


@pytest.mark.parametrize(
    "line",
    [
        LineSet(number=1, before=b"two", after=b"x"),
        LineSet(number=3, before=b"one", after=b"x"),
        LineSet(number=0, before=None, after=b"x"),
        LineSet(number=4, before=None, after=b"x"),
        LineSet(number=1, before=b"one", after=b"x\ny"),
    ],
)
def test_a_line_that_is_not_what_was_seen_is_refused(line: LineSet) -> None:
    with pytest.raises(Untouched):
        with_lines(b"one\ntwo\n", [line])
