"""Words of mining on a command line: stratum addresses, algorithms, wallets, options that only miners have.

Data in ``words.toml``.  Source: the option lists of xmrig, cpuminer and ethminer; the login shapes of pools.  A word
counts for the program that is given it, not for one that reads, searches or carries words (``benign.toml``).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from davy.knowledge.arguments import MULTICALL, base, opened, program, wrapper
from davy.knowledge.data import read
from davy.knowledge.pools import pool_endpoint, pool_host

_WORDS_LIMIT: Final = 512
"""Words of one command line that are looked at."""
_WORD_LIMIT: Final = 2048
_SHOWN_LIMIT: Final = 200
_STEM: Final = re.compile(r"[.-]")
_ENDPOINT: Final = re.compile(r"(?:[\w+]{1,20}://)?(?:[^@\s/]{1,200}@)?([\w.-]{3,253})(?::(\d{2,5}))?(?:/\S{0,200})?")


class Word(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a miner is told; the fields are explained in ``words.toml``."""

    id: str
    strength: Literal["strong", "weak"]
    reason: str
    falsepositives: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]
    options: tuple[str, ...] = ()
    value: str | None = None
    pool: bool = False
    along: tuple[str, ...] = ()


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    word: tuple[Word, ...]


class Reader(Struct, frozen=True, forbid_unknown_fields=True):
    """Programs that are given words to look for, to show or to pass on."""

    id: str
    names: tuple[str, ...]
    reason: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Benign(Struct, frozen=True, forbid_unknown_fields=True):
    untrusted_places: tuple[str, ...]
    reader: tuple[Reader, ...]


class WordMatch(NamedTuple):
    """A word of mining that a command line has."""

    id: str
    text: str
    """The option and its value as they stand, shortened."""
    strong: bool
    """Whether hardly anything but a miner says so."""
    reason: str
    falsepositives: str


class _Index(NamedTuple):
    options: dict[str, tuple[Word, ...]]
    alone: tuple[Word, ...]
    """Words that are an argument by themselves."""


@functools.cache
def words() -> tuple[Word, ...]:
    return read("words.toml", Words).word


@functools.cache
def benign() -> Benign:
    return read("benign.toml", Benign)


@functools.cache
def _readers() -> frozenset[str]:
    return frozenset(name for reader in benign().reader for name in reader.names)


@functools.cache
def _index() -> _Index:
    options: dict[str, tuple[Word, ...]] = {}
    for word in words():
        for option in word.options:
            options[option] = (*options.get(option, ()), word)
    return _Index(options, tuple(word for word in words() if not word.options))


@functools.cache
def _value(word: Word) -> re.Pattern[str]:
    return re.compile(word.value or "", re.VERBOSE)


def reads(path: str) -> bool:
    """Whether a program only looks for words, shows them or passes them on; none is believed where anyone may write."""
    return base(path).removeprefix("-") in _readers() and not path.startswith(benign().untrusted_places)


def _disguised(cmdline: Sequence[str], exe: str) -> bool:
    """Whether a command line claims to be a reader's though the executable is none (``vim`` is ``vim.basic``, too)."""
    return reads(cmdline[0]) and not (reads(exe) or reads(_stem(exe)) or base(exe) in MULTICALL)


def _masked(cmdline: Sequence[str], exe: str) -> bool:
    """Whether a command line claims to be one that runs another, though the executable is none."""
    called = base(cmdline[0]).removeprefix("-")
    return wrapper(called) and not (wrapper(base(exe)) or wrapper(base(_stem(exe))))


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{_STEM.split(name, maxsplit=1)[0]}"


def mining_words(cmdline: Sequence[str], exe: str | None = None) -> tuple[WordMatch, ...]:
    """The words of mining that a command line gives its program, strong ones first; the text of ``sh -c`` is opened.

    ``exe`` is the path of the executable, where it is known: a process that calls itself grep and runs something else
    is no reader, one that calls itself sudo runs nothing else.
    """
    words = cmdline[:_WORDS_LIMIT]
    known = exe if words else None
    disguised = bool(known and _disguised(words, known))
    commands = [words] if known and _masked(words, known) else opened(words)
    found = {(match.id, match.text): match for command in commands for match in told(command, disguised)}
    return tuple(sorted(found.values(), key=lambda match: not match.strong)) if found else ()


def told(command: Sequence[str], disguised: bool = False) -> list[WordMatch]:
    """The words of mining in an opened command; none where its program only reads them, unless that is a disguise."""
    matches = list(_matches(command[:_WORDS_LIMIT]))
    return matches if matches and (disguised or not reads(program(command))) else []


def _matches(command: Sequence[str]) -> Iterator[WordMatch]:
    options, alone = _index()
    place = 1
    while place < len(command):
        argument = command[place][:_WORD_LIMIT]
        place += 1
        if argument[:1] == "-":
            name, value, took = _option(argument, command[place] if place < len(command) else "")
            word = next((each for each in options.get(name, ()) if _says(each, value, command)), None)
            if word is not None:
                given = value if word.value or word.pool else ""
                place += took if given else 0
                yield _match(word, f"{name} {given}".rstrip())
                continue
        elif len(argument) > 8:
            word = next((each for each in alone if _value(each).fullmatch(argument)), None)
            if word is not None:
                yield _match(word, argument)


def _option(argument: str, following: str) -> tuple[str, str, int]:
    """An option, its value, and how many more words that took: ``--algo=x``, ``-a x`` or ``-ax``."""
    name, equals, value = argument.partition("=")
    if equals and name in _index().options:
        return name, value, 0
    if argument in _index().options or argument[:2] == "--":
        return argument, following[:_WORD_LIMIT], 1
    return argument[:2], argument[2:], 0


def _says(word: Word, value: str, command: Sequence[str]) -> bool:
    if word.pool:
        match = _ENDPOINT.fullmatch(value)
        if match is None or not (pool_host(match[1]) or pool_endpoint(match[1], int(match[2] or 0))):
            return False
    if word.value is not None and not _value(word).fullmatch(value):
        return False
    return all(option in command for option in word.along)


def _match(word: Word, text: str) -> WordMatch:
    return WordMatch(word.id, text[:_SHOWN_LIMIT], word.strength == "strong", word.reason, word.falsepositives)
