"""Pools: whole labels, exact endpoints, few ports; Maltrail's notice is kept."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.data import read
from davy.knowledge.pools import Trail, miner_port, pool_endpoint, pool_host, pools


def test_list_keeps_its_source_and_licence() -> None:
    trail = read("pools.json", Trail)
    assert "maltrail" in trail.source
    assert "MIT" in trail.licence
    assert "Maltrail developers" in trail.licence


def test_every_endpoint_of_the_list_is_known() -> None:
    for entry in read("pools.json", Trail).ip_port:
        address, _, port = entry.partition(":")
        assert pool_endpoint(address, int(port) if port else 3333), entry


def test_host_is_matched_by_whole_labels() -> None:
    assert pool_host("xmr-eu1.nanopool.org") == "xmr-eu1.nanopool.org"
    assert pool_host("eth.nanopool.org.") == "nanopool.org"
    assert pool_host("MINEXMR.com") == "minexmr.com"
    assert pool_host("nanopool.org.example.com") is None
    assert pool_host("xnanopool.org") is None
    assert pool_host("a." * 1000 + "nanopool.org") is None


def test_no_suffix_is_a_public_one_or_an_address() -> None:
    trail = read("pools.json", Trail)
    for suffix in (*trail.domains, *pools().hosts.suffixes):
        assert "." in suffix
        assert pool_host(suffix) or "://" in suffix


def test_private_addresses_are_no_pools() -> None:
    for entry in read("pools.json", Trail).ip_port:
        assert ipaddress.ip_address(entry.partition(":")[0]).is_global, entry


@given(st.text(max_size=40), st.integers(0, 65535))
def test_anything_is_taken(text: str, port: int) -> None:
    pool_host(text)
    pool_endpoint(text, port)
    miner_port(port)
