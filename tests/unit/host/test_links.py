"""Where paths lead within a root, and those that lead nowhere."""

from __future__ import annotations

import time

import pytest

from davy.host import Entry, MemoryRoot, Refused
from davy.host.links import Links

ROOT = MemoryRoot({
    "/usr/lib/x": "", "/lib": Entry(target="usr/lib"), "/usr/lib/y": Entry(target="../../lib/x"),
    "/gone": Entry(target="/nowhere"), "/loop": Entry(target="loop"), "/up": Entry(target="../../usr"),
})  # fmt: skip


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/", "/"),
        ("/lib/x", "/usr/lib/x"),
        ("/lib/y", "/usr/lib/x"),
        ("/lib/", "/usr/lib"),
        ("/lib/../lib/./x", "/usr/lib/x"),
        ("/up/lib/x", "/usr/lib/x"),
        ("/gone", None),
        ("/none/x", None),
        ("/lib/none", None),
        ("/" + "usr/../" * 200 + "lib/x", "/usr/lib/x"),
    ],
)
def test_what_is_there_is_found_under_its_own_path(path: str, leads_to: str | None) -> None:
    links = Links(ROOT)
    assert [links.find(path), links.find(path)] == [leads_to] * 2


def test_what_is_not_there_stays_as_it_is_written() -> None:
    assert Links(ROOT).resolve("/lib/none/x") == "/usr/lib/none/x"


@pytest.mark.parametrize("path", ["/loop", "/loop/x"])
def test_a_loop_is_refused(path: str) -> None:
    for way in (Links(ROOT).find, Links(ROOT).resolve):
        with pytest.raises(Refused):
            way(path)


def test_only_what_is_a_link_itself_is_one_and_in_its_folders_own_path() -> None:
    links = Links(ROOT)
    assert (links.itself("/lib/x"), links.itself("/lib/y"), links.itself("/lib")) == (None, "/usr/lib/y", "/lib")
    assert links.itself("/none/x") is None


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
