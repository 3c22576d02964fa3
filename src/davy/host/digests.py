"""Hashes of files, of those kinds alone that somebody wants to know."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct


class SumKind(StrEnum):
    """A hash function, by the name that `hashlib` and `Digest` know it by."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


IDENTITY: Final = (SumKind.SHA256, SumKind.MD5)
"""The sums by which a file is known to others: to lists of samples, and to package databases."""


class Digest(Struct, frozen=True):
    """Hashes of one whole file in lower-case hexadecimal digits; "" where one was not asked for."""

    sha256: str = ""
    md5: str = ""
    sha1: str = ""
    sha512: str = ""
    size: int = 0
    """Bytes that were read for it."""

    def of(self, kind: SumKind) -> str:
        told: str = getattr(self, kind)
        return told


def digest_of(descriptor: int, limit: int, kinds: Iterable[SumKind] = IDENTITY) -> Digest | None:
    """Hashes of an open regular file from its start; None when it is larger than ``limit`` bytes."""
    if os.fstat(descriptor).st_size > limit:
        return None
    sums, offset = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}, 0
    while chunk := os.pread(descriptor, 1 << 18, offset):
        for one in sums.values():
            one.update(chunk)
        offset += len(chunk)
        if offset > limit:
            return None
    return Digest(**{kind: one.hexdigest() for kind, one in sums.items()}, size=offset)


def digest_of_bytes(content: bytes, kinds: Iterable[SumKind] = IDENTITY) -> Digest:
    """Hashes of a content that is in memory."""
    sums = {kind: hashlib.new(kind, content, usedforsecurity=False).hexdigest() for kind in kinds}
    return Digest(**sums, size=len(content))
