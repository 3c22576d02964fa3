"""`davy.host.packages.apk`: what the other formats do not have."""

from __future__ import annotations

import base64
import hashlib

import pytest
from tests.unit.host.packages.formats import ONE, Item, apk, installed

from davy.host import Entry, MemoryRoot, Refused
from davy.host.digests import SumKind, digest_of_bytes
from davy.host.packages import Provenance, packages

PLACE = "/lib/apk/db/installed"


def test_the_newer_place_is_read_as_well() -> None:
    assert packages(MemoryRoot({"/usr" + PLACE: apk({"one": ONE})[PLACE]})).owners(["/usr/bin/tool"])


def test_a_newer_sum_is_understood() -> None:
    sum_ = base64.b64encode(hashlib.sha256(b"tool").digest()).decode()
    ours = packages(MemoryRoot({PLACE: f"P:one\nF:usr/bin\nR:tool\nZ:Q2{sum_}\n\n"}))
    assert ours.unmodified("/usr/bin/tool", "one", digest_of_bytes(b"tool", ours.kinds)) is True
    assert ours.twin(digest_of_bytes(b"tool", ours.kinds)) == "/usr/bin/tool"


@pytest.mark.parametrize("told", ["Q1", "Q1AAAA", "Q9" + "A" * 27 + "=", "Q1" + "!" * 28, "deadbeef", ""])
def test_what_is_no_sum_says_nothing(told: str) -> None:
    ours = packages(MemoryRoot({PLACE: f"P:one\nF:usr/bin\nR:tool\nZ:{told}\n\n"}))
    assert ours.owners(["/usr/bin/tool"]) == {"/usr/bin/tool": "one"}
    assert ours.unmodified("/usr/bin/tool", "one", digest_of_bytes(b"tool", SumKind)) is None


def test_a_file_of_the_mode_of_links_is_told_from_a_link_by_looking() -> None:
    one = {"one": [Item("/usr/bin/open", b"open", mode=0o777)]}
    for content, unmodified in ((b"open", True), (b"miner", False)):
        files = apk(one) | {"/usr/bin/open": Entry(content)}
        assert packages(MemoryRoot(files)).provenance(["/usr/bin/open"]) == {
            "/usr/bin/open": Provenance("one", unmodified)
        }
    same = digest_of_bytes(b"open", SumKind)
    assert packages(MemoryRoot(apk(one))).unmodified("/usr/bin/open", "one", same) is True
    assert packages(MemoryRoot(apk(one))).unmodified("/usr/bin/open", "one", digest_of_bytes(b"", SumKind)) is None


def test_of_two_packages_that_list_a_path_the_first_has_it() -> None:
    ours = packages(MemoryRoot(apk({"one": ONE, "two": ONE}) | installed({"one": ONE})))
    assert ours.provenance(["/usr/bin/tool"]) == {"/usr/bin/tool": Provenance("one", True)}


def test_more_files_than_any_host_has_are_refused() -> None:
    stanza = "P:one\nF:x\n" + "".join(f"R:{number}\n" for number in range(1001))
    text = "\n".join(stanza.replace("F:x", f"F:{number}") for number in range(1000))
    with pytest.raises(Refused, match="files"):
        packages(MemoryRoot({PLACE: text})).owners(["/usr/bin/tool"])
