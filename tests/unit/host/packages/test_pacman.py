"""`davy.host.packages.pacman` and `davy.host.packages.mtree`: what the other formats do not have."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.host.packages.formats import ONE, Item, mtree, pacman

from davy.host import MemoryRoot, Refused
from davy.host.digests import SumKind, digest_of_bytes
from davy.host.packages import packages
from davy.host.packages.mtree import Mtree

FOLDER = "/var/lib/pacman/local/one-1:2.0-3"
NAMES = st.text(st.characters(min_codepoint=1, exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


@given(NAMES)
def test_any_name_is_found_in_a_manifest(name: str) -> None:
    manifest = Mtree(mtree([Item("/usr/other", b"other"), Item(f"/usr/{name}", b"this")]))
    found = manifest.entry(f"usr/{name}".encode())
    assert found is not None
    assert found.sum is not None
    assert found.sum.agrees(digest_of_bytes(b"other" if name == "other" else b"this")) is True


def test_settings_hold_until_the_next_and_a_line_has_the_last_word() -> None:
    lines = (
        "#mtree",
        "/set mode=644 uid=0",
        "./a type=file",
        "/set mode=755",
        "./b type=file",
        "./c mode=600",
        "/set mode=1",
    )
    manifest = Mtree(gzip.compress("\n".join(lines).encode()))
    assert [(found := manifest.entry(name)) and found.mode for name in (b"a", b"b", b"c")] == [0o644, 0o755, 0o600]
    assert manifest.entry(b"d") is None


def test_where_a_link_points_is_unescaped() -> None:
    manifest = Mtree(gzip.compress(b"#mtree\n./a type=link link=some\\040where\n"))
    found = manifest.entry(b"a")
    assert found is not None
    assert found.target == "some where"


def test_a_manifest_that_unfolds_without_end_is_refused() -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(squeezer.compress(b"\0" * (1 << 20)) for _ in range(140)) + squeezer.flush()
    assert len(bomb) < 1 << 20
    with pytest.raises(Refused, match="MiB"):
        Mtree(bomb)


def test_without_a_manifest_configuration_still_has_its_sum() -> None:
    files = pacman({"one": ONE})
    del files[f"{FOLDER}/mtree"]
    ours = packages(MemoryRoot(files))
    assert ours.owners(["/usr/bin/tool", "/etc/one.conf"]) == {"/usr/bin/tool": "one", "/etc/one.conf": "one"}
    assert ours.unmodified("/etc/one.conf", "one", digest_of_bytes(b"conf", (SumKind.MD5,))) is True
    assert ours.unmodified("/usr/bin/tool", "one", digest_of_bytes(b"tool")) is None


def test_a_folder_belongs_to_who_brought_it_and_a_section_is_no_path() -> None:
    files = pacman({"one": [*ONE, Item("/usr/share/one", None, mode=0o755)]})
    ours = packages(MemoryRoot(files))
    assert ours.owners(["/usr/share/one", "/%FILES%", "/%BACKUP%", "/"]) == {"/usr/share/one": "one"}


def test_a_package_that_cannot_be_read_stops_nothing() -> None:
    files = pacman({"one": ONE}) | {"/var/lib/pacman/local/broken-1-1/mtree": b"", "/var/lib/pacman/local/x": b""}
    ours = packages(MemoryRoot(files))
    assert ours.owners(["/usr/bin/tool"]) == {"/usr/bin/tool": "one"}
    assert ours.twin(digest_of_bytes(b"tool")) == "/usr/bin/tool"
