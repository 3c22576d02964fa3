"""Paths by their shape."""

from __future__ import annotations

from pathlib import Path

import pytest

import davy.collect.autostarts.reading.patterns as module
from davy.collect.autostarts.reading.patterns import PARTS_LIMIT, Patterns
from davy.host import Denied, DirectoryRoot, Host, MemoryRoot, Root
from davy.host.links import Links
from davy.model.facts import Gap

FILES = {"/a/x/one.conf": "", "/a/.y/two.conf": "", "/a/z.conf": "", "/b/one": ""}


def patterns_of(root: Root) -> Patterns:
    return Patterns(Host(root), "test", Links(root))


def paths(*patterns: str) -> list[str | Gap]:
    return list(patterns_of(MemoryRoot(FILES)).paths(*patterns))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/a/*/*.conf", ["/a/.y/two.conf", "/a/x/one.conf"]),
        ("/a/*.conf", ["/a/z.conf"]),
        ("/*/one", ["/a/one", "/b/one"]),
        ("/nowhere/*", []),
        ("/nowhere/x", ["/nowhere/x"]),
        ("/b/one/*", []),
        ("/a/[xz]/one.conf", ["/a/x/one.conf"]),
    ],
)
def test_patterns_match_as_in_a_shell_and_hidden_names_too(pattern: str, expected: list[str]) -> None:
    assert paths(pattern) == expected


class Closed(MemoryRoot):
    def names(self, path: str) -> list[str]:
        raise Denied(f"{path}: Permission denied")


def test_a_folder_that_may_not_be_listed_is_one_gap() -> None:
    patterns = patterns_of(Closed(FILES))
    assert list(patterns.paths("/a/*", "/a/*.conf")) == [Gap("test", "/a", "/a: Permission denied")]


def test_a_pattern_through_endless_folders_ends_and_one_gap_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLDERS_LIMIT", 50)
    for name in ("a", "b"):
        (tmp_path / name).symlink_to(".")
    found = list(patterns_of(DirectoryRoot(str(tmp_path))).paths("/" + "*/" * 30 + "x"))
    assert [fact.what for fact in found if isinstance(fact, Gap)] == ["the rest of the folders"]


def test_a_pattern_that_is_too_deep_is_a_gap() -> None:
    assert [type(path) for path in paths("/*" * (PARTS_LIMIT + 1))] == [Gap]
