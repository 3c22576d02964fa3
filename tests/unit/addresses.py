"""Valid wallet addresses made from random keys: nobody's, and never paid to.  Written apart from what reads them."""

from __future__ import annotations

import hashlib
from typing import Final

from davy.knowledge.checksums import keccak256

BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_WIDTHS: Final = (0, 2, 3, 5, 6, 7, 9, 10, 11)


def _digits(number: int, width: int = 0) -> str:
    text = ""
    while number or len(text) < width:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return text


def varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def cryptonote(tag: int, keys: bytes) -> str:
    """``keys``: 64 bytes, 72 with a payment id."""
    data = varint(tag) + keys
    data += keccak256(data)[:4]
    blocks = [data[start : start + 8] for start in range(0, len(data), 8)]
    return "".join(_digits(int.from_bytes(block, "big"), _WIDTHS[len(block)]) for block in blocks)


def monero(keys: bytes) -> str:
    return cryptonote(18, keys)


def base58check(version: bytes, digest: bytes) -> str:
    data = version + digest
    data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + _digits(int.from_bytes(data, "big"))


def _fives(data: bytes) -> list[int]:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[start : start + 5], 2) for start in range(0, len(bits), 5)]


def _bech32_polymod(values: list[int]) -> int:
    total = 1
    for value in values:
        top = total >> 25
        total = (total & 0x1FFFFFF) << 5 ^ value
        for place, word in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            total ^= word if top >> place & 1 else 0
    return total


def bech32(prefix: str, version: int, program: bytes) -> str:
    """Version 0 by Bech32, later ones by Bech32m."""
    values = [version, *_fives(program)]
    spread = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    check = _bech32_polymod(spread + values + [0] * 6) ^ (0x2BC830A3 if version else 1)
    return f"{prefix}1" + "".join(
        BECH32[one] for one in (*values, *(check >> 5 * (5 - place) & 31 for place in range(6)))
    )


def _cashaddr_polymod(values: list[int]) -> int:
    total = 1
    for value in values:
        top = total >> 35
        total = (total & 0x07FFFFFFFF) << 5 ^ value
        for place, word in enumerate((0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)):
            total ^= word if top >> place & 1 else 0
    return total ^ 1


def cashaddr(prefix: str, payload: bytes) -> str:
    """``payload``: the version byte and what follows it."""
    values = _fives(payload)
    check = _cashaddr_polymod([ord(letter) & 31 for letter in prefix] + [0] + values + [0] * 8)
    return f"{prefix}:" + "".join(
        BECH32[one] for one in (*values, *(check >> 5 * (7 - place) & 31 for place in range(8)))
    )


def ethereum(digest: bytes) -> str:
    """With the checksum of EIP-55 in its case."""
    lower = digest.hex()
    marks = keccak256(lower.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(mark, 16) >= 8 else letter for letter, mark in zip(lower, marks, strict=False)
    )


def ergo(key: bytes) -> str:
    """``key``: 33 bytes."""
    data = b"\x01" + key
    data += hashlib.blake2b(data, digest_size=32).digest()[:4]
    return _digits(int.from_bytes(data, "big"))
