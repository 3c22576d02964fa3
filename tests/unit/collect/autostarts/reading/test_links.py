"""Where paths lead, and those that lead nowhere."""

from __future__ import annotations

import time

import pytest

from davy.collect.autostarts.reading.links import Links
from davy.host import Entry, MemoryRoot, Refused


def test_links_are_followed_and_what_is_not_there_stays() -> None:
    root = MemoryRoot({"/lib": Entry(target="usr/lib"), "/usr/lib/x": "", "/y": Entry(target="/lib/../lib/z")})
    assert [Links(root).resolve(path) for path in ("/lib/x", "/y", "/no/./../where")] == [
        "/usr/lib/x", "/usr/lib/z", "/where",
    ]  # fmt: skip


def test_links_that_go_round_in_a_circle_are_refused() -> None:
    with pytest.raises(Refused, match="too many links"):
        Links(MemoryRoot({"/a": Entry(target="b"), "/b": Entry(target="a")})).resolve("/a")


@pytest.mark.parametrize("part", ["/a", "/a/..", "/.", "a"])
def test_what_is_longer_than_a_path_can_be_is_refused_at_once(part: str) -> None:
    """Part by part, the longest word of a script would take a minute and gigabytes."""
    started = time.process_time()
    with pytest.raises(Refused, match="longer than a path can be") as refused:
        Links(MemoryRoot({})).resolve(part * 30_000)
    assert time.process_time() - started < 0.1
    assert len(str(refused.value)) < 200
