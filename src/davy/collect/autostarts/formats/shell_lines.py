"""The lines of a shell text that run something, each so that it can be taken out and the rest stays valid.

What only sets, tests or names (assignments, aliases of plain programs, ``[ ... ]``, ``shopt``) is no entry; what runs a
program, evaluates a text, reads another file, writes one, or has programs load something is.

Source: POSIX.1-2017 XCU chapter 2, bash(1), zshall(1), fish(1), csh(1).
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import Entry
from davy.collect.commands import programs_of
from davy.knowledge.arguments import DEPTH_LIMIT, opened, shell
from davy.knowledge.shell.simple_commands import ShellText
from davy.knowledge.shell.structure import CommandLine, Part, command_lines
from davy.knowledge.start_variables import loads_something

_BUILTINS: Final = (
    ": [ [[ (( test true false echo printf cat export readonly local declare typeset integer float unset set "
    "shopt setopt unsetopt bindkey umask ulimit limit unlimit cd pushd popd dirs return exit logout shift "
    "break continue read wait jobs bg fg disown hash rehash type whence which unalias complete compgen compopt "
    "bind let getopts history fc times enable autoload zstyle compdef zmodload abbr setenv unsetenv emulate "
    "alias trap builtin functions set_color status contains string count math function end begin switch case "
    "else endif endsw endfor default breaksw"
)
"""Builtins of the shells that run no other program by themselves, and ``cat`` and ``echo`` that only show a text."""
_QUIET: Final = frozenset(_BUILTINS.split())
_HOOKS: Final = {"complete": "-C", "bind": "-x", "enable": "-f"}
"""Builtins that with an option run or load what is named."""
_WRITES: Final = re.compile(r"(?<![<&\d])(?:1|2|&)?>[>|]?[ \t]*(?!&|/dev/(?:null|std|tty|fd))[^\s&;|()<>]")
_PLAIN_ALIAS: Final = re.compile(r"[\w.+-]+(?:[ \t]+[^;&|`$<>\n]*)?")
_ARITHMETIC: Final = re.compile(r"\$\(\((?:[^()`]|(?<!\$)\([^()`]*\))*\)\)")
_COPIED: Final = 16 << 10
"""Characters of a text of which homes have copies: those of the skeleton are cut once."""
_JOINED: Final = re.compile(r"\\\n[ \t]*")
_JOINED_TO_NOTHING: Final = re.compile(r"(?:\\\n[ \t]*)+\Z")


class _Cut(NamedTuple):
    """An entry without its programs, and the texts that name them: the command, and what it gives to a shell."""

    entry: Entry
    texts: tuple[str, ...]


def shell_entries(content: str, *, home: str | None = None) -> Iterator[Entry]:
    """The entries of a text for sh, bash, ksh or zsh.

    ``command`` is what runs, as it is written, with what a here-document gives it; ``remains`` keeps the words that
    hold compound commands together, with nothing run between them.
    """
    for cut in _cut_of_a_copy(content) if len(content) <= _COPIED else _cut(content):
        programs = (program for text in cut.texts for program in programs_of(text, home=home, directory=home))
        yield cut.entry._replace(programs=tuple(dict.fromkeys(programs)))


@functools.lru_cache(16)
def _cut_of_a_copy(content: str) -> tuple[_Cut, ...]:
    """The same of a text that many homes have a copy of."""
    return tuple(_cut(content))


def _cut(content: str) -> Iterator[_Cut]:
    for found in command_lines(content):
        running = [part for part in found.parts if _part_runs(content, part)]
        if not running:
            continue
        start, end = (found.start, found.code_end) if found.whole else (running[0].start, running[-1].end)
        code = _JOINED.sub(" ", _code(content, found, start, end).replace("\r\n", "\n")).strip()
        reads = any(part.heredoc for part in running)
        given = "".join(content[begin:end] for begin, end in found.given).rstrip("\r\n") if reads else ""
        shell_reads = given and shell(posixpath.basename((code.partition("<<")[0].split() or [""])[-1]))
        entry = Entry(
            line=found.line,
            end_line=found.end_line if found.end_line > found.line else None,
            text="\n".join(row.removesuffix("\r") for row in content[found.start : found.end].split("\n")),
            remains=_remains(content, found),
            command=f"{code}\n{given}" if given else code,
        )
        yield _Cut(entry, (code, given) if shell_reads else (code,))


def _remains(content: str, found: CommandLine) -> str | None:
    """What has to stay of a command line."""
    if found.whole and found.instead is None:
        return None
    text = content[found.start : found.code_end]
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    if found.whole:
        return f"{indent}{found.instead}"
    pieces, here = [], found.start
    for part in found.parts:
        if part.heredoc or _part_runs(content, part):
            pieces += [_code(content, found, here, part.start), part.instead]
            here = part.end
    remains = "".join([*pieces, _code(content, found, here, found.code_end)])
    return _JOINED_TO_NOTHING.sub("", remains).rstrip()


def _code(content: str, line: CommandLine, start: int, end: int) -> str:
    """A piece of a command line without the here-documents in it."""
    pieces = []
    for begin, after in line.given:
        if start <= begin < end:
            pieces.append(content[start:begin])
            start = min(after, end)
    return "".join([*pieces, content[start:end]])


def _part_runs(content: str, part: Part) -> bool:
    text = content[part.start : part.end]
    return runs(text if part.command else f": {text}")


def runs(text: str, depth: int = 0) -> bool:
    """Whether a simple command, as it is written, runs or loads something worth telling."""
    if depth > DEPTH_LIMIT or loads_something(text):
        return True
    for command in ShellText(_ARITHMETIC.sub("0", text), str).commands():
        if any(runs(substitution, depth + 1) for substitution in command.substitutions):
            return True
        if command.words and _runs(command.words, depth):
            return True
    return bool(_WRITES.search(text)) and not text.startswith(("[", "exec ", "("))


def _runs(words: Sequence[str], depth: int) -> bool:
    name = words[0]
    if name in ("command", "builtin") and len(words) > 1:
        return words[1] not in ("-v", "-V") and words[1] not in _QUIET and any(True for _ in opened(words))
    if name not in _QUIET:
        return True
    if name == "alias":
        return any(_runs_as_alias(word.partition("=")[2], depth) for word in words[1:])
    if name == "trap":
        return len(words) > 2 and words[1] not in ("", "-") and runs(words[1], depth + 1)
    return _HOOKS.get(name, "\0") in words[1:]


def _runs_as_alias(value: str, depth: int) -> bool:
    """Whether an alias is more than another name for a program with options."""
    return bool(value) and not _PLAIN_ALIAS.fullmatch(value) and runs(value, depth + 1)
