"""Where paths lead within a root."""

from __future__ import annotations

import pytest

from davy.collect.autostarts.reading.links import Links
from davy.host import Entry, MemoryRoot, Refused

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
