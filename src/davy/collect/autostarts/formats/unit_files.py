"""The text of a systemd unit file: its settings, its Exec lines, the names that belong to a unit.  Pure; never raises.

Source: systemd.syntax(7), systemd.unit(5), systemd.service(5) (command lines).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Final, NamedTuple

from davy.collect.commands import UNKNOWN

_QUOTING: Final = re.compile(r"['\"\\]")
_PREFIXES: Final = "@-:+!|"
_WORD: Final = re.compile(r"""(?:[^\s'"\\]+|'(?:\\.|[^'\\])*'?|"(?:\\.|[^"\\])*"?|\\.|\\$)+""", re.DOTALL)
_PART: Final = re.compile(r"""(?:[^'"\\]|\\.|\\$)+|'(?:\\.|[^'\\])*'?|"(?:\\.|[^"\\])*"?""", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "s": " ", "\\": "\\", '"': '"', "'": "'", ";": ";",
}  # fmt: skip
_SPECIFIER: Final = re.compile(r"%(.)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$\{\w+\}|^\$\w+$")


class Setting(NamedTuple):
    """One ``key=value`` of a unit file; an empty value resets what was set before."""

    section: str
    key: str
    value: str


def unit_settings(text: str, keys: Container[str]) -> list[Setting]:
    """The settings with these keys in their order; lines of another shape are passed over, as systemd does."""
    found = []
    section = ""
    pieces: list[str] = []
    for raw in [*text.removeprefix("\ufeff").replace("\r", "\n").replace("\0", "\n").split("\n"), ""]:
        line = raw.lstrip()
        if line.startswith(("#", ";")):
            continue
        if line.endswith("\\") and (len(line) - len(line.rstrip("\\"))) % 2:
            pieces.append(line[:-1])
            continue
        if pieces:
            line = " ".join([*pieces, line])
            pieces.clear()
        key, equals, value = line.partition("=")
        if line.startswith("["):
            line = line.rstrip()
            section = line[1:-1] if line.endswith("]") else ""
        elif equals and (key := key.rstrip()) in keys:
            found.append(Setting(section, key, value.strip()))
    return found


def exec_text(value: str) -> str:
    """The command of an Exec line as it is written, without systemd's prefixes."""
    return value.lstrip(_PREFIXES)


def exec_commands(value: str, specifiers: Mapping[str, str]) -> Iterator[list[str]]:
    """The commands of an Exec line, each as the words execve(2) gets, with `UNKNOWN` where only systemd knows.

    ``specifiers`` maps the letter after a ``%`` to what it means.
    """
    words: list[str] = []
    for word in [*_words(value), None]:
        if word is not None:
            words.append(word)
            continue
        if words:
            program = words[0].lstrip(_PREFIXES)
            own_name = "@" in words[0][: len(words[0]) - len(program)]
            yield [expanded(word, specifiers) for word in (program, *words[2 if own_name else 1 :])]
        words = []


def _words(value: str) -> list[str | None]:
    """The words without their quotes; None for a semicolon of its own, which ends a command."""
    raw = _WORD.findall(value) if _QUOTING.search(value) else value.split()
    return [None if word == ";" else _unquoted(word) for word in raw]


def _unquoted(word: str) -> str:
    if not _QUOTING.search(word):
        return word
    pieces = []
    for piece in _PART.findall(word):
        if piece[0] in "'\"":
            piece = piece[1:-1] if len(piece) > 1 and piece[-1] == piece[0] else piece[1:]
        pieces.append(_ESCAPE.sub(_unescaped, piece) if "\\" in piece else piece)
    return "".join(pieces)


def _unescaped(match: re.Match[str]) -> str:
    hexadecimal, octal, unicode, letter = match.groups()
    if letter is not None:
        return _ESCAPED.get(letter, match[0])
    if unicode:
        return chr(int(unicode, 16)).encode("utf-8", "replace").decode()
    return bytes([int(octal, 8) if octal else int(hexadecimal, 16)]).decode("ascii", "surrogateescape")


def expanded(word: str, specifiers: Mapping[str, str]) -> str:
    """A word with its specifiers and variables replaced, by `UNKNOWN` where only systemd knows."""
    if "%" in word:
        word = _SPECIFIER.sub(lambda match: specifiers.get(match[1], UNKNOWN), word)
    if "$" in word:
        word = _VARIABLE.sub(UNKNOWN, word).replace("$$", "$")
    return word


def unit_type(name: str) -> str:
    """What follows the last dot: ``service``, ``timer``, ..."""
    return name.rpartition(".")[2]


def template_of(name: str) -> str | None:
    """``getty@.service`` for ``getty@tty1.service``; None for a unit that is no instance."""
    prefix, at, rest = name.rpartition(".")[0].partition("@")
    return f"{prefix}@.{unit_type(name)}" if at and rest else None


def dropin_folders(name: str) -> Iterator[str]:
    """The folders whose ``*.conf`` apply to a unit, the most special first."""
    kind, template = unit_type(name), template_of(name)
    yield f"{name}.d"
    if template:
        yield f"{template}.d"
    prefix = name.rpartition(".")[0].partition("@")[0]
    while "-" in prefix:
        prefix = prefix.rstrip("-").rpartition("-")[0]
        if prefix:
            yield f"{prefix}-.{kind}.d"
    yield f"{kind}.d"


def name_specifiers(name: str) -> dict[str, str]:
    """The specifiers that a unit's name gives a meaning to."""
    stem, _, _ = name.rpartition(".")
    prefix, _, instance = stem.partition("@")
    found = {"%": "%", "n": name, "N": stem, "p": prefix}
    if instance:
        found |= {"i": instance}
    return found
