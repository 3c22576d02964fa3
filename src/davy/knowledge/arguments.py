"""How programs take arguments: an interpreter's script or inline text, and the command that a wrapper runs.

Data in ``arguments.toml``.  Source: POSIX.1-2017 XBD 12 (utility conventions) and the manual pages of bash(1),
python(1), perlrun(1), ruby(1), node(1), php(1), lua(1), java(1), sudo(8), env(1), timeout(1), flock(1), ...
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from msgspec import Struct

from davy.knowledge.data import read

_TEXT_LIMIT: Final = 64 << 10
_WORDS_LIMIT: Final = 4096
_COMMANDS_LIMIT: Final = 256
_DEPTH_LIMIT: Final = 4

MULTICALL: Final = frozenset({"busybox", "toybox"})
"""Programs that are many: which one, their first word says."""
_BEFORE_COMMAND: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "{"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=")
_TOKEN: Final = re.compile(
    r"""
      (?P<blank> [ \t\r]+ | \\\n )
    | (?P<operator> \|\|? | &&? (?!>) | ;;? | [<>$]?\( | [)\n`] )
    | (?P<redirection> \d*(?:<<?<?-?|<>|>>?\|?)&?(?:(?<=&)(?:\d+-?|-))? | &>>? )
    | (?P<word> (?: [^\s;&|()'"\\<>`$] | \$(?!\() | '[^']*' | "(?:[^"\\]|\\.)*" | \\. )+ )
    | (?P<stray> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED: Final = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\$`])')


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
    script: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    glued: tuple[str, ...] = ()
    bundled: bool = False
    deferred: bool = False
    both: bool = False
    operand: bool = True


class Wrapper(Struct, frozen=True, forbid_unknown_fields=True):
    """How programs that run another one take its command."""

    id: str
    names: tuple[str, ...]
    must_match: dict[str, str]
    must_not_match: tuple[str, ...]
    values: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    operands: int = 0
    joined: bool = False


class Arguments(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``arguments.toml``."""

    interpreter: tuple[Interpreter, ...]
    wrapper: tuple[Wrapper, ...]


@functools.cache
def arguments() -> Arguments:
    return read("arguments.toml", Arguments)


def base(path: str) -> str:
    return path.rpartition("/")[2]


@functools.cache
def _interpreters() -> re.Pattern[str]:
    return re.compile("|".join(f"({rule.names})" for rule in arguments().interpreter))


@functools.lru_cache(1024)
def _rule(name: str) -> Interpreter | None:
    match = _interpreters().fullmatch(name)
    return arguments().interpreter[match.lastindex - 1] if match and match.lastindex else None


@functools.cache
def _wrappers() -> dict[str, Wrapper]:
    return {name: wrapper for wrapper in arguments().wrapper for name in wrapper.names}


def interpreter(name: str) -> bool:
    """Whether a program of this (file) name runs the program that a script or its command line gives it."""
    return _rule(name) is not None


class _Found(NamedTuple):
    """What one option says: texts and a script it gives, and how many words it took."""

    took: int = 1
    inline: str | None = None
    script: str | None = None
    pending: bool = False
    """The first operand will be the inline text."""
    elsewhere: bool = False


def _option(rule: Interpreter, words: Sequence[str], place: int) -> _Found:
    """Reads the option at ``place``."""
    word = words[place]
    following = words[place + 1] if place + 1 < len(words) else None
    name, equals, value = word.partition("=")
    if word.startswith("--") or not rule.bundled or word in rule.values:
        given = value if equals and word.startswith("--") else following
        took = 1 if equals and word.startswith("--") else 2
        if name in rule.inline:
            return _Found(1, pending=True) if rule.deferred else _Found(took, inline=given)
        if name in rule.script:
            return _Found(took, script=given)
        if name in rule.elsewhere:
            return _Found(elsewhere=True)
        return _Found(took if name in rule.values else 1)
    return _bundle(rule, word, following)


def _bundle(rule: Interpreter, word: str, following: str | None) -> _Found:
    """Reads short options that share one word: ``-xec``, ``-lne``, ``-Ilib``."""
    pending = False
    for place in range(1, len(word)):
        letter, rest = "-" + word[place], word[place + 1 :]
        given, took = (rest, 1) if rest else (following, 2)
        if letter in rule.inline:
            if not rule.deferred:
                return _Found(took, inline=given)
            pending = True
        elif letter in rule.script:
            return _Found(took, script=given)
        elif letter in rule.elsewhere:
            return _Found(elsewhere=True)
        elif letter in rule.values:
            return _Found(took, pending=pending)
        elif letter in rule.glued:
            break
    return _Found(pending=pending)


def script_argument(exe_name: str, argv: Sequence[str]) -> tuple[str | None, str | None]:
    """The script (as written) and the inline text that an interpreter was given; both None when there is neither.

    ``exe_name`` is the name of the executable's file, ``argv`` the whole command line.  A module's name
    (``python -m``), standard input (``-``, ``sh -s``) and an interactive start yield nothing.
    """
    words, name = argv[:_WORDS_LIMIT], base(exe_name)
    if name in MULTICALL and words:
        if base(words[0]) == name:
            words = words[1:]
        name = base(words[0]).removeprefix("-") if words else ""
    rule = _rule(name)
    if rule is None:
        return None, None
    script: str | None = None
    inline: str | None = None
    pending, place = False, 1
    while place < len(words):
        word = words[place]
        if word == "--" or (word == "-" and rule.deferred):
            place += 1
            break
        if word[:1] != "-" and word not in rule.values and not (rule.deferred and word[:1] == "+"):
            break
        if word == "-":
            return script, inline
        found = _option(rule, words, place)
        if found.elsewhere:
            return script, inline
        place += found.took
        script, inline, pending = script or found.script, inline or found.inline, pending or found.pending
    operand = (words[place] or None) if place < len(words) else None
    if pending:
        return None, operand
    if rule.operand and script is None and (inline is None or rule.both):
        script = operand
    return script or None, inline


def commands(text: str, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """The commands that a text for the shell runs, wrappers taken off; roughly, in the order of the words.

    Not a shell: variables stay as written, redirections are dropped, and at most 256 commands are read.
    """
    for words in islice(_simple(text[:_TEXT_LIMIT]), _COMMANDS_LIMIT):
        yield from opened(words, depth)


def _simple(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    target = comment = False
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if comment and token[0] != "\n":
            continue
        if kind == "operator":
            if words:
                yield words
            words, target, comment = [], False, False
        elif kind == "redirection":
            target = token[0][-1] not in "-0123456789"
        elif kind == "word":
            if target:
                target = False
            elif token[0].startswith("#"):
                comment = True
            else:
                words.append(_unquoted(token[0]))
    if words:
        yield words


def _unquoted(word: str) -> str:
    def plain(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if double is not None:
            return _ESCAPED.sub(r"\1", double)
        return single if single is not None else (escaped or "")

    return _QUOTED.sub(plain, word) if "'" in word or '"' in word or "\\" in word else word


def opened(argv: Sequence[str], depth: int = 0) -> Iterator[tuple[str, ...]]:
    """What a command line comes to: the command behind wrappers (``sudo``, ``nohup``), an inline text's commands."""
    words = tuple(argv[:_WORDS_LIMIT])
    while words:
        if words[0] in _BEFORE_COMMAND or _ASSIGNMENT.match(words[0]):
            words = words[1:]
            continue
        wrapper = _wrappers().get(base(words[0]))
        if wrapper is None:
            break
        text, words = _unwrapped(wrapper, words)
        if text is not None:
            if depth < _DEPTH_LIMIT:
                yield from commands(text, depth + 1)
            return
    if not words:
        return
    name = base(words[0])
    rule = _rule(name.removeprefix("-"))
    inline = script_argument(name.removeprefix("-"), words)[1] if rule and rule.deferred else None
    if inline is None:
        yield words[1:] if name in MULTICALL and len(words) > 1 else words
    elif depth < _DEPTH_LIMIT:
        yield from commands(inline, depth + 1)


def _unwrapped(wrapper: Wrapper, words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """The text for a shell that a wrapper runs, or else the words of its command."""
    place, operands, text = 1, wrapper.operands, None
    while place < len(words) and text is None:
        word = words[place]
        name, equals, value = word.partition("=")
        if word == "--":
            place += 1 + operands
            break
        if word.startswith("-"):
            if name in wrapper.inline:
                text = value if equals else (words[place + 1] if place + 1 < len(words) else "")
            place += 2 if word in wrapper.values else 1
        elif operands:
            operands, place = operands - 1, place + 1
        else:
            break
    rest = words[place:]
    return (" ".join(rest) if wrapper.joined and text is None and rest else text), rest


def program(words: Sequence[str]) -> str:
    """The file whose text decides what an opened command does: the script, or the program itself."""
    if words[0] in (".", "source") and len(words) > 1:
        return words[1]
    return script_argument(base(words[0]).removeprefix("-"), words)[0] or words[0]
