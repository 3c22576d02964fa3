"""What a service manager answers is read as the D-Bus specification has it, and nothing else is believed."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.hands.errors import Untouched
from davy.hands.systemd import first_texts


def listed(*names: str) -> bytes:
    """The body of an answer of the signature ``a(ssssssouso)``."""
    body = bytearray(8)
    for name in names:
        body += bytes(-len(body) % 8)
        for text in (name, f"what {name} is", "loaded", "active", "waiting", "", "/org/x", 7, "", "/"):
            body += bytes(-len(body) % 4)
            if isinstance(text, int):
                body += struct.pack("<I", text)
            else:
                body += struct.pack("<I", len(text)) + text.encode() + b"\0"
    struct.pack_into("<I", body, 0, len(body) - 8)
    return bytes(body)


@given(st.lists(st.text("abc@.x-", min_size=1, max_size=20), max_size=5))
def test_the_names_of_units_are_read_from_an_answer(names: list[str]) -> None:
    assert list(first_texts(listed(*names))) == names


@given(st.binary(max_size=200))
def test_any_other_answer_is_refused_or_gives_texts(body: bytes) -> None:
    with contextlib.suppress(Untouched):
        assert all(isinstance(text, str) for text in first_texts(body))


def test_an_answer_that_is_cut_off_is_refused() -> None:
    with pytest.raises(Untouched):
        list(first_texts(listed("a@1.timer", "a@2.timer")[:-20]))
