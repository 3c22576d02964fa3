"""`davy.host.packages.several`: more than one database on one root."""

from __future__ import annotations

import pytest
from tests.unit.host.packages.formats import ONE, TWO, dpkg, installed, pacman, rpm_ndb

from davy.host import Entry, HostError, MemoryRoot
from davy.host.digests import SumKind, digest_of_bytes
from davy.host.packages import Provenance, packages

FILES = dpkg({"one": ONE}) | rpm_ndb({"two": TWO}) | installed({"one": ONE, "two": TWO})
BROKEN = {"/usr/lib/sysimage/rpm/Packages.db": b"no database"}


def test_each_is_asked() -> None:
    ours = packages(MemoryRoot(FILES))
    assert ours.kinds >= {SumKind.MD5, SumKind.SHA256}
    assert ours.owners(["/usr/bin/tool", "/usr/bin/two", "/x"]) == {"/usr/bin/tool": "one", "/usr/bin/two": "two"}
    assert ours.provenance(["/usr/bin/tool", "/usr/bin/two", "/x"]) == {
        "/usr/bin/tool": Provenance("one", True),
        "/usr/bin/two": Provenance("two", True),
        "/x": Provenance(),
    }
    assert [expected and expected.package for expected in map(ours.expected, ("/usr/bin/two", "/x"))] == ["two", None]
    assert list(ours.listed("two")) == [item.path for item in TWO]
    for content, path in ((b"tool", "/usr/bin/tool"), (b"two", "/usr/bin/two"), (b"x", None)):
        assert ours.twin(digest_of_bytes(content, ours.kinds)) == path
    assert ours.unmodified("/usr/bin/two", "two", digest_of_bytes(b"x", ours.kinds)) is False
    assert ours.unread == []


def test_what_is_missing_of_any_is_named() -> None:
    files = dict(FILES)
    del files["/usr/bin/tool"], files["/usr/bin/two"]
    ours = packages(MemoryRoot(files))
    assert ours.missing(["/usr/bin/tool", "/usr/bin/two"]) == {"/usr/bin/tool": "one", "/usr/bin/two": "two"}


def test_the_first_that_owns_a_path_is_believed() -> None:
    both = dpkg({"one": ONE}) | pacman({"other": ONE}) | installed({"one": ONE})
    assert packages(MemoryRoot(both)).provenance(["/usr/bin/tool"]) == {"/usr/bin/tool": Provenance("one", True)}


def test_a_forgiving_one_answers_from_what_it_can_read_and_names_the_rest() -> None:
    ours = packages(MemoryRoot(FILES | BROKEN), forgiving=True)
    assert ours.owners(["/usr/bin/tool", "/usr/bin/two"]) == {"/usr/bin/tool": "one"}
    assert ours.owners(["/usr/bin/tool"]) == {"/usr/bin/tool": "one"}
    (unread,) = ours.unread
    assert "Packages.db" in unread


def test_another_raises_when_any_cannot_be_read() -> None:
    ours = packages(MemoryRoot(FILES | BROKEN))
    for _ in range(2):
        with pytest.raises(HostError, match=r"Packages\.db"):
            ours.owners(["/usr/bin/tool"])


@pytest.mark.parametrize(
    ("path", "trap"),
    [
        ("/var/lib/dpkg/info", Entry(target="/var/lib/dpkg/info")),
        ("/lib/apk/db/installed", Entry(mode=0o010644)),
        ("/var/lib/rpm/Packages", Entry(b"\0" * 600)),
        ("/var/lib/rpm/rpmdb.sqlite", Entry(b"\0" * 600)),
    ],
)
def test_a_forgiving_one_never_raises(path: str, trap: Entry) -> None:
    ours = packages(MemoryRoot({path: trap}), forgiving=True)
    assert (ours.owners(["/x"]), ours.missing(["/x"]), ours.expected("/x")) == ({}, {}, None)
    assert list(ours.listed("x")) == []
    assert ours.provenance(["/x"]) == {"/x": Provenance()}
    (unread,) = ours.unread
    assert path in unread


def test_a_forgiving_one_of_a_root_without_any_has_nothing_to_forgive() -> None:
    assert packages(MemoryRoot({}), forgiving=True).unread == ()
