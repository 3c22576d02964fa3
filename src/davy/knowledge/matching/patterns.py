"""A pattern: a regular expression over bytes that Hyperscan, RE2 and Python understand alike, of bounded width.

What the three understand differently is refused: anchors and word borders (a block's border is none of the content's),
``\\s`` (RE2 leaves out the vertical tab), look-around and references back.  So is what may be of any length: contents
are read block by block, and blocks overlap by the widest pattern.
"""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

from msgspec import Struct

WIDTH_LIMIT: Final = 1024
"""Bytes that a pattern may match at most."""
LEAST_WIDTH: Final = 4
"""Bytes that it must match at least: what is shorter stands everywhere."""
NOTHING: Final = "\u00a6"
"""Stands for nothing in a pattern or sample: it keeps the file that holds a rule from meeting the rule."""

_REFUSED: Final = {
    _constants.AT: "an anchor or a word border",
    _constants.ASSERT: "a look-around",
    _constants.ASSERT_NOT: "a look-around",
    _constants.GROUPREF: "a reference back",
    _constants.GROUPREF_EXISTS: "a reference back",
    _constants.ATOMIC_GROUP: "an atomic group",
    _constants.POSSESSIVE_REPEAT: "a possessive repeat",
}
_ALIKE: Final = {
    _constants.CATEGORY_DIGIT, _constants.CATEGORY_WORD, _constants.CATEGORY_NOT_DIGIT, _constants.CATEGORY_NOT_WORD,
}  # fmt: skip


class PatternError(ValueError):
    """A pattern that the engines would not understand alike."""


class Pattern(Struct, frozen=True):
    """A checked pattern.  ``.`` matches every byte."""

    expression: str
    nocase: bool
    width: int
    """Bytes that it matches at most."""

    def python(self) -> re.Pattern[bytes]:
        return re.compile(self.expression.encode(), re.DOTALL | (re.IGNORECASE if self.nocase else 0))


def pattern(text: str) -> Pattern:
    """The pattern that a rule's ``text`` means; ``(?i)`` in front makes it ignore case.  Raises `PatternError`."""
    expression = text.replace(NOTHING, "")
    nocase = expression.startswith("(?i)")
    expression = expression.removeprefix("(?i)")
    if not expression.isascii():
        raise PatternError(f"{text!r}: write bytes beyond ASCII as \\xNN")
    try:
        tree = _parser.parse(expression.encode(), re.DOTALL)
    except re.error as error:
        raise PatternError(f"{text!r}: {error}") from None
    _check(tree, text, nocase)
    least, most = tree.getwidth()
    if not LEAST_WIDTH <= least <= most <= WIDTH_LIMIT:
        raise PatternError(f"{text!r}: matches {least} to {most} bytes, not {LEAST_WIDTH} to {WIDTH_LIMIT}")
    return Pattern(expression, nocase, most)


def literal(text: str) -> Pattern:
    """The pattern of the very ``text``, in ASCII."""
    return Pattern(re.escape(text), False, len(text))


def _check(tree: Any, text: str, nocase: bool) -> None:
    """Walk Python's own parse of a pattern, whose shape is no public one: every part that is not known is refused."""
    for operation, value in tree:
        if operation in _REFUSED:
            raise PatternError(f"{text!r}: {_REFUSED[operation]}")
        if operation is _constants.CATEGORY and value not in _ALIKE:
            raise PatternError(f"{text!r}: \\s is not understood alike")
        if nocase and operation is _constants.LITERAL and value >= 0x80:
            raise PatternError(f"{text!r}: (?i) beside a byte beyond ASCII")
        if operation is _constants.IN:
            _check(value, text, nocase)
        elif operation is _constants.BRANCH:
            for branch in value[1]:
                _check(branch, text, nocase)
        elif operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            _check(value[2], text, nocase)
        elif operation is _constants.SUBPATTERN:
            if value[1] or value[2]:
                raise PatternError(f"{text!r}: flags within a pattern")
            _check(value[3], text, nocase)
