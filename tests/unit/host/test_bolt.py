"""`davy.host.bolt`: a bbolt file read within bounds, whatever it holds."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.host.bolt_file import PAGE, Tree, bolt_file, branch, leaf, meta

from davy.host import HostError, MemoryRoot, Refused
from davy.host.bolt import TOTAL_LIMIT, Bolt, Bucket, bolt

TREES: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(st.binary(max_size=8), st.binary(max_size=300), max_size=8),
    lambda inner: st.dictionaries(st.binary(max_size=8), st.binary(max_size=300) | inner, max_size=8),
    max_leaves=12,
)


def whole(database: Bolt, bucket: Bucket, depth: int = 8) -> Tree:
    """All that is below a bucket, as far as so many buckets deep: a damaged one may lie within itself."""
    return {
        key: (whole(database, value, depth - 1) if depth else {}) if isinstance(value, Bucket) else value
        for key, value in database.items(bucket)
    }


def read(content: bytes, limit: int = TOTAL_LIMIT) -> Tree:
    with bolt(MemoryRoot({"/x.db": content}), "/x.db", limit) as database:
        return whole(database, database.top)


def of_pages(*pages: bytes, top: int = 3) -> bytes:
    """A database whose pages from the third on are given."""
    return b"".join([meta(0, top, 2), meta(1, top, 1), bytes(PAGE), *(page.ljust(PAGE, b"\0") for page in pages)])


@given(TREES, st.sampled_from([1024, 4096, 65536]), st.integers(1, 4))
def test_what_was_written_is_read(tree: Tree, page: int, fanout: int) -> None:
    assert read(bolt_file(tree, page=page, fanout=fanout)) == tree


def test_values_that_run_over_many_pages_and_trees_with_branches_are_read() -> None:
    tree = {b"many": {b"%04d" % number: b"x" * 100 for number in range(1500)}, b"long": b"y" * 50_000}
    assert read(bolt_file(tree)) == tree


def test_a_bucket_is_found_by_the_keys_that_lead_to_it() -> None:
    content = bolt_file({b"a": {b"b": {b"c": b"1"}}, b"d": b"2"})
    with bolt(MemoryRoot({"/x.db": content}), "/x.db") as database:
        found = database.bucket(b"a", b"b")
        assert found is not None
        assert database.value(found, b"c") == b"1"
        assert database.bucket(b"a", b"x") is None
        assert database.bucket(b"d") is None


def test_the_later_metadata_count_unless_they_are_not_whole() -> None:
    content = bolt_file({b"a": b"1"})
    assert read(content) == {b"a": b"1"}
    torn = bytearray(content)
    torn[70] ^= 1
    assert read(bytes(torn)) == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a bbolt database"),
        (b"\xff" * 5000, "not a bbolt database"),
        (of_pages(branch(3, [3])), "its tree is none"),
        (of_pages(branch(3, [4, 4]), leaf(4, [])), "its tree is none"),
        (of_pages(branch(3, [4]), branch(4, [3])), "its tree is none"),
        (of_pages(struct.pack("<QHHI", 3, 16, 0, 0)), "its tree is none"),
        (of_pages(leaf(9, [])), "damaged"),
        (of_pages(leaf(3, []), top=2**63), "cut off"),
        (of_pages(leaf(3, [], pages=2)), "cut off"),
        (of_pages(leaf(3, [], pages=4000)), "more than 8 MiB"),
        (of_pages(struct.pack("<QHHI", 3, 2, 65535, 0)), "damaged"),
        (of_pages(struct.pack("<QHHIIIII", 3, 2, 1, 0, 0, 16, 0, 2**32 - 1)), "damaged"),
        (of_pages(leaf(3, [(1, b"a", b"short")])), "damaged"),
        (of_pages(leaf(3, [(1, b"a", struct.pack("<QQ", 0, 0) + b"\1" * 40)])), "damaged"),
        (of_pages(*(branch(number, [number + 1]) for number in range(3, 60))), "its tree is none"),
    ],
)
def test_what_is_none_or_is_damaged_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read(content)


def test_a_value_that_stands_under_many_keys_is_not_read_without_end() -> None:
    one = b"".join(struct.pack("<IIII", 0, 16 * (60 - count), 0, 3000) for count in range(60))
    made = (struct.pack("<QHHI", 3, 2, 60, 0) + one).ljust(PAGE, b"z")
    assert len(read(of_pages(made), 1 << 18)) == 1
    with pytest.raises(Refused, match="more to read"):
        read(of_pages(made), 1 << 17)


@given(st.data())
def test_whatever_is_written_over_it_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(bolt_file({b"v1": {b"a": {b"b": b"c" * 2000, b"d": {b"e": b"f"}}}}, page=1024, fanout=1))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(2048, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.none() | st.integers(0, len(content)))
    with suppress(HostError):
        read(bytes(content[:end]))
