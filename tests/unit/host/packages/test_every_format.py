"""`davy.host.packages`: what every database must answer, whatever its format, and what it must not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.host.packages.formats import FORMATS, ONE, TWO, Item, installed

from davy.host import Entry, HostError, MemoryRoot
from davy.host.digests import SumKind, digest_of_bytes
from davy.host.packages import PackageDatabase, Provenance, packages

PACKAGES = {"one": ONE, "two": TWO}
NAMES = [item.path for item in ONE]
LINKLESS = {"static"}
"""Formats that do not list links."""

every_format = pytest.mark.parametrize("kind", FORMATS)


@cache
def built(kind: str) -> dict[str, bytes]:
    """The database of one package."""
    files = FORMATS[kind]({"one": ONE})
    return {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}  # type: ignore[misc]


def database(kind: str, **changed: bytes | Entry | None) -> PackageDatabase:
    """Two packages as they were installed; what is changed is named by its file, None for what is gone."""
    files = installed(PACKAGES)
    for path in list(files):
        if (name := path.rpartition("/")[2]) in changed:
            value = changed[name]
            files.pop(path) if value is None else files.update({path: value})
    return packages(MemoryRoot(FORMATS[kind](PACKAGES) | files))


@every_format
def test_the_owner_is_the_package_that_put_it_there(kind: str) -> None:
    asked = ["/usr/bin/tool", "/usr/share/odd name é#=\\x", "/etc/one.conf", "/usr/bin/two", "/usr/share/two/tool"]
    others = ["/usr/bin/too", "/usr/bin/tools", "/tmp/tool", "tool", "", "/", "usr/bin/tool", "/usr/share/two/two"]
    found = database(kind).owners([*asked, *others])
    assert [found.get(path) for path in asked] == ["one", "one", "one", "two", "two"]
    assert found.keys() <= {*asked, "/"}


@every_format
def test_a_file_is_unmodified_by_its_content(kind: str) -> None:
    ours = database(kind)
    same, other = (digest_of_bytes(content, SumKind) for content in (b"tool", b"miner"))
    assert ours.unmodified("/usr/bin/tool", "one", same) is True
    assert ours.unmodified("/usr/bin/tool", "one", other) is False
    assert ours.unmodified("/usr/bin/tool", "two", same) is None
    assert ours.unmodified("/usr/bin/tool", "three", same) is None
    assert ours.unmodified("/usr/bin/absent", "one", same) is None


@every_format
def test_a_digest_of_another_kind_says_nothing(kind: str) -> None:
    unknown = digest_of_bytes(b"tool", (SumKind.SHA512,))
    assert database(kind).unmodified("/usr/bin/tool", "one", unknown) is None


@every_format
def test_the_kinds_it_names_suffice(kind: str) -> None:
    ours = database(kind)
    digest = digest_of_bytes(b"tool", ours.kinds)
    assert ours.unmodified("/usr/bin/tool", "one", digest) is True
    assert ours.twin(digest) == "/usr/bin/tool"


@every_format
def test_a_copy_has_a_twin(kind: str) -> None:
    ours = database(kind)
    for content, path in ((b"two", "/usr/bin/two"), (b"odd", "/usr/share/odd name é#=\\x")):
        assert ours.twin(digest_of_bytes(content, SumKind)) == path
    for content in (b"", b"miner"):
        assert ours.twin(digest_of_bytes(content, SumKind)) is None


@every_format
def test_the_provenance_of_what_is_there(kind: str) -> None:
    found = database(kind).provenance([*NAMES, "/usr/bin/miner", "/usr/bin/two"])
    assert found["/usr/bin/miner"] == Provenance()
    assert found["/usr/bin/two"] == Provenance("two", True)
    assert all(found[path] == Provenance("one", True) for path in NAMES if path != "/usr/bin/alias")
    assert found["/usr/bin/alias"] == (Provenance() if kind in LINKLESS else Provenance("one", True))


@every_format
def test_the_provenance_of_what_was_changed(kind: str) -> None:
    changed = database(kind, tool=b"miner", **{"one.conf": b"other"}).provenance(NAMES)
    assert [changed[path].unmodified for path in ("/usr/bin/tool", "/etc/one.conf")] == [False, False]
    assert changed["/usr/lib/empty"].unmodified is True
    assert not changed["/usr/bin/alias"].unmodified  # leads to what was changed


@every_format
def test_what_is_gone_or_cannot_be_read_is_not_said_to_be_changed(kind: str) -> None:
    gone = database(kind, tool=None, two=Entry(mode=0o010644)).provenance(["/usr/bin/tool", "/usr/bin/two"])
    assert gone == {"/usr/bin/tool": Provenance("one"), "/usr/bin/two": Provenance("two")}


@every_format
def test_a_link_to_something_else_is_not_the_packages(kind: str) -> None:
    elsewhere = database(kind, alias=Entry(target="/tmp/miner")).provenance(["/usr/bin/alias"])["/usr/bin/alias"]
    assert elsewhere.unmodified is (None if kind in ("dpkg", *LINKLESS) else False)
    replaced = database(kind, alias=Entry(b"miner")).provenance(["/usr/bin/alias"])["/usr/bin/alias"]
    assert replaced.unmodified is (None if kind in ("dpkg", *LINKLESS) else False)


@every_format
def test_links_in_a_ring_end(kind: str) -> None:
    ring = database(kind, alias=Entry(target="/usr/bin/alias"))
    assert not ring.provenance(["/usr/bin/alias"])["/usr/bin/alias"].unmodified


@every_format
def test_what_a_package_installed_is_told(kind: str) -> None:
    ours = database(kind)
    tool, conf = ours.expected("/usr/bin/tool"), ours.expected("/etc/one.conf")
    assert tool is not None
    assert tool.sum is not None
    assert conf is not None
    assert tool.package == "one"
    assert tool.sum.agrees(digest_of_bytes(b"tool", SumKind)) is True
    assert tool.mode in (None, 0o4755)
    assert (tool.mode is None) == (kind in ("dpkg", "static"))
    assert (tool.configuration, conf.configuration) == (False, kind != "static")
    assert ours.expected("/usr/bin/miner") is None


@every_format
def test_the_paths_of_a_package_are_listed(kind: str) -> None:
    listed = list(database(kind).listed("one"))
    assert sorted(listed) == sorted(set(NAMES) - ({"/usr/bin/alias"} if kind in LINKLESS else set()))
    assert list(database(kind).listed("three")) == []


@every_format
def test_what_is_missing_is_named_and_a_removed_configuration_is_not(kind: str) -> None:
    ours = database(kind, tool=None, **{"one.conf": None})
    expected = {"/usr/bin/tool": "one", "/usr/share/two/tool": "two"}
    if kind == "static":  # it does not know what is configuration
        expected["/etc/one.conf"] = "one"
    assert ours.missing([*NAMES, "/usr/bin/two", "/usr/share/two/tool", "/usr/bin/miner"]) == expected


@every_format
def test_answers_are_remembered(kind: str) -> None:
    class Counting(MemoryRoot):
        reads = 0

        def read(self, path: str, limit: int = 1 << 20) -> bytes:
            self.reads += 1
            return super().read(path, limit)

        def opened(self, path: str):  # type: ignore[no-untyped-def]
            self.reads += 1
            return super().opened(path)

    root = Counting(FORMATS[kind](PACKAGES) | installed(PACKAGES))
    ours = packages(root)
    ours.owners([*NAMES, "/tmp/x"])
    before = root.reads
    assert ours.owners(["/usr/bin/tool", "/tmp/x"]) == {"/usr/bin/tool": "one"}
    assert root.reads == before


@every_format
def test_a_database_that_was_cut_off_anywhere_crashes_nothing(kind: str) -> None:
    whole = built(kind)
    for path, content in whole.items():
        for length in (*range(0, min(len(content), 700), 7), len(content) - 1, len(content) // 2):
            ask_everything(whole | {path: content[:length]})


@every_format
@given(data=st.data())
def test_a_database_with_any_bytes_overwritten_crashes_nothing(kind: str, data: st.DataObject) -> None:
    whole = built(kind)
    path = data.draw(st.sampled_from(sorted(whole)))
    content = whole[path]
    changed = bytearray(content)
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(changed) - 1), st.binary(min_size=1, max_size=8)))
    ):
        changed[at : at + len(value)] = value
    ask_everything(whole | {path: bytes(changed)})


@every_format
@given(content=st.binary(max_size=600))
def test_a_database_of_any_bytes_crashes_nothing(kind: str, content: bytes) -> None:
    ask_everything(dict.fromkeys(built(kind), content))


def ask_everything(files: Mapping[str, bytes]) -> None:
    """Asks every question; only a `HostError` may come of it."""
    paths = [*NAMES, "/usr/bin/two", "/"]
    digest = digest_of_bytes(b"tool", SumKind)
    ours = packages(MemoryRoot({**installed({"one": ONE}), **files}))
    for ask in (
        lambda: ours.owners(paths),
        lambda: ours.provenance(paths),
        lambda: [ours.expected(path) for path in paths],
        lambda: ours.missing(paths),
        lambda: list(ours.listed("one")),
        lambda: ours.unmodified("/usr/bin/tool", "one", digest),
        lambda: ours.twin(digest),
    ):
        try:
            ask()
        except HostError:
            continue


def test_a_large_file_is_not_hashed_and_nothing_is_said_of_it() -> None:
    content = b"x" * ((64 << 20) + 1)
    big = {"big": [Item("/usr/bin/big", content)]}
    root = MemoryRoot(FORMATS["dpkg"](big) | installed(big))
    assert packages(root).provenance(["/usr/bin/big"]) == {"/usr/bin/big": Provenance("big")}
