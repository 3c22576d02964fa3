"""What a command runs, as far as its words say.  Pure; never raises.

How shells and programs read their words is known next door: `davy.knowledge.shell`, `davy.knowledge.arguments`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Final

from davy.knowledge.arguments import DEPTH_LIMIT, TEXT_LIMIT, WORDS_LIMIT, inside, program
from davy.knowledge.shell.simple_commands import ShellText

PROGRAMS_LIMIT: Final = 32
"""Paths that are returned of one command."""
UNKNOWN: Final = "\0"
"""Stands in a word for what only the running shell knows: a variable, a substitution, a pattern."""
_PATH_LIMIT: Final = 4096


class _Reader:
    """Follows commands to the files they run, in the order of the words."""

    def __init__(self, home: str | None, directory: str | None) -> None:
        self._home, self._directory = home, directory
        self._known = dict.fromkeys(("~", "$HOME", "${HOME}"), home or UNKNOWN)
        self._found: dict[str, None] = {}

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self._found)

    def text(self, text: str, depth: int = 0) -> None:
        """A text for the shell."""
        if depth > DEPTH_LIMIT:
            return
        outer = self._directory
        for command in ShellText(text, self._expand).commands():
            if len(self._found) >= PROGRAMS_LIMIT:
                break
            self.words(command.words, depth, alternative=command.operator == "||")
            for substitution in command.substitutions:
                self.text(substitution, depth + 1)
        if depth:
            self._directory = outer

    def words(self, words: Sequence[str], depth: int = 0, *, alternative: bool = False) -> None:
        """One simple command; ``alternative`` when it only runs where the one before it failed."""
        pending = [words[:WORDS_LIMIT]] if words else []
        while pending:
            words = pending.pop()
            if "/" in words[0]:
                self._add(words[0])
            found = inside(words)
            if found is None:
                self._last(words, alternative)
            elif isinstance(found, str):
                self.text(found, depth + 1)
            else:
                pending.extend(reversed(found))

    def _last(self, words: Sequence[str], alternative: bool) -> None:
        """A command that runs no other."""
        if words[0] != "cd":
            file = program(words)
            if file != words[0]:
                self._add(file)
        elif not alternative:
            self._directory = self._absolute(next((w for w in words[1:] if w[:1] != "-"), self._home or ""))

    def _expand(self, written: str) -> str:
        return self._known.get(written, UNKNOWN)

    def _absolute(self, word: str) -> str | None:
        if not word or UNKNOWN in word or (word[0] != "/" and not self._directory):
            return None
        path = posixpath.join(self._directory or "/", word)
        return "/" + posixpath.normpath(path).lstrip("/") if len(path) < _PATH_LIMIT else None

    def _add(self, word: str) -> None:
        path = self._absolute(word)
        if path and path != "/" and len(self._found) < PROGRAMS_LIMIT:
            self._found[path] = None


def programs_of(command: str, *, home: str | None = None, directory: str | None = None) -> tuple[str, ...]:
    """Absolute paths of the files a shell command runs, in order, each once; programs and the scripts of interpreters.

    ``home`` is what ``~`` and ``$HOME`` mean and ``directory`` where it starts, if they are known.  What only the
    running shell knows (variables, patterns, the search path) yields nothing.  At most `PROGRAMS_LIMIT` paths.
    """
    reader = _Reader(home, directory)
    reader.text(command[:TEXT_LIMIT])
    return reader.programs


def programs_of_words(
    words: Sequence[str], *, home: str | None = None, directory: str | None = None
) -> tuple[str, ...]:
    """The same of a command that no shell reads: its words as execve(2) gets them, with `UNKNOWN` for what is not."""
    reader = _Reader(home, directory)
    reader.words([word[:TEXT_LIMIT] for word in words[:WORDS_LIMIT]])
    return reader.programs
