"""The signs of all services that keep logs of one format, compiled into one database."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final, NamedTuple

from davy.knowledge.matching.engines import Buffer, finder
from davy.knowledge.matching.patterns import Pattern, pattern
from davy.knowledge.services import KnownLog, LogFormat, Sign, known_services

PLACES_LIMIT: Final = 65_536
"""Places that are told of one block; a log has no more lines in it that mean anything."""


class Use(NamedTuple):
    """A log of a service: whose signs are looked for in it."""

    kind: str
    log: KnownLog


class Place(NamedTuple):
    """Where a pattern that was found ends, in the block that was searched."""

    end: int
    pattern: int


class Signs:
    """Patterns by their number, and the signs of which each is one.  May be used by several threads."""

    def __init__(self, uses: Iterable[tuple[Use, Sign]], purpose: str, cache: str | None) -> None:
        """Raises `NoEngineError`."""
        numbers: dict[tuple[str, bool], int] = {}
        patterns: list[Pattern] = []
        self._of: list[list[tuple[str, str, Sign]]] = []
        for use, sign in uses:
            one = pattern(sign.pattern)
            number = numbers.setdefault((one.expression, one.nocase), len(patterns))
            if number == len(patterns):
                patterns.append(one)
                self._of.append([])
            self._of[number].append((use.kind, use.log.id, sign))
        self._finder = finder(patterns, purpose, cache) if patterns else None
        self.overlap = max((one.width for one in patterns), default=1) - 1
        """Bytes by which blocks must overlap."""

    def places(self, block: Buffer) -> list[Place]:
        return [Place(*each) for each in self._finder.every(block, PLACES_LIMIT)] if self._finder else []

    def of(self, number: int, uses: frozenset[tuple[str, str]]) -> list[tuple[str, Sign]]:
        """The services and their signs that a pattern may mean in a log that is these logs of these services."""
        return [(kind, sign) for kind, log, sign in self._of[number] if (kind, log) in uses]


@functools.cache
def signs(form: LogFormat | None, cache: str | None = None) -> Signs:
    """Those of all known services for logs of one format, or of any; journals hold what any service says.

    Raises `NoEngineError`.
    """
    uses = [
        (Use(service.id, log), sign)
        for service in known_services().values()
        for log in service.log
        if form in (None, log.format) or (form is LogFormat.JOURNAL and log.journal)
        for sign in service.sign
        if log.id in sign.logs
    ]
    return Signs(uses, f"signs.{form.replace('-', '_') if form else 'any'}", cache)
