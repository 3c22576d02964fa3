"""How programs take arguments: an interpreter's script or inline text, and the command that a wrapper runs.

Data in ``arguments.toml``.  Source: POSIX.1-2017 XBD 12 (utility conventions) and the manual pages of bash(1),
python(1), perlrun(1), ruby(1), node(1), php(1), lua(1), java(1), sudo(8), env(1), timeout(1), flock(1), ...
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Final, NamedTuple

from msgspec import Struct

from davy.knowledge.data import read
from davy.knowledge.shell.simple_commands import SUBSTITUTION, ShellText, command_words

TEXT_LIMIT: Final = 64 << 10
"""Characters of a text for the shell that are looked at."""
WORDS_LIMIT: Final = 2048
"""Words of one command line that are looked at."""
DEPTH_LIMIT: Final = 8
"""Texts within texts that are followed: ``sh -c 'sh -c ...'``."""
_COMMANDS_LIMIT: Final = 256

MULTICALL: Final = frozenset({"busybox", "toybox"})
"""Programs that are many: which one, their first word says."""


class Sample(Struct, frozen=True, forbid_unknown_fields=True):
    """A command line, and the script and inline text that an interpreter takes from it."""

    line: str
    script: str | None = None
    inline: str | None = None


class Interpreter(Struct, frozen=True, forbid_unknown_fields=True):
    """How an interpreter takes its program; the fields are explained in ``arguments.toml``."""

    id: str
    names: str
    must_match: tuple[Sample, ...]
    must_not_match: tuple[str, ...]
    inline: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()
    script: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    glued: tuple[str, ...] = ()
    bundled: bool = False
    both: bool = False
    operand: bool = True
    shell: bool = False


class Wrapper(Struct, frozen=True, forbid_unknown_fields=True):
    """How a program that runs another takes its command; the fields are explained in ``arguments.toml``."""

    id: str
    names: str
    must_match: dict[str, str]
    must_not_match: tuple[str, ...]
    values: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    operands: int = 0
    joined: bool = False
    after: tuple[str, ...] = ()


class Arguments(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``arguments.toml``."""

    system_folders: tuple[str, ...]
    interpreter: tuple[Interpreter, ...]
    wrapper: tuple[Wrapper, ...]


@functools.cache
def arguments() -> Arguments:
    return read("arguments.toml", Arguments)


def base(path: str) -> str:
    return path.rpartition("/")[2]


class _Kind(Enum):
    """What an option does: the fields of a rule that list options."""

    INLINE = "inline"
    DEFERRED = "deferred"
    SCRIPT = "script"
    ELSEWHERE = "elsewhere"
    VALUE = "values"
    GLUED = "glued"
    INSTEAD = "instead"


class _Known(NamedTuple):
    """What is known of a program: its rule, and its options."""

    rule: Interpreter | Wrapper
    options: Mapping[str, _Kind]


@functools.cache
def _rules() -> tuple[re.Pattern[str], tuple[_Known, ...]]:
    """A regular expression with a group for the names of each rule, and the rules."""
    rules: tuple[Interpreter | Wrapper, ...] = (*arguments().interpreter, *arguments().wrapper)
    known = (_Known(rule, {each: kind for kind in _Kind for each in getattr(rule, kind.value, ())}) for rule in rules)
    return re.compile("|".join(f"({rule.names})" for rule in rules), re.VERBOSE), tuple(known)


@functools.lru_cache(1024)
def _known(name: str) -> _Known | None:
    names, rules = _rules()
    match = names.fullmatch(name)
    return rules[match.lastindex - 1] if match and match.lastindex else None


def interpreter(name: str) -> bool:
    """Whether a program of this (file) name runs the program that a script or its command line gives it."""
    known = _known(name)
    return known is not None and isinstance(known.rule, Interpreter)


def shell(name: str) -> bool:
    """Whether a program of this (file) name is a shell."""
    known = _known(name)
    return known is not None and isinstance(known.rule, Interpreter) and known.rule.shell


def wrapper(name: str) -> bool:
    """Whether a program of this (file) name runs the commands on its own command line, as shells do, too."""
    known = _known(name)
    return known is not None and (isinstance(known.rule, Wrapper) or known.rule.shell)


class _Option(NamedTuple):
    """One option, or several that share a word."""

    kind: _Kind | None = None
    value: str | None = None
    took: int = 1
    """Words."""
    deferred: bool = False
    """Whether the first operand will be the inline text."""


def _option(options: Mapping[str, _Kind], words: Sequence[str], place: int, bundled: bool = True) -> _Option:
    """Reads the option at ``place``: ``-n 5``, ``--name=5``, and where short ones may share a word, ``-xn5``."""
    word = words[place]
    following = words[place + 1] if place + 1 < len(words) else None
    if bundled and word[:2] != "--" and word not in options:
        return _bundle(options, word, following)
    name, equals, value = word.partition("=")
    kind = options.get(name)
    if kind is _Kind.DEFERRED:
        return _Option(deferred=True)
    if kind is None or kind is _Kind.GLUED or kind is _Kind.ELSEWHERE:
        return _Option(kind)
    return _Option(kind, value) if equals and word[:2] == "--" else _Option(kind, following, 2)


def _bundle(options: Mapping[str, _Kind], word: str, following: str | None) -> _Option:
    """Reads short options that share one word: ``-xec``, ``-lne``, ``-Ilib``."""
    deferred = False
    for place, letter in enumerate(word[1:], 2):
        kind = options.get("-" + letter)
        if kind is _Kind.DEFERRED:
            deferred = True
        elif kind is not None:
            rest = word[place:]
            return _Option(kind, rest or following, 1 if rest or kind is _Kind.GLUED else 2, deferred)
    return _Option(deferred=deferred)


def script_argument(exe_name: str, argv: Sequence[str]) -> tuple[str | None, str | None]:
    """The script (as written) and the inline text that an interpreter was given; both None when there is neither.

    ``exe_name`` is the name of the executable's file, ``argv`` the whole command line.  A module's name
    (``python -m``), standard input (``-``, ``sh -s``) and an interactive start yield nothing.
    """
    words, name = argv[:WORDS_LIMIT], base(exe_name)
    if name in MULTICALL and words:
        if base(words[0]) == name:
            words = words[1:]
        name = base(words[0]).removeprefix("-") if words else ""
    known = _known(name)
    if known is None or not isinstance(known.rule, Interpreter):
        return None, None
    rule, options = known.rule, known.options
    script: str | None = None
    inline: str | None = None
    deferred, place = False, 1
    while place < len(words):
        word = words[place]
        if word == "--" or (word == "-" and rule.deferred):
            place += 1
            break
        if word[:1] != "-" and word not in options and not (rule.deferred and word[:1] == "+"):
            break
        if word == "-":
            return script, inline
        option = _option(options, words, place, rule.bundled)
        if option.kind is _Kind.ELSEWHERE:
            return script, inline
        if option.kind is _Kind.INLINE:
            inline = inline or option.value
        elif option.kind is _Kind.SCRIPT:
            script = script or option.value
        place, deferred = place + option.took, deferred or option.deferred
    operand = (words[place] or None) if place < len(words) else None
    if deferred:
        return None, operand
    if rule.operand and script is None and (inline is None or rule.both):
        script = operand
    return script or None, inline


def _believed(path: str) -> bool:
    return "/" not in path or path.startswith(arguments().system_folders)


def inside(words: Sequence[str]) -> str | list[Sequence[str]] | None:
    """What a command line runs beside its program: a text for the shell, or commands; None where it is no wrapper's."""
    name = base(words[0]).removeprefix("-")
    known = _known(name)
    if known is None:
        return None
    if isinstance(known.rule, Interpreter):
        return script_argument(name, words)[1] if known.rule.shell else None
    return _executed(known.rule, words) if known.rule.after else _wrapped(known.rule, known.options, words)


def _wrapped(rule: Wrapper, options: Mapping[str, _Kind], words: Sequence[str]) -> str | list[Sequence[str]]:
    """What a wrapper runs whose command follows its own options and operands."""
    place, operands = 1, rule.operands
    while place < len(words):
        word = words[place]
        if word == "--":
            place += 1 + operands
            break
        if word[:1] == "-":
            option = _option(options, words, place)
            if option.kind is _Kind.INLINE:
                return option.value or ""
            if option.kind is _Kind.ELSEWHERE:
                return []
            if option.kind is _Kind.INSTEAD:
                operands = 0
            place += option.took
        elif operands:
            operands, place = operands - 1, place + 1
        else:
            break
    rest = words[place:]
    if rule.joined:
        return " ".join(rest)
    command = command_words(rest)
    return [command] if command else []


def _executed(rule: Wrapper, words: Sequence[str]) -> list[Sequence[str]] | None:
    """The commands that stand behind certain words up to a semicolon or a plus: those of ``find -exec``."""
    found: list[list[str]] = []
    ended = True
    for word in words:
        if ended and word in rule.after:
            found.append([])
            ended = False
        elif not ended:
            ended = word == ";" or (word == "+" and found[-1][-1:] == ["{}"])
            if not ended:
                found[-1].append(word)
    return [command for command in found if command] if found else None


def commands(text: str, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """The commands that a text for the shell runs, each `opened`; roughly, in the order of the words.

    Not a shell: variables stay as written, redirections are dropped, and at most 256 commands are read.
    """
    return islice(_commands(text[:TEXT_LIMIT], depth), _COMMANDS_LIMIT)


def _commands(text: str, depth: int) -> Iterator[tuple[str, ...]]:
    if depth > DEPTH_LIMIT:
        return
    for command in ShellText(text, expand=str).commands():
        end = len(command.words)
        while end and command.words[end - 1] == SUBSTITUTION:
            end -= 1
        yield from opened(command.words[:end], depth)
        for substitution in command.substitutions:
            yield from commands(substitution, depth + 1)


def opened(argv: Sequence[str], depth: int = 0) -> Iterator[tuple[str, ...]]:
    """What a command line comes to: the command behind wrappers (``sudo``, ``nohup``), an inline text's commands.

    A wrapper outside the system's folders may be anything, and is a command as it stands, too.
    """
    pending: list[Sequence[str]] = [argv[:WORDS_LIMIT]] if argv else []
    while pending:
        words = pending.pop()
        found = inside(words)
        if found is None or not _believed(words[0]):
            yield tuple(words)
        if isinstance(found, str):
            yield from commands(found, depth + 1)
        elif found:
            pending.extend(reversed(found))


def program(words: Sequence[str]) -> str:
    """The file whose text decides what an opened command does: the script, or the program itself."""
    if words[0] in (".", "source") and len(words) > 1:
        return words[1]
    return script_argument(base(words[0]).removeprefix("-"), words)[0] or words[0]
