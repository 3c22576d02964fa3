"""JavaScript cut into tokens and calls."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.javascript import calls, string_value, tokens

NAMES = frozenset({"a.b"})


def test_names_with_dots_strings_and_signs_are_tokens_and_comments_are_none() -> None:
    text = "a . b('x\\'y' /* c */ + `d`) // e\n;"
    assert [(token.kind, token.text) for token in tokens(text)] == [
        ("name", "a.b"),
        ("sign", "("),
        ("string", "'x\\'y'"),
        ("sign", "+"),
        ("string", "`d`"),
        ("sign", ")"),
        ("sign", ";"),
    ]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"a\\"b"', 'a"b'),
        ("'\\x2ftmp\\u002fx'", "/tmp/x"),
        ("`a\\\nb`", "ab"),
        ("'\\n'", "\n"),
        ("'open", "open"),
        ("'", ""),
    ],
)
def test_strings_are_what_they_mean(literal: str, value: str) -> None:
    (token,) = tokens(literal)
    assert string_value(token) == value


def test_a_call_goes_to_its_own_bracket_and_semicolon() -> None:
    text = "x; a.b(c(d)[1], {e: ')'}); a.b();"
    assert [text[call.start : call.end] for call in calls(tuple(tokens(text)), NAMES)] == [
        "a.b(c(d)[1], {e: ')'});",
        "a.b();",
    ]


def test_calls_within_anothers_arguments_are_that_ones_and_depth_counts_brackets() -> None:
    found = list(calls(tuple(tokens("if (x) { a.b(a.b()); }")), NAMES))
    assert [(call.depth, len(call.arguments)) for call in found] == [(1, 3)]


def test_a_name_without_a_bracket_and_one_that_only_ends_alike_are_no_calls() -> None:
    assert list(calls(tuple(tokens("a.b; x.a.b(); 'a.b()'; a.b")), NAMES)) == []


@given(st.lists(st.sampled_from([*"(){}[];,'\"`/*\\\n \udcff", "a.b", "//"])).map("".join))
def test_any_text_is_read(text: str) -> None:
    found = tuple(tokens(text))
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    for call in calls(found, NAMES):
        assert text[call.start : call.end].startswith("a")
        assert call.depth >= 0
