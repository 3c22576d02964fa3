"""Wallets: every coin's addresses are found wherever they stand, and nothing that only looks like one."""

from __future__ import annotations

import random
import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import addresses

from davy.knowledge.checksums import keccak256
from davy.knowledge.wallets import coin_of, coins, expressions, wallets_in

COINS = (
    *coins().cryptonote, *coins().base58check, *coins().bech32, *coins().cashaddr, coins().ethereum, coins().ergo,
)  # fmt: skip
VALID = [(coin.coin, address) for coin in COINS for address in coin.must_match]
KEYS = st.binary(min_size=64, max_size=64)
HASH = st.binary(min_size=20, max_size=20)


def found(text: str) -> list[tuple[str, str]]:
    return [(wallet.coin, wallet.address) for wallet in wallets_in(text.encode()) if not wallet.weak]


def bare(address: str) -> str:
    return address.rpartition(":")[2]


@pytest.mark.parametrize(("coin", "address"), VALID)
def test_address_is_found_in_the_middle_of_other_text(coin: str, address: str) -> None:
    for text in (address, f"-u {address}.worker -p x", f'"login":"{address}","pass"', f"\0{address}\0", f"({address})"):
        assert found(text) == [(coin, bare(address))], text


@pytest.mark.parametrize("coin", COINS, ids=lambda coin: str(coin.coin))
def test_wrong_checksum_is_no_address(coin: object) -> None:
    wrong = getattr(coin, "must_not_match")  # noqa: B009
    assert wrong
    for text in wrong:
        assert not found(text), text


@pytest.mark.parametrize(("coin", "address"), VALID)
def test_every_address_matches_an_expression_for_the_engine(coin: str, address: str) -> None:
    assert any(re.search(expression, address) for expression in expressions()), coin


def test_ethereum_address_in_one_case_is_weak() -> None:
    (wallet,) = wallets_in(b"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
    assert wallet.weak
    (wallet,) = wallets_in(b"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    assert not wallet.weak


def test_offset_is_where_the_address_stands() -> None:
    address = coins().cryptonote[0].must_match[0]
    (wallet,) = wallets_in(b"xyz " + address.encode())
    assert wallet.offset == 4


def test_keccak_is_the_one_from_before_the_standard() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert keccak256(b"a" * 136) != keccak256(b"a" * 135)


@given(KEYS, HASH)
def test_addresses_made_from_random_keys_are_found(keys: bytes, digest: bytes) -> None:
    for address in (
        addresses.monero(keys),
        addresses.cryptonote(42, keys),
        addresses.cryptonote(19, keys + keys[:8]),
        addresses.base58check(b"\x00", digest),
        addresses.base58check(b"\x1c\xb8", digest),
        addresses.bech32("bc", 0, digest),
        addresses.bech32("ltc", 1, keys[:32]),
        addresses.cashaddr("kaspa", b"\0" + keys[:32]),
        addresses.ergo(b"\x02" + keys[:32]),
    ):
        assert [one for _, one in found(address)] == [bare(address)]


@given(KEYS, st.integers(0, 94), st.sampled_from(addresses.BASE58))
def test_one_wrong_letter_is_noticed(keys: bytes, place: int, letter: str) -> None:
    address = addresses.monero(keys)
    if address[place] != letter:
        assert not found(address[:place] + letter + address[place + 1 :])


@given(st.text(addresses.BASE58, min_size=26, max_size=113))
def test_random_base58_is_no_address(text: str) -> None:
    for first in ("", "4", "8", "1", "bc1", "0x"):
        assert not found(first + text)


@given(st.binary(max_size=4096))
def test_any_bytes_are_read(data: bytes) -> None:
    list(wallets_in(data))


@pytest.mark.parametrize("seed", range(8))
def test_random_letters_by_the_hundred_thousand_are_no_address(seed: int) -> None:
    source = random.Random(seed)
    text = "".join(source.choices(addresses.BASE58 + " ", weights=[1] * 58 + [2], k=100_000))
    assert not found(text)


def test_a_flood_of_near_addresses_costs_bounded_time() -> None:
    source = random.Random(7)
    near = []
    while len(near) < 20_000:
        address = addresses.BASE58[3] + "".join(source.choices("12", k=94))
        near.append(address)
    started = time.process_time()
    list(wallets_in("\n".join(near).encode()))
    assert time.process_time() - started < 3.0


def test_megabytes_of_text_are_searched_in_little_time() -> None:
    words = "".join(random.Random(3).choices(string.ascii_letters + " \n" * 6, k=1 << 20)).encode() * 8
    started = time.process_time()
    assert not list(wallets_in(words))
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("before", ["\\u0022", "\\x22", "\\n", "%22", '\\"'])
def test_address_behind_an_escape_is_found(before: str) -> None:
    address = coins().cryptonote[0].must_match[0]
    (wallet,) = wallets_in(f"login{before}{address}{before}".encode())
    assert (wallet.address, wallet.offset) == (address, len("login" + before))


def test_segregated_witness_is_read_in_either_case_and_with_the_checksum_of_its_version() -> None:
    """Vectors of BIP 173 and BIP 350."""
    for text in (
        b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ):
        assert coin_of(text) == coin_of(text.upper()) == ("Bitcoin", False)
    assert coin_of(b"bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4") is None
    for text in (
        b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    ):
        assert coin_of(text) is None
