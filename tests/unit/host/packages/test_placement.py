"""`davy.host.packages.placement`: the names that a file has by the folders that are merged into ``/usr``."""

from __future__ import annotations

import pytest

from davy.host import Entry, MemoryRoot
from davy.host.packages.placement import Placement

DEBIAN = {"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"}
ARCH = {
    "/bin": "usr/bin",
    "/sbin": "usr/bin",
    "/lib": "usr/lib",
    "/lib64": "usr/lib",
    "/usr/sbin": "bin",
    "/usr/lib64": "lib",
}
FEDORA = {"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib64": "usr/lib64", "/usr/sbin": "bin"}


def placement(links: dict[str, str]) -> Placement:
    return Placement(MemoryRoot({path: Entry(target=target) for path, target in links.items()}), ())


def names(links: dict[str, str], path: str) -> set[str]:
    return {listing.path for listing in placement(links).listings(path)}


@pytest.mark.parametrize(
    ("links", "one", "others"),
    [
        (DEBIAN, "/usr/bin/sh", {"/bin/sh"}),
        (DEBIAN, "/usr/sbin/init", {"/sbin/init"}),
        (ARCH, "/usr/bin/init", {"/bin/init", "/sbin/init", "/usr/sbin/init"}),
        (ARCH, "/usr/lib/ld.so", {"/lib/ld.so", "/lib64/ld.so", "/usr/lib64/ld.so"}),
        (FEDORA, "/usr/bin/init", {"/bin/init", "/sbin/init", "/usr/sbin/init"}),
        ({}, "/usr/bin/sh", set()),
        (DEBIAN, "/usr/binary", set()),
        (DEBIAN, "/binary", set()),
        (DEBIAN, "/opt/bin/sh", set()),
    ],
)
def test_a_file_is_looked_for_by_all_its_names(links: dict[str, str], one: str, others: set[str]) -> None:
    for name in (one, *others):
        assert names(links, name) == {one, *others}


@pytest.mark.parametrize("target", ["/opt/bin", "usr/sbin", "/", ".", "bin", "/tmp", "../../usr/../tmp/bin"])
def test_a_link_to_anywhere_else_moves_nothing(target: str) -> None:
    assert names({"/bin": target}, "/bin/sh") == {"/bin/sh"}


@pytest.mark.parametrize("target", ["usr/bin", "/usr/bin", "/usr/bin/", "./usr/bin", "../usr/bin"])
def test_a_link_may_be_written_in_any_way(target: str) -> None:
    assert names({"/bin": target}, "/bin/sh") == {"/bin/sh", "/usr/bin/sh"}
