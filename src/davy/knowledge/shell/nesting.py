"""The compound commands of shell text that are open, and what may stand in them for a command that is taken out.  Pure.

Source: POSIX.1-2017 XCU 2.9.4 (compound commands), 2.4 (reserved words).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

_DEPTH_LIMIT: Final = 200
"""Compound commands within each other that are followed."""


class Compound(Enum):
    """A compound command, and how far it has come."""

    IF_ASKS = "if ...; then is to come"
    IF = "if"
    WHILE_ASKS = "while ...; do is to come"
    UNTIL_ASKS = "until ...; do is to come"
    LOOP = "loop"
    CASE = "case"
    BRACE = "{"
    BRACKET = "("


OPENS: Final = {
    "if": Compound.IF_ASKS, "while": Compound.WHILE_ASKS, "until": Compound.UNTIL_ASKS, "for": Compound.LOOP,
    "select": Compound.LOOP, "case": Compound.CASE, "{": Compound.BRACE,
}  # fmt: skip
INSIDE: Final = {"then": Compound.IF, "else": Compound.IF, "elif": Compound.IF_ASKS, "do": Compound.LOOP}
CLOSES: Final = {
    "fi": (Compound.IF, Compound.IF_ASKS),
    "done": (Compound.LOOP, Compound.WHILE_ASKS, Compound.UNTIL_ASKS),
    "esac": (Compound.CASE,),
    "}": (Compound.BRACE,),
    ")": (Compound.BRACKET,),
}
_ASKS: Final = (Compound.IF_ASKS, Compound.WHILE_ASKS, Compound.UNTIL_ASKS)


class Nesting:
    """The compound commands that are open, and what has become of those that were when a line began."""

    def __init__(self, opened: tuple[Compound, ...] = ()) -> None:
        self._stack = list(opened)
        self._at_start = len(opened)
        self.reached_out = False
        """Whether one that was open when the line began was closed or went on."""

    @property
    def opened(self) -> tuple[Compound, ...]:
        return tuple(self._stack)

    @property
    def innermost(self) -> Compound | None:
        return self._stack[-1] if self._stack else None

    @property
    def level(self) -> bool:
        """Whether all that was opened since the line began is closed again, and nothing else is."""
        return not self.reached_out and len(self._stack) == self._at_start

    def line_begins(self) -> None:
        self._at_start, self.reached_out = len(self._stack), False

    def open(self, compound: Compound) -> None:
        if len(self._stack) < _DEPTH_LIMIT:
            self._stack.append(compound)

    def go_on(self, compound: Compound) -> None:
        """The innermost one has come further: ``then``, ``do``."""
        self.reached_out = self.reached_out or len(self._stack) <= self._at_start
        self._stack[-1] = compound

    def close(self, word: str) -> None:
        if self.innermost not in CLOSES[word]:
            self.reached_out = True
            return
        self.reached_out = self.reached_out or len(self._stack) <= self._at_start
        self._stack.pop()

    def instead_of_line(self) -> str | None:
        """What has to stand for a whole line: a body may not be empty, and what ``while`` asks has to fail."""
        if not self._stack:
            return None
        return "false" if self.innermost in (Compound.IF_ASKS, Compound.WHILE_ASKS) else ":"

    def instead_of_command(self, *, negated: bool) -> str:
        """What may stand for a command, so that no loop begins that has no end."""
        fails = self.innermost in (Compound.IF_ASKS, Compound.WHILE_ASKS)
        return "false" if fails != (negated and self.innermost in _ASKS) else ":"
