"""The matcher: all rules over a buffer, or over blocks that follow one another."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from davy.knowledge.matching.condition import Condition
from davy.knowledge.matching.engines import Buffer, Engine, engine
from davy.knowledge.matching.patterns import Pattern
from davy.knowledge.matching.rules import ContentRule, content_rules
from davy.model.content import Place

_EXCERPT: Final = 160
_BEFORE: Final = 16
"""Bytes shown in front of what was found."""


class RuleHit(Struct, frozen=True):
    """A rule whose condition a content meets."""

    rule_id: str
    patterns: dict[str, int]
    """Where each pattern that was found stands for the first time."""
    excerpt: bytes
    """What stands around the first of them."""


class _Use(Struct, frozen=True):
    """Where one compiled pattern is a named pattern of a rule."""

    rule: int
    name: str


class _Sighting(Struct, frozen=True):
    offset: int
    excerpt: bytes


class Matcher:
    """All rules, ready to be looked for.  May be used by several threads at once."""

    def __init__(self, rules: Sequence[ContentRule], cache: str | None = None, wanted: str | None = None) -> None:
        """``cache`` is a folder of ours.  Raises `NoEngineError`."""
        self.rules = tuple(rules)
        self._meanings: list[Condition] = [rule.meaning() for rule in self.rules]
        numbers: dict[tuple[str, bool], int] = {}
        patterns: list[Pattern] = []
        self._uses: list[list[_Use]] = []
        for position, rule in enumerate(self.rules):
            for name, each in rule.compiled().items():
                number = numbers.setdefault((each.expression, each.nocase), len(patterns))
                if number == len(patterns):
                    patterns.append(each)
                    self._uses.append([])
                self._uses[number].append(_Use(position, name))
        self.overlap = max((each.width for each in patterns), default=1) - 1
        """Bytes by which blocks must overlap so that no pattern is lost between them."""
        self._engine: Engine = engine(patterns, "rules", cache, wanted)

    @property
    def engine(self) -> str:
        """The name of the engine that runs the rules."""
        return self._engine.name

    def hits(self, data: Buffer, place: Place) -> list[RuleHit]:
        """The rules that one whole content, read in ``place``, meets."""
        found = self._engine.first(data)
        return self._judged({number: _sighting(data, at, 0) for number, at in found.items()}, place) if found else []

    @contextmanager
    def scanning(self, place: Place) -> Iterator[Scanning]:
        """One content in blocks: feed them in order, then ask for the hits."""
        yield Scanning(self, place)

    def _judged(self, sightings: dict[int, _Sighting], place: Place) -> list[RuleHit]:
        by_rule: dict[int, dict[str, _Sighting]] = {}
        for number, sighting in sightings.items():
            for use in self._uses[number]:
                by_rule.setdefault(use.rule, {})[use.name] = sighting
        hits = []
        for position, found in sorted(by_rule.items()):
            rule, names = self.rules[position], found.keys()
            if place in rule.places and self._meanings[position](names):
                first = min(found.values(), key=lambda sighting: sighting.offset)
                where = {name: sighting.offset for name, sighting in found.items()}
                hits.append(RuleHit(rule.id, where, first.excerpt))
        return hits


class Scanning:
    """One content that is read block by block.  For one thread."""

    def __init__(self, matcher: Matcher, place: Place) -> None:
        self._matcher = matcher
        self._place = place
        self._sightings: dict[int, _Sighting] = {}
        self._tail = b""
        self._end: int | None = None
        """Where the last block ended."""

    def feed(self, block: Buffer, offset: int) -> None:
        """The next block, which starts at ``offset``.  Where that is not where the last one ended, nothing is looked
        for across the gap.  The block may be reused as soon as this returns.
        """
        overlap, engine_ = self._matcher.overlap, self._matcher._engine
        if offset != self._end:
            self._tail = b""
        if self._tail:
            seam = self._tail + bytes(memoryview(block)[:overlap])
            self._note(engine_.first(seam), seam, offset - len(self._tail))
        self._note(engine_.first(block), block, offset)
        length = len(block)
        self._tail = (self._tail + bytes(block))[-overlap:] if length < overlap else bytes(block[length - overlap :])
        self._end = offset + length

    def _note(self, found: dict[int, int], data: Buffer, base: int) -> None:
        for number, at in found.items():
            known = self._sightings.get(number)
            if known is None or base + at < known.offset:
                self._sightings[number] = _sighting(data, at, base)

    def merge(self, other: Scanning) -> None:
        """Take over what another scanning has seen of other parts of the same content."""
        for number, sighting in other._sightings.items():
            known = self._sightings.get(number)
            if known is None or sighting.offset < known.offset:
                self._sightings[number] = sighting

    def hits(self) -> list[RuleHit]:
        """The rules that all blocks together meet."""
        return self._matcher._judged(self._sightings, self._place)

    @property
    def patterns(self) -> Collection[tuple[str, str, int]]:
        """Rule, name and offset of every pattern seen so far, whether or not its rule is met."""
        return [
            (self._matcher.rules[use.rule].id, use.name, sighting.offset)
            for number, sighting in self._sightings.items()
            for use in self._matcher._uses[number]
        ]


def _sighting(data: Buffer, at: int, base: int) -> _Sighting:
    start = max(at - _BEFORE, 0)
    return _Sighting(base + at, bytes(data[start : start + _EXCERPT]))


@functools.cache
def matcher(cache: str | None = None) -> Matcher:
    """A matcher of all rules, made once.  ``cache`` is a folder of ours that keeps the compiled database.

    Raises `NoEngineError` where no engine is installed.
    """
    return Matcher(content_rules(), cache)
