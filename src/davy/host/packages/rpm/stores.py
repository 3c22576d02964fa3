"""Where rpm keeps its headers: the question that each of its storage formats answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

BLOB_LIMIT: Final = 64 << 20
"""Bytes of one header."""
TOTAL_LIMIT: Final = 512 << 20
"""Bytes of all headers."""
PACKAGES_LIMIT: Final = 50_000


class Store(Protocol):
    """A file of headers.  Methods raise `HostError`."""

    path: str

    def headers(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Every header with the place where it is to be found again."""

    def header(self, place: tuple[int, int]) -> bytes:
        """What is at a place now; anything, if the file was changed meanwhile."""
