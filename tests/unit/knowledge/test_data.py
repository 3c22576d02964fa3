"""Knowledge files: patterns mean what they say, and unknown keys are refused."""

from __future__ import annotations

import re

import msgspec
import pytest

from davy.knowledge.data import glob_expression, listed, read, wild
from davy.knowledge.words import Reader


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/tmp/x[0-9]*", "/tmp/x1", True),
        ("/tmp/x[0-9]*", "/tmp/x1/y", False),
        ("/tmp/x[0-9]*", "/tmp/x", False),
        ("/a/**/b", "/a/x/y/b", True),
        ("/a/*/b", "/a/x/y/b", False),
        ("a.?", "a.b", True),
        ("a.?", "aab", False),
    ],
)
def test_patterns(pattern: str, text: str, matches: bool) -> None:
    assert wild(pattern)
    assert bool(re.fullmatch(glob_expression(pattern), text)) is matches


def test_a_plain_name_is_no_pattern() -> None:
    assert not wild("xmr-stak.sh+")
    assert re.fullmatch(glob_expression("a+b"), "a+b")


def test_families_are_listed_in_order() -> None:
    names = listed("families")
    assert names == tuple(sorted(names))
    assert "families/kinsing.toml" in names


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        read("benign.toml", Reader)
