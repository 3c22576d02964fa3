"""Where in a JSON text its values stand."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.formats.json_spans import elements, members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.sampled_from([None, 1, 4]))
def test_every_member_can_be_replaced_alone(tree: dict[str, object], indent: int | None) -> None:
    text = json.dumps(tree, indent=indent)
    assert {each.key: each.value for each in members(text)} == tree
    for each in members(text):
        assert json.loads(text[: each.start] + '"-"' + text[each.end :]) == tree | {each.key: "-"}


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1, 4]))
def test_every_element_has_its_place(values: list[object], indent: int | None) -> None:
    text = " " + json.dumps(values, indent=indent)
    assert [json.loads(text[each.start : each.end]) for each in elements(text)] == values


@given(st.text(st.sampled_from('[]{}":, 1a\\n')))
def test_whatever_the_text_nothing_is_raised(text: str) -> None:
    list(members(text))
    list(elements(text))


def test_what_is_well_formed_before_an_error_or_an_abyss_is_read() -> None:
    assert [each.value for each in elements('[1, {"a": 2}, nonsense')] == [1, {"a": 2}]
    assert [each.value for each in elements("[1, " + "[" * 100_000)] == [1]
    assert list(members("[1]")) == []
    assert list(elements('{"a": 1}')) == []
