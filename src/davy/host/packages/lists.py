"""Which of many lists a line stands in, for packages whose paths are kept as a list of lines for each.

To go through all lists costs the same for one line and for thousands.  Who asks a fifth time is likely to ask again:
then an index is made, in which a line is the beginning of its hash and the number of its list, eight bytes in all.
What the index says is looked up in the list itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Final

_NUMBER_BITS: Final = 16
_NUMBER: Final = (1 << _NUMBER_BITS) - 1
_SCANS: Final = 4
"""So often the lists are gone through before an index is made."""

Parts = Iterator[tuple[str, list[bytes]]]
"""The names of lists, each with some of its lines; a long list comes in several parts."""


class Lists:
    """The lists of one catalogue."""

    def __init__(self, every: Callable[[], Parts], of: Callable[[str], Iterable[list[bytes]]]) -> None:
        """``every`` gives all lists in order, and ``of`` the parts of one; it is none when it cannot be read."""
        self._every, self._of = every, of
        self._scans = 0
        self._names: list[str] = []
        self._index: array[int] | None = None

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        """Each wanted line with each list in which it stands, in the order of the lists."""
        lines = frozenset(wanted)
        if self._index is None and self._scans < _SCANS:
            self._scans += 1
            parts = self._every()
        else:
            parts = self._likely(lines)
        for name, part in parts:
            for line in lines.intersection(part):
                yield line, name

    def _likely(self, lines: frozenset[bytes]) -> Parts:
        """The lists that may have one of the lines."""
        if self._index is None:
            self._index = self._made()
        numbers: set[int] = set()
        for line in lines:
            start = _beginning(line)
            at = bisect_left(self._index, start)
            while at < len(self._index) and self._index[at] & ~_NUMBER == start:
                numbers.add(self._index[at] & _NUMBER)
                at += 1
        for number in sorted(numbers):
            name = self._names[number]
            for part in self._of(name):
                yield name, part

    def _made(self) -> array[int]:
        """The index, in order."""
        found: list[int] = []
        for name, part in self._every():
            if not self._names or self._names[-1] != name:
                self._names.append(name)
            number = len(self._names) - 1
            found += [hash(line) & ~_NUMBER | number for line in part]
        found.sort()
        return array("q", found)


def _beginning(line: bytes) -> int:
    return hash(line) & ~_NUMBER
