"""`davy.host.packages.rpm`: headers, and the three files that they may be kept in."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.host.packages.formats import (
    ONE,
    TWO,
    Files,
    Item,
    berkeley_file,
    header,
    headers,
    installed,
    ndb_file,
    sqlite_files,
)

from davy.host import Entry, MemoryRoot, Refused
from davy.host.digests import SumKind, digest_of_bytes
from davy.host.packages import PackageDatabase, packages
from davy.host.packages.rpm.header import Header

PLACE = "/var/lib/rpm/rpmdb.sqlite"
MANY = {f"package-{number}": [Item(f"/usr/share/p{number}/file", b"%d" % number)] for number in range(1500)}
TAGS = st.sampled_from([1000, 1029, 1030, 1035, 1036, 1037, 1116, 1117, 1118, 5011])
NUMBERS = st.integers(0, 40) | st.integers(0, 2**32 - 1)
LARGE = [Item(f"/usr/share/large/{number}", b"%d" % number) for number in range(3000)]


def database(
    *blobs: bytes, late: tuple[bytes, ...] = (), page_size: int = 4096, **more: bytes | Entry
) -> PackageDatabase:
    file, log = sqlite_files(blobs, late=late, page_size=page_size)
    files: Files = {PLACE: file, f"{PLACE}-wal": log}
    return packages(MemoryRoot(files | more))


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_a_tree_of_many_packages_and_headers_of_many_pages_are_read(page_size: int) -> None:
    ours = database(*headers(MANY), header("large", LARGE), page_size=page_size)
    assert ours.owners(["/usr/share/p0/file", "/usr/share/p1499/file", "/usr/share/large/2999"]) == {
        "/usr/share/p0/file": "package-0",
        "/usr/share/p1499/file": "package-1499",
        "/usr/share/large/2999": "large",
    }
    assert ours.unmodified("/usr/share/large/2999", "large", digest_of_bytes(b"2999")) is True
    assert ours.unmodified("/usr/share/large/2999", "large", digest_of_bytes(b"2998")) is False


def test_what_is_only_in_the_log_is_read() -> None:
    ours = database(header("one", ONE), late=(header("two", TWO),))
    assert ours.owners(["/usr/bin/tool", "/usr/bin/two"]) == {"/usr/bin/tool": "one", "/usr/bin/two": "two"}


def test_a_log_of_an_earlier_time_or_without_its_end_changes_nothing() -> None:
    file, log = sqlite_files([header("one", ONE)], late=[header("two", TWO)])
    foreign = log[:16] + bytes(8) + log[24:]
    for other in (foreign, log[:-1], log[:32], log[:31], b"", b"\xff" * len(log)):
        ours = packages(MemoryRoot({PLACE: file, f"{PLACE}-wal": other}))
        assert ours.owners(["/usr/bin/tool", "/usr/bin/two"]) == {"/usr/bin/tool": "one"}


def test_no_table_of_packages_is_refused() -> None:
    file, _ = sqlite_files([])
    other = file.replace(b"Packages", b"Packings")
    with pytest.raises(Refused, match="no table"):
        packages(MemoryRoot({PLACE: other})).owners(["/usr/bin/tool"])


def test_an_empty_database_owns_nothing() -> None:
    for files in ({PLACE: sqlite_files([])[0]}, {"/var/lib/rpm/Packages.db": ndb_file([])}):
        assert packages(MemoryRoot(files)).owners(["/usr/bin/tool"]) == {}


def test_a_tree_that_comes_back_to_itself_is_refused() -> None:
    file, _ = sqlite_files(headers(MANY), page_size=512)
    roots = [page for page in range(2, len(file) // 512) if file[page * 512] == 0x05]
    assert roots
    for root in roots:
        looped = bytearray(file)
        looped[root * 512 + 8 : root * 512 + 12] = struct.pack(">I", root + 1)
        with pytest.raises(Refused):
            packages(MemoryRoot({PLACE: bytes(looped)})).owners(["/usr/bin/tool"])


def test_a_row_that_claims_more_than_the_file_has_is_refused() -> None:
    file, _ = sqlite_files([header("large", LARGE)])
    ours = packages(MemoryRoot({PLACE: file[: len(file) // 2 // 4096 * 4096]}))
    with pytest.raises(Refused):
        ours.owners(["/usr/share/large/1"])


def test_a_header_that_cannot_be_understood_owns_nothing_and_stops_nothing() -> None:
    broken = header("broken", ONE)
    ours = database(broken[:-9], b"", b"\0" * 8, header("two", TWO))
    assert ours.owners(["/usr/bin/tool", "/usr/bin/two"]) == {"/usr/bin/two": "two"}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_berkeley_hash_is_read_in_either_byte_order(order: str) -> None:
    file = berkeley_file([header("one", ONE), header("large", LARGE)], order=order)
    ours = packages(MemoryRoot({"/var/lib/rpm/Packages": file}))
    assert ours.owners(["/usr/bin/tool", "/usr/share/large/9"]) == {
        "/usr/bin/tool": "one",
        "/usr/share/large/9": "large",
    }


def test_a_chain_of_pages_that_never_ends_is_refused() -> None:
    file = bytearray(berkeley_file([header("large", LARGE)]))
    file[3 * 512 + 16 : 3 * 512 + 20] = struct.pack("<I", 3)
    file[3 * 512 + 22 : 3 * 512 + 24] = struct.pack("<H", 1)
    with pytest.raises(Refused, match="chain"):
        packages(MemoryRoot({"/var/lib/rpm/Packages": bytes(file)})).owners(["/usr/share/large/9"])


def test_a_btree_is_no_hash() -> None:
    file = berkeley_file([header("one", ONE)]).replace(struct.pack("<I", 0x061561), struct.pack("<I", 0x053162))
    with pytest.raises(Refused, match="hash"):
        packages(MemoryRoot({"/var/lib/rpm/Packages": file})).owners(["/usr/bin/tool"])


def test_a_table_of_slots_larger_than_any_is_refused() -> None:
    file = bytearray(ndb_file([header("one", ONE)]))
    file[12:16] = b"\xff\xff\xff\x0f"
    with pytest.raises(Refused, match="packages"):
        packages(MemoryRoot({"/var/lib/rpm/Packages.db": bytes(file)})).owners(["/usr/bin/tool"])


def test_a_link_from_the_old_place_to_the_new_is_followed() -> None:
    files: Files = {"/usr/lib/sysimage/rpm/Packages.db": ndb_file([header("one", ONE)])}
    files["/var/lib/rpm"] = Entry(target="../../usr/lib/sysimage/rpm")
    assert packages(MemoryRoot(files)).owners(["/usr/bin/tool"]) == {"/usr/bin/tool": "one"}


def test_a_file_that_a_package_only_may_have_is_owned_and_never_missing_nor_modified() -> None:
    items = [
        Item("/var/log/ghost", b"", ghost=True),
        Item("/usr/share/doc/left-out", b"doc", state=2),
        Item("/usr/bin/replaced", b"older", state=1),
        Item("/usr/bin/there", b"there"),
    ]
    ours = database(header("one", items))
    paths = [item.path for item in items]
    assert set(ours.owners(paths).values()) == {"one"}
    assert ours.missing(paths) == {"/usr/bin/there": "one"}
    assert [ours.unmodified(path, "one", digest_of_bytes(b"x")) for path in paths] == [None, None, None, False]


def test_of_two_architectures_the_one_that_is_installed_counts() -> None:
    this, other = Item("/usr/sbin/ldconfig", b"64"), Item("/usr/sbin/ldconfig", b"32", state=4)
    for blobs in ([this], [other]), ([other], [this]):
        ours = database(*(header("glibc", items) for items in blobs))
        assert ours.unmodified("/usr/sbin/ldconfig", "glibc", digest_of_bytes(b"64")) is True
        assert ours.unmodified("/usr/sbin/ldconfig", "glibc", digest_of_bytes(b"32")) is False


def test_an_old_header_without_a_kind_of_sum_has_md5() -> None:
    ours = database(header("one", ONE, kind=None))
    assert ours.unmodified("/usr/bin/tool", "one", digest_of_bytes(b"tool", (SumKind.MD5,))) is True
    assert ours.twin(digest_of_bytes(b"tool", (SumKind.MD5,))) == "/usr/bin/tool"


def test_sums_of_a_kind_that_davy_does_not_know_say_nothing() -> None:
    ours = database(header("one", ONE, kind=9))
    assert ours.unmodified("/usr/bin/tool", "one", digest_of_bytes(b"tool", SumKind)) is None


def test_a_package_without_files_is_none_to_stumble_over() -> None:
    ours = database(header("gpg-pubkey", []), header("one", ONE))
    assert list(ours.listed("gpg-pubkey")) == []
    assert ours.owners(["/usr/bin/tool"]) == {"/usr/bin/tool": "one"}


def test_a_database_that_changes_between_two_looks_is_refused() -> None:
    files: Files = {"/var/lib/rpm/Packages.db": ndb_file([header("one", ONE)])}
    root = MemoryRoot(files | installed({"one": ONE}))
    ours = packages(root)
    assert ours.owners(["/usr/bin/tool"])
    root._files["/var/lib/rpm/Packages.db"] = Entry(ndb_file([header("one", TWO)]))
    with pytest.raises(Refused, match="changed"):
        ours.expected("/usr/bin/tool")


@given(st.lists(st.tuples(TAGS, NUMBERS, NUMBERS, NUMBERS)), st.binary(max_size=200))
def test_a_header_of_any_index_is_understood_or_refused(index: list[tuple[int, int, int, int]], store: bytes) -> None:
    blob = struct.pack(">II", len(index), len(store)) + b"".join(struct.pack(">IIII", *row) for row in index) + store
    try:
        one = Header(blob)
        assert isinstance(one.name, str)
        for number, _ in enumerate(one.files.paths()):
            one.expected(number)
    except Refused:
        pass


def test_counts_that_the_bytes_do_not_bear_out_are_refused_at_once() -> None:
    for count in (500_000, 2**32 - 1):
        row = struct.pack(">IIII", 1117, 8, 0, count)
        with pytest.raises(Refused):
            _ = Header(struct.pack(">II", 1, 4) + row + b"a\0b\0").files
    with pytest.raises(Refused):
        Header(struct.pack(">II", 2**28, 0))
