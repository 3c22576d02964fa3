"""Wallet addresses of the coins that people mine: found by shape, believed by their checksum.

Data in ``wallets.toml``.  A text that only looks like an address is none: one in four thousand million random texts
passes a checksum.  An address alone makes nobody a miner: wallets, shops and donation pages have them, too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from davy.knowledge.checksums import (
    BASE58,
    base58_bytes,
    base58check,
    bech32_fits,
    blake2b_fits,
    cashaddr_fits,
    cryptonote_bytes,
    keccak256,
)
from davy.knowledge.data import read

_SHORTEST: Final = 26
_LONGEST: Final = 114
_RUN: Final = re.compile(rb"[0-9A-Za-z]{%d,}" % _SHORTEST)
"""What an address is made of, whatever its kind; a longer run is none."""
_PREFIX_LIMIT: Final = 16
_ESCAPED: Final = re.compile(rb"(?<=\\)(?:u00[0-9a-fA-F]{2}|x[0-9a-fA-F]{2}|[nrtbf])|(?<=%)[0-9a-fA-F]{2}")
"""What a text within a text writes in place of a quote or the end of a line; an address may follow at once."""
_ETHEREUM: Final = re.compile(rb"0x[0-9a-fA-F]{40}")
_CRYPTONOTE_BODY: Final = 64
"""Bytes of the two public keys."""
_PAYMENT_ID: Final = 8
_CHECKSUM: Final = 4
_CHECKS_LIMIT: Final = 512
"""Keccak checksums that one call takes the time for: a tenth of a second.  Whoever plants more hides nothing else."""


class CryptoNote(Struct, frozen=True, forbid_unknown_fields=True):
    """Coins made from CryptoNote's code: a number says which, and which kind of address."""

    coin: str
    first: str
    """What their addresses begin with, as a regular expression."""
    tags: tuple[int, ...]
    """Of addresses and subaddresses."""
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]
    integrated: tuple[int, ...] = ()
    """Of addresses with a payment id in them."""


class Base58Check(Struct, frozen=True, forbid_unknown_fields=True):
    """Coins made from Bitcoin's code: the version before the hash says which; some share one."""

    coin: str
    first: str
    versions: tuple[str, ...]
    """In hexadecimal."""
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Prefixed(Struct, frozen=True, forbid_unknown_fields=True):
    """Coins whose addresses begin with a word: ``bc1``, ``kaspa:``."""

    coin: str
    prefix: str
    least: int
    """Characters behind the prefix, at least and at most."""
    most: int
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Other(Struct, frozen=True, forbid_unknown_fields=True):
    coin: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Coins(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``wallets.toml``."""

    reason: str
    falsepositives: str
    cryptonote: tuple[CryptoNote, ...]
    base58check: tuple[Base58Check, ...]
    bech32: tuple[Prefixed, ...]
    cashaddr: tuple[Prefixed, ...]
    ethereum: Other
    ergo: Other


class Wallet(NamedTuple):
    """An address whose checksum fits."""

    coin: str
    address: str
    offset: int
    weak: bool = False
    """Whether it carries no checksum: an Ethereum address in one case may be any number."""


@functools.cache
def coins() -> Coins:
    return read("wallets.toml", Coins)


@functools.cache
def _cryptonote() -> dict[tuple[int, int], str]:
    """Tag and bytes behind it to the coin."""
    found: dict[tuple[int, int], str] = {}
    for coin in coins().cryptonote:
        found |= {(tag, _CRYPTONOTE_BODY): coin.coin for tag in coin.tags}
        found |= {(tag, _CRYPTONOTE_BODY + _PAYMENT_ID): coin.coin for tag in coin.integrated}
    return found


@functools.cache
def _base58check() -> dict[bytes, str]:
    return {bytes.fromhex(version): coin.coin for coin in coins().base58check for version in coin.versions}


def _expression(parts: list[str]) -> re.Pattern[bytes]:
    return re.compile("|".join(parts).encode())


@functools.cache
def _firsts() -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """How addresses of CryptoNote's and of Bitcoin's coins begin: most runs are told from an address by that."""
    return (
        _expression([coin.first for coin in coins().cryptonote]),
        _expression([coin.first for coin in coins().base58check]),
    )


@functools.cache
def _prefixed() -> tuple[tuple[bytes, Prefixed], ...]:
    return tuple((coin.prefix.encode() + b"1", coin) for coin in coins().bech32)


@functools.cache
def _colons() -> dict[bytes, Prefixed]:
    return {coin.prefix.encode() + b":": coin for coin in coins().cashaddr}


def expressions() -> tuple[str, ...]:
    """Regular expressions of which every address matches one: for an engine that looks for many at once."""
    digits = f"[{BASE58.decode()}]"
    return (
        *(f"(?:{coin.first}){digits}{{80,112}}" for coin in coins().cryptonote),
        *(f"\\b(?:{coin.first}){digits}{{24,33}}\\b" for coin in coins().base58check),
        *(f"\\b{coin.prefix}1[02-9ac-hj-np-z]{{{coin.least},{coin.most}}}\\b" for coin in coins().bech32),
        *(f"\\b{coin.prefix}:[02-9ac-hj-np-z]{{{coin.least},{coin.most}}}\\b" for coin in coins().cashaddr),
        r"\b0x[0-9a-fA-F]{40}\b",
        rf"\b9{digits}{{50}}\b",
    )


def long_expressions() -> tuple[str, ...]:
    """Of which the long addresses match one, and little else: they can be looked for in hundreds of megabytes.

    The first is all of CryptoNote's at once: an engine runs it fifty times as fast as one that tells the coins apart.
    """
    return (
        f"[{BASE58.decode()}]{{90}}",
        *(f"{coin.prefix}1[02-9ac-hj-np-z]{{{coin.least},{coin.most}}}" for coin in coins().bech32),
        *(f"{coin.prefix}:[02-9ac-hj-np-z]{{{coin.least},{coin.most}}}" for coin in coins().cashaddr),
    )


@functools.cache
def long_address() -> re.Pattern[bytes]:
    """The same, coin by coin: what to go through a text with that matched one of `long_expressions`."""
    firsts = "|".join(coin.first for coin in coins().cryptonote)
    return _expression([f"(?:{firsts})[{BASE58.decode()}]{{92,112}}", *long_expressions()[1:]])


def wallets_in(data: bytes) -> Iterator[Wallet]:
    """The addresses in ``data``, each as often as it stands there, in order."""
    known: dict[bytes, tuple[str, bool] | None] = {}
    checks = _CHECKS_LIMIT
    for match in _RUN.finditer(data):
        escaped = _ESCAPED.match(data, match.start())
        start = escaped.end() if escaped else match.start()
        text = data[start : match.end()]
        if len(text) > _LONGEST:
            continue
        before = data[max(start - _PREFIX_LIMIT, 0) : start] if data[start - 1 : start] == b":" else b""
        key = before + text
        if key not in known:
            if _needs_keccak(text):
                checks -= 1
                if checks < 0:
                    continue
            known[key] = coin_of(text, before)
        found = known[key]
        if found is not None:
            yield Wallet(found[0], text.decode(), start, found[1])


def _needs_keccak(text: bytes) -> bool:
    return len(text) > 80 or text[:2] == b"0x"


def coin_of(text: bytes, before: bytes = b"") -> tuple[str, bool] | None:
    """The coin that a text is an address of, and whether it is a weak one; ``before`` is what stands before it."""
    if before.endswith(b":"):
        for prefix, coin in _colons().items():
            if before.endswith(prefix) and coin.least <= len(text) <= coin.most and cashaddr_fits(prefix[:-1], text):
                return coin.coin, False
    notes, checks = _firsts()
    if len(text) > 80:
        name = _cryptonote_coin(text) if notes.match(text) else None
        return (name, False) if name else _bech32_coin(text)
    if text[:2] == b"0x":
        return _ethereum_coin(text) if _ETHEREUM.fullmatch(text) else None
    if len(text) <= 36 and checks.match(text):
        payload = base58check(text)
        name = _base58check().get(payload[:-20]) if payload else None
        if name:
            return name, False
    if len(text) == 51 and text[:1] == b"9":
        data = base58_bytes(text)
        return (coins().ergo.coin, False) if data and data[0] == 1 and blake2b_fits(data) else None
    return _bech32_coin(text)


def _cryptonote_coin(text: bytes) -> str | None:
    data = cryptonote_bytes(text)
    if data is None:
        return None
    tag = size = 0
    for size, byte in enumerate(data[:8], 1):
        tag |= (byte & 0x7F) << 7 * (size - 1)
        if byte < 0x80:
            break
    name = _cryptonote().get((tag, len(data) - size - _CHECKSUM))
    return name if name and keccak256(data[:-_CHECKSUM])[:_CHECKSUM] == data[-_CHECKSUM:] else None


def _bech32_coin(text: bytes) -> tuple[str, bool] | None:
    text = text.lower() if text.isupper() else text
    for prefix, coin in _prefixed():
        if text.startswith(prefix):
            body = text[len(prefix) :]
            if coin.least <= len(body) <= coin.most and bech32_fits(prefix[:-1], body):
                return coin.coin, False
    return None


def _ethereum_coin(text: bytes) -> tuple[str, bool] | None:
    """An address by its case (EIP-55); in one case it carries no checksum, and what repeats itself is a number."""
    digits = text[2:]
    name = coins().ethereum.coin
    if digits.islower() or digits.isupper() or digits.isdigit():
        return (name, True) if len(set(digits.lower())) >= 8 and not digits.startswith(b"00000000") else None
    digest = keccak256(digits.lower()).hex()
    fits = all(
        (character in b"ABCDEF") == (int(digest[place], 16) >= 8)
        for place, character in enumerate(digits)
        if character not in b"0123456789"
    )
    return (name, False) if fits else None
