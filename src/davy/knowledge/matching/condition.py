"""The language of conditions: which of a rule's patterns must stand in one content.

    any                         at least one pattern
    all                         every pattern
    3                           at least three different ones
    login                       the pattern of that name
    2 of (login, job, keep*)    at least two of those named; ``*`` stands for any end of a name
    any of (...), all of (...)
    a and b, a or b, (a or b) and c

There is no ``not``: what an enemy writes beside a pattern must not make a rule pass over it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

Condition = Callable[[Collection[str]], bool]
"""Names of the patterns that were found, to whether that is enough."""

_TOKEN: Final = re.compile(r"\s*(?:([a-z][a-z0-9-]*\*?)|(\d{1,3})|([(),]))")
_WORDS: Final = frozenset({"and", "or", "of", "all", "any"})


class ConditionError(ValueError):
    """A condition that does not follow the language, or names a pattern that is not there."""


def condition(text: str, names: Sequence[str]) -> Condition:
    """The meaning of ``text`` over a rule's pattern ``names``.  Raises `ConditionError`."""
    parser = _Parser(_tokens(text), tuple(names))
    meaning = parser.either()
    if parser.token is not None:
        raise ConditionError(f"{text!r}: {parser.token!r} is not expected")
    return meaning


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionError(f"{text!r}: cannot be read from {text[at:]!r} on")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], names: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._names = names
        self._at = 0

    @property
    def token(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> str:
        token = self.token
        if token is None:
            raise ConditionError("a condition ends too early")
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        token = self._take()
        if token != wanted:
            raise ConditionError(f"{wanted!r} is expected, not {token!r}")

    def either(self) -> Condition:
        parts = [self._both()]
        while self.token == "or":
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda found: any(part(found) for part in parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self.token == "and":
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda found: all(part(found) for part in parts)

    def _one(self) -> Condition:
        token = self._take()
        if token == "(":
            inner = self.either()
            self._expect(")")
            return inner
        if token in ("all", "any") or token.isdigit():
            chosen = self._chosen()
            least = {"all": len(chosen), "any": 1}.get(token) or int(token)
            if not 1 <= least <= len(chosen):
                raise ConditionError(f"{least} of {len(chosen)} patterns")
            return lambda found: len(chosen.intersection(found)) >= least
        if token in _WORDS or token in (")", ","):
            raise ConditionError(f"{token!r} is not expected")
        wanted = self._named(token)
        return lambda found: not wanted.isdisjoint(found)

    def _chosen(self) -> frozenset[str]:
        """The patterns in parentheses behind ``of``; all where there are none."""
        if self.token != "of":
            return frozenset(self._names)
        self._take()
        self._expect("(")
        chosen = self._named(self._take())
        while self.token == ",":
            self._take()
            chosen |= self._named(self._take())
        self._expect(")")
        return chosen

    def _named(self, token: str) -> frozenset[str]:
        if token.endswith("*"):
            found = frozenset(name for name in self._names if name.startswith(token[:-1]))
        else:
            found = frozenset({token} & {*self._names})
        if not found:
            raise ConditionError(f"there is no pattern {token}")
        return found
