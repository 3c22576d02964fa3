"""Pools named in hosts files and resolvers' caches are told, and a rival's lines from a blocklist's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.content.pool_names import pool_names
from davy.host import Host, MemoryRoot
from davy.model.facts import Gap
from davy.model.mining import PoolMention


def mentions(files: dict[str, bytes | str]) -> list[PoolMention]:
    return [fact for fact in pool_names(Host(MemoryRoot(files))) if isinstance(fact, PoolMention)]


def test_rival_s_lines_are_told_with_their_place() -> None:
    hosts = (
        "127.0.0.1 localhost\n::1 ip6-localhost\n\n0.0.0.0 pool.supportxmr.com # mine\n127.0.0.1 xmr.nanopool.org a\n"
    )
    first, second = mentions({"/etc/hosts": hosts})
    assert (first.name, first.line, first.blocked, first.alone) == ("pool.supportxmr.com", 4, True, True)
    assert (second.name, second.line) == ("xmr.nanopool.org", 5)


def test_address_given_to_a_pool_is_no_block() -> None:
    (one,) = mentions({"/etc/hosts": "203.0.113.7 pool.minexmr.com\n"})
    assert not one.blocked


def test_list_against_advertising_is_not_a_rival_s() -> None:
    lines = "".join(f"0.0.0.0 ads{number}.example.com\n" for number in range(500))
    (one,) = mentions({"/etc/hosts": lines + "0.0.0.0 pool.minexmr.com\n"})
    assert one.blocked
    assert not one.alone


@pytest.mark.parametrize(
    "line", ["0.0.0.0 notnanopool.org", "# 0.0.0.0 pool.minexmr.com", "127.0.0.1 nanopool.org.example.com", "127.0.0.1"]
)
def test_names_are_compared_by_whole_labels_and_comments_are_none(line: str) -> None:
    assert mentions({"/etc/hosts": line + "\n"}) == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/var/cache/nscd/hosts", b"\x01\x00\x00\x00\x08pool.supportxmr.com\x00\xff\x02localhost\x00"),
        ("/var/cache/bind/named_dump.db", b"; answer\nPool.SupportXMR.com.\t300\tA\t192.0.2.1\n"),
        ("/var/lib/unbound/cache.dump", b"pool.supportxmr.com.\t120\tIN\tA\t192.0.2.1\n"),
    ],
)
def test_names_in_a_resolver_s_cache_are_told(path: str, data: bytes) -> None:
    (one,) = mentions({path: data})
    assert (one.name, one.path) == ("pool.supportxmr.com", path)


def test_hosts_file_of_megabytes_is_read_in_part_and_that_is_told() -> None:
    facts = list(pool_names(Host(MemoryRoot({"/etc/hosts": b"0.0.0.0 pool.minexmr.com\n" * 300_000}))))
    assert len([fact for fact in facts if isinstance(fact, PoolMention)]) <= 32
    assert any(isinstance(fact, Gap) for fact in facts)


@given(st.binary(max_size=2000))
def test_any_hosts_file_is_read(data: bytes) -> None:
    mentions({"/etc/hosts": data, "/var/cache/nscd/hosts": data})
