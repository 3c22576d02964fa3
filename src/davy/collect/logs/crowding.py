"""A million of the same in one log: once enough of them were looked at, only some are, and all of whoever came in.

A place costs little to find and much to understand, and whoever guesses passwords writes as many as he likes.  So what
shows an entry is looked at first; of what shows none, and stands there tens of thousands of times, a sample and the
lines that name an address from which somebody came in: whether these were tried before decides what an entry means.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final

from davy.collect.logs.searching import Found
from davy.collect.logs.signs import Place, Signs
from davy.model.logs import LogHit, Shows

_CLOSELY: Final = 20_000
"""Places of one pattern in one log that are all looked at, the newest."""
_ENTRIES: Final = 100_000
"""The same for one that shows an entry."""
_SAMPLE: Final = 64
"""Of how many further places one is looked at."""
_ADDRESSES: Final = 16
_LINES: Final = 256
"""Lines of one block with such an address that are looked at, the first."""
_PATTERN: Final = attrgetter("pattern")


class Crowd:
    """What of one log is looked at; places come in newest first by blocks."""

    def __init__(self, signs: Signs, uses: frozenset[tuple[str, str]]) -> None:
        self._signs, self._uses = signs, uses
        self._met: Counter[int] = Counter()
        self._telling: dict[int, bool] = {}
        self._addresses: dict[bytes, None] = {}
        self.passed = 0
        """Places that were not looked at."""
        self.late = False
        """Whether there was no time for all of what was found."""

    def came_in(self, hit: LogHit) -> None:
        if hit.shows is Shows.SUCCESS and hit.address and len(self._addresses) < _ADDRESSES:
            self._addresses[hit.address.encode("utf-8", "surrogateescape")] = None

    def telling(self, found: Iterable[Found]) -> Iterator[Found]:
        """The places of patterns that show an entry."""
        return self._of(found, telling=True)

    def others(self, found: Iterable[Found]) -> Iterator[Found]:
        return self._of(found, telling=False)

    def _of(self, found: Iterable[Found], *, telling: bool) -> Iterator[Found]:
        for block in found:
            wanted = {each for each in {*map(_PATTERN, block.places)} if self._shows_entry(each) is telling}
            places = tuple(place for place in block.places if place.pattern in wanted) if wanted else ()
            if places:
                yield block._replace(places=places)

    def _shows_entry(self, pattern: int) -> bool:
        known = self._telling.get(pattern)
        if known is None:
            signs = self._signs.of(pattern, self._uses)
            known = self._telling[pattern] = any(sign.shows is Shows.SUCCESS for _, sign in signs)
        return known

    def thinned(self, places: Sequence[Place], data: bytes, begin: int) -> Iterable[Place]:
        """Those of the places in a block that are looked at; ``data`` begins at ``begin`` of the log."""
        found = Counter(map(_PATTERN, places))
        crowded = {number for number in found if self._met[number] > self._most(number)}
        self._met.update(found)
        if not crowded:
            return places
        lines = [*self._lines(data, begin)]
        kept = [
            place
            for number, place in enumerate(places)
            if place.pattern not in crowded or not number % _SAMPLE or _within(lines, place.end - 1)
        ]
        self.passed += len(places) - len(kept)
        return kept

    def _most(self, pattern: int) -> int:
        return _ENTRIES if self._shows_entry(pattern) else _CLOSELY

    def _lines(self, data: bytes, begin: int) -> Iterator[tuple[int, int]]:
        """Where lines stand that name an address from which somebody came in, in order."""
        found = []
        for address in self._addresses:
            at = data.find(address)
            for _ in range(_LINES):
                if at < 0:
                    break
                end = data.find(b"\n", at) + 1 or len(data)
                found.append((begin + data.rfind(b"\n", 0, at) + 1, begin + end))
                at = data.find(address, end)
        return iter(sorted(found))


def _within(lines: Sequence[tuple[int, int]], at: int) -> bool:
    index = bisect_right(lines, (at, 1 << 62)) - 1
    return index >= 0 and at < lines[index][1]
