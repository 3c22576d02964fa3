"""Text from a host: every byte an enemy chose, none that a terminal obeys."""

from __future__ import annotations

import json
import os
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.model.facts import Gap
from davy.model.text import encodable, escaped_json, printable

ANY = st.text(st.characters(exclude_categories=())) | st.binary().map(os.fsdecode)
"""Any text Python can hold, lone surrogates among it, and any bytes as a file name decodes them."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kdevtmpfsi", "kdevtmpfsi"),
        ("a b", "a b"),
        ("naïve 鉱夫 ⛏", "naïve 鉱夫 ⛏"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\nb\rc\td", r"a\x0ab\x0dc\x09d"),
        ("\x00\x7f\x9b31m", r"\x00\x7f\x9b31m"),
        (os.fsdecode(b"\xff\xfe/x"), r"\xff\xfe/x"),
        ("\ud800", r"\ud800"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("zero\u200bwidth\u00adsoft\ufeff", r"zero\u200bwidth\xadsoft\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\U000e0041", r"\U000e0041"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("x" * 11, 10) == "x" * 10 + "…"
    assert len(printable("\x1b" * 10_000_000)) == 4096 * 4 + 1


@given(ANY)
def test_nothing_is_left_for_a_terminal_to_obey(text: str) -> None:
    shown = printable(text, len(text))
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in shown} & {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "PDI"}
    shown.encode()
    assert printable(shown, len(shown)) == shown


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner), max_leaves=8))
def test_any_text_can_be_stored_and_what_is_unicode_stays_as_it_is(value: object) -> None:
    found = encodable(value)
    msgspec.json.encode(found)
    msgspec.msgpack.encode(found)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            assert found == printable(value, len(value))
        else:
            assert found == value


def test_a_struct_is_stored_by_its_fields_and_bytes_stay_bytes() -> None:
    assert encodable(Gap("processes", "\udcff", "why")) == {"collector": "processes", "what": r"\xff", "why": "why"}
    assert encodable([b"\xff", ("a", 1, None, 0.5, True)]) == [b"\xff", ["a", 1, None, 0.5, True]]


@given(st.text())
def test_escaped_json_means_the_same_and_has_nothing_for_a_terminal_to_obey(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    shown = escaped_json(msgspec.json.encode({text: [text]}).decode())
    assert json.loads(shown) == {text: [text]}
    assert msgspec.json.decode(shown) == {text: [text]}
    assert printable(shown, len(shown)) == shown


def test_the_lines_of_json_stay_lines() -> None:
    text = msgspec.json.format('{"a": "\u009b", "b": "\U000e0041\\n"}', indent=2)
    assert escaped_json(text) == '{\n  "a": "\\u009b",\n  "b": "\\udb40\\udc41\\n"\n}'
