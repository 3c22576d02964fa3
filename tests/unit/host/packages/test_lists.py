"""`davy.host.packages.lists`: the lists answer alike before there is an index, and after."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from davy.host.packages.lists import Lists

LINES = st.binary(max_size=3)


@given(st.lists(st.lists(st.lists(LINES), max_size=3), max_size=6), st.lists(st.frozensets(LINES), max_size=6))
def test_every_question_is_answered_by_each_list_that_has_the_line(
    lists: list[list[list[bytes]]], questions: list[frozenset[bytes]]
) -> None:
    named = {f"list {number}": parts for number, parts in enumerate(lists)}
    ours = Lists(lambda: ((name, part) for name, parts in named.items() for part in parts), lambda name: named[name])
    for wanted in questions:
        expected = {(line, name) for name, parts in named.items() for part in parts for line in part if line in wanted}
        found = list(ours.holders(wanted))
        assert set(found) == expected
        assert [name for _, name in found] == sorted(name for _, name in found)


def test_the_lists_are_not_gone_through_for_ever() -> None:
    gone_through, looked_up = [], []

    def every() -> Iterator[tuple[str, list[bytes]]]:
        gone_through.append(1)
        yield from (("a", [b"/x", b"/y"]), ("b", [b"/y"]), ("b", [b"/z"]))

    def of(name: str) -> Iterator[list[bytes]]:
        looked_up.append(name)
        return (part for each, part in (("a", [b"/x", b"/y"]), ("b", [b"/y"]), ("b", [b"/z"])) if each == name)

    ours = Lists(every, of)
    for _ in range(9):
        assert list(ours.holders({b"/y"})) == [(b"/y", "a"), (b"/y", "b")]
        assert list(ours.holders({b"/z", b"/none"})) == [(b"/z", "b")]
        assert list(ours.holders({b"/none"})) == []
    assert len(gone_through) == 5
    assert set(looked_up) == {"a", "b"}


def test_a_list_that_vanished_since_answers_nothing() -> None:
    ours = Lists(lambda: iter([("a", [b"/x"])]), lambda _: iter(()))
    answers = [list(ours.holders({b"/x"})) for _ in range(5)]
    assert answers == [[(b"/x", "a")]] * 4 + [[]]
