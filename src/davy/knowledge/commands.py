"""Shapes of commands in autostarts: fetch and run, decode and run, run from where anyone may write.

Data in ``commands.toml``.  Source: the cron lines, units and profile lines in the write-ups of the families.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from davy.knowledge.arguments import TEXT_LIMIT, commands, program
from davy.knowledge.data import read
from davy.knowledge.programs import honest_hidden
from davy.knowledge.shell.spelling import spelled_out, unquoted, values_put_in
from davy.knowledge.weights import weight_of
from davy.knowledge.words import told
from davy.model.findings import Aspect

_SHOWN_LIMIT: Final = 200
_PART: Final = re.compile(r"%(\w+)%")

AUTOSTART_RULES: Final = {
    Aspect.PERSISTENCE: "persistence.suspicious-autostart",
    Aspect.NETWORK: "network.autostart",
    Aspect.ORIGIN: "origin.autostart",
    Aspect.CONTENT: "content.autostart",
    Aspect.CONCEALMENT: "concealment.autostart",
}
"""The rules under which what the shapes are worth is written down, each as a degree by its id."""

PLACES: Final = frozenset(
    {
        "runs from a writable folder", "runs a hidden program", "starts what is not running", "runs from memory",
        "hidden among the system's",
    }
)  # fmt: skip
"""Shapes that only say where a program lies or when it starts: people's own commands have them, too."""


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """One shape of command; the fields are explained in ``commands.toml``."""

    id: str
    aspect: Literal["persistence", "network", "origin", "content", "concealment"]
    technique: str
    """MITRE ATT&CK id."""
    reason: str
    falsepositives: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]
    pattern: str | None = None
    program: str | None = None
    spare: Literal["honest_hidden"] | None = None
    words: bool = False
    pieces: bool = False

    @property
    def rule(self) -> str:
        """The rule that its weight stands under."""
        return AUTOSTART_RULES[Aspect(self.aspect)]


class Shapes(Struct, frozen=True, forbid_unknown_fields=True):
    parts: dict[str, str]
    command: tuple[Shape, ...]


class CommandMatch(NamedTuple):
    """A shape that an autostart's command has."""

    id: str
    aspect: Aspect
    bits: float
    reason: str
    technique: str
    falsepositives: str
    text: str
    """The part of the command that has it, shortened."""


@functools.cache
def _read() -> Shapes:
    return read("commands.toml", Shapes)


def shapes() -> tuple[Shape, ...]:
    """All shapes, in the order of the file."""
    return _read().command


@functools.cache
def _compiled(expression: str) -> re.Pattern[str]:
    parts = _read().parts
    while _PART.search(expression):
        expression = _PART.sub(lambda match: parts[match[1]], expression)
    return re.compile(expression, re.VERBOSE | re.DOTALL)


@functools.lru_cache(1024)
def suspicious_command(command: str) -> tuple[CommandMatch, ...]:
    """The shapes that an autostart's command (without its schedule) has, those worth most bits first.

    Only the first 64 KiB are looked at.  An ordinary command has none.
    """
    text = command[:TEXT_LIMIT]
    plain = spelled_out(text)
    readings = tuple(dict.fromkeys((text, plain, unquoted(values_put_in(plain)))))
    opened = list(dict.fromkeys(words for reading in readings for words in commands(reading)))
    paths = list(dict.fromkeys(_programs(opened)))
    found = []
    for shape in shapes():
        shown = _pieces(text, plain) if shape.pieces else _shown(shape, readings, opened, paths)
        if shown is not None:
            found.append(_match(shape, shown))
    return tuple(sorted(found, key=lambda match: -match.bits))


@functools.lru_cache(1024)
def suspicious_programs(paths: tuple[str, ...]) -> tuple[CommandMatch, ...]:
    """The shapes that the programs of an autostart have by where they lie, those worth most bits first."""
    found = []
    for shape in shapes():
        shown = _shown(shape, (), [], list(paths)) if shape.program is not None else None
        if shown is not None:
            found.append(_match(shape, shown))
    return tuple(sorted(found, key=lambda match: -match.bits))


def _match(shape: Shape, shown: str) -> CommandMatch:
    return CommandMatch(
        shape.id,
        Aspect(shape.aspect),
        weight_of(shape.rule, shape.id).bits,
        shape.reason,
        shape.technique,
        shape.falsepositives,
        shown[:_SHOWN_LIMIT],
    )


def _programs(opened: list[tuple[str, ...]]) -> Iterator[str]:
    """The program of each command; a relative one made absolute where a ``cd`` before it says how."""
    directory = ""
    for words in opened:
        path = program(words)
        if words[0] == "cd":
            directory = words[1] if len(words) > 1 and words[1].startswith("/") else ""
        elif path.startswith("./") and directory:
            yield posixpath.join(directory, path[2:])
        else:
            yield path


def _pieces(text: str, plain: str) -> str | None:
    """A command that has another shape only when what hides its words is taken away; None when it has none so."""
    if text == plain:
        return None
    patterns = [_compiled(shape.pattern) for shape in shapes() if shape.pattern is not None]
    return text if any(each.search(plain) and not each.search(text) for each in patterns) else None


def _shown(shape: Shape, readings: tuple[str, ...], opened: list[tuple[str, ...]], paths: list[str]) -> str | None:
    """The part of a command, read in different ways, that has a shape; None when it has not."""
    if shape.pattern is not None:
        matches = (_compiled(shape.pattern).search(text) for text in readings)
        return next((match[0] for match in matches if match), None)
    if shape.program is not None:
        expression = _compiled(shape.program)
        for path in paths:
            if expression.fullmatch(path) and not (shape.spare == "honest_hidden" and honest_hidden(path)):
                return path
        return None
    return next((match.text for words in opened for match in told(words) if match.strong), None)
