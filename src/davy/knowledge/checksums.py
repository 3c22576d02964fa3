"""The checksums and alphabets of wallet addresses: Base58 in both kinds, Bech32 in all kinds, Keccak-256.

Keccak is a sponge of our own.  Measured, an address costs 0.2 ms with it, and a scan meets a handful; the library
that would do it in 2 µs weighs 13 MB on a host that may have no room for it.  `hashlib` has SHA-3 only, which pads
differently.

Source: FIPS 202 and The Keccak reference 3.0; BIP 13, 173 and 350; the CryptoNote standard CNS007; EIP-55; Bitcoin
Cash's and Kaspa's CashAddr specification.
"""

from __future__ import annotations

import hashlib
from typing import Final

BASE58: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32: Final = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"

_DIGIT58: Final = {character: place for place, character in enumerate(BASE58)}
_DIGIT32: Final = {character: place for place, character in enumerate(BECH32)}
_BLOCK: Final = 11
"""Characters by which CryptoNote writes eight bytes."""
_BYTES_OF: Final = {0: 0, 2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}
"""Characters of a block to the bytes they stand for."""

_LANE: Final = (1 << 64) - 1
_RATE: Final = 136
_ROUND_CONSTANTS: Final = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
_ROTATIONS: Final = (0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)
_TARGETS: Final = tuple((place // 5) * 1 + ((2 * (place % 5) + 3 * (place // 5)) % 5) * 5 for place in range(25))
"""Where the step pi moves each lane; lanes are numbered x + 5y."""
_BECH32_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CASHADDR_GENERATOR: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
BECH32_CONSTANTS: Final = (1, 0x2BC830A3)
"""What the checksums of Bech32 and Bech32m come to."""


def _permuted(state: list[int]) -> list[int]:
    for constant in _ROUND_CONSTANTS:
        columns = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        mixed = [columns[x - 1] ^ ((columns[(x + 1) % 5] << 1 | columns[(x + 1) % 5] >> 63) & _LANE) for x in range(5)]
        moved = [0] * 25
        for place in range(25):
            lane, turn = state[place] ^ mixed[place % 5], _ROTATIONS[place]
            moved[_TARGETS[place]] = (lane << turn | lane >> (64 - turn)) & _LANE
        for row in range(0, 25, 5):
            a, b, c, d, e = moved[row : row + 5]
            state[row : row + 5] = (a ^ (~b & c), b ^ (~c & d), c ^ (~d & e), d ^ (~e & a), e ^ (~a & b))
        state[0] ^= constant
    return state


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with the padding of before it became a standard, as Monero and Ethereum use it."""
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permuted(state)
    return b"".join((lane & _LANE).to_bytes(8, "little") for lane in state[:4])


def base58_bytes(text: bytes) -> bytes | None:
    """What Base58 text stands for, as Bitcoin writes it; None where it is none."""
    number = 0
    for character in text:
        digit = _DIGIT58.get(character)
        if digit is None:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip(BASE58[:1]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def cryptonote_bytes(text: bytes) -> bytes | None:
    """What CryptoNote's Base58, written in blocks, stands for; None where it is none."""
    found = bytearray()
    for start in range(0, len(text), _BLOCK):
        block = text[start : start + _BLOCK]
        size, number = _BYTES_OF.get(len(block)), 0
        for character in block:
            digit = _DIGIT58.get(character)
            if digit is None:
                return None
            number = number * 58 + digit
        if size is None or number >> (8 * size):
            return None
        found += number.to_bytes(size, "big")
    return bytes(found)


def base58check(text: bytes) -> bytes | None:
    """The payload of Base58Check, version first; None where its checksum does not fit."""
    data = base58_bytes(text)
    if data is None or len(data) < 5:
        return None
    payload, checksum = data[:-4], data[-4:]
    twice = hashlib.sha256(hashlib.sha256(payload).digest()).digest()
    return payload if twice[:4] == checksum else None


def _checked(prefix: list[int], digits: list[int], start: int, bits: int, generator: tuple[int, ...]) -> int:
    """The remainder of a BCH code over characters of five bits."""
    value, mask = start, (1 << (bits - 5)) - 1
    for digit in (*prefix, *digits):
        top = value >> (bits - 5)
        value = (value & mask) << 5 ^ digit
        for place, word in enumerate(generator):
            if top >> place & 1:
                value ^= word
    return value


def bech32_fits(prefix: bytes, text: bytes) -> bool:
    """Whether the characters behind ``prefix`` and its ``1`` end in the checksum of their kind.  Both in lower case.

    Of a witness program the first character is its version: Bech32 is of version 0, Bech32m of all others (BIP 350).
    """
    if not text or not all(character in _DIGIT32 for character in text):
        return False
    high, low = [character >> 5 for character in prefix], [character & 31 for character in prefix]
    digits = [_DIGIT32[character] for character in text]
    return _checked([*high, 0, *low], digits, 1, 30, _BECH32_GENERATOR) == BECH32_CONSTANTS[digits[0] > 0]


def cashaddr_fits(prefix: bytes, text: bytes) -> bool:
    """Whether the characters behind ``prefix`` and its colon end in their checksum.  Both in lower case."""
    if not all(character in _DIGIT32 for character in text):
        return False
    digits = [_DIGIT32[character] for character in text]
    return _checked([character & 31 for character in prefix] + [0], digits, 1, 40, _CASHADDR_GENERATOR) == 1


def blake2b_fits(data: bytes) -> bool:
    """Whether data ends in four bytes of its own BLAKE2b-256, as Ergo's addresses do."""
    return hashlib.blake2b(data[:-4], digest_size=32).digest()[:4] == data[-4:]
