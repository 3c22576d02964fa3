"""What a command runs, as far as its words say.  Pure; never raises.

Source: bash(1), and the manual pages of the programs that run another program (nohup(1), timeout(1), sudo(8),
flock(1), env(1), xargs(1), ...).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from davy.collect.shell_text import UNKNOWN, ShellText
from davy.knowledge.arguments import script_argument

TEXT_LIMIT: Final = 64 << 10
"""Characters of a command that are looked at."""
PROGRAMS_LIMIT: Final = 32
"""Paths that are returned of one command."""
_DEPTH_LIMIT: Final = 8
_WRAPPERS_LIMIT: Final = 32
_PATH_LIMIT: Final = 4096

SHELLS: Final = frozenset({"sh", "ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "rbash", "tcsh", "zsh"})


class _Wrapper(NamedTuple):
    """How the command line of a program that runs another leads to that one."""

    operands: int = 0
    """Words that are its own before the command begins."""
    valued: frozenset[str] = frozenset()
    """Options whose value is a word of its own."""
    texts: frozenset[str] = frozenset()
    """Options whose value is a command for the shell."""


def _wrapper(operands: int = 0, valued: str = "", texts: str = "") -> _Wrapper:
    return _Wrapper(operands, frozenset(valued.split()), frozenset(texts.split()))


_WRAPPERS: Final = {
    "builtin": _wrapper(),
    "busybox": _wrapper(),
    "chroot": _wrapper(1, "--userspec --groups"),
    "chronic": _wrapper(),
    "chrt": _wrapper(1, "-T -P -D --sched-runtime --sched-period --sched-deadline"),
    "command": _wrapper(),
    "cpulimit": _wrapper(0, "-l --limit -c --cpu -p -e"),
    "doas": _wrapper(0, "-u -C"),
    "env": _wrapper(0, "-u --unset -C --chdir", "-S --split-string"),
    "exec": _wrapper(0, "-a"),
    "flock": _wrapper(1, "-w --wait --timeout -E --conflict-exit-code", "-c --command"),
    "ionice": _wrapper(0, "-c --class -n --classdata"),
    "ld.so": _wrapper(0, "--library-path --preload --argv0 --audit --inhibit-rpath"),
    "nice": _wrapper(0, "-n --adjustment"),
    "nohup": _wrapper(),
    "numactl": _wrapper(0, "-C -N -m -i -p --cpunodebind --membind --physcpubind"),
    "prlimit": _wrapper(),
    "run-one": _wrapper(),
    "runuser": _wrapper(1, "-g -G -s --group --supp-group --shell", "-c --command"),
    "screen": _wrapper(0, "-S -t -c -s -h -T -e -p"),
    "script": _wrapper(1, "-E -m -o -I -O -B -T", "-c --command"),
    "setpriv": _wrapper(0, "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits"),
    "setsid": _wrapper(),
    "sg": _wrapper(1, "", "-c"),
    "stdbuf": _wrapper(0, "-i -o -e --input --output --error"),
    "strace": _wrapper(0, "-o -e -p -s -u -E"),
    "su": _wrapper(1, "-g -G -s -w --group --supp-group --shell", "-c --command --session-command"),
    "sudo": _wrapper(0, "-u -g -p -C -T -h -U -r -t -D -R --user --group --prompt --chdir --chroot --host"),
    "systemd-cat": _wrapper(0, "-t -p --identifier --priority"),
    "systemd-run": _wrapper(0, "-u -p -E -H -M --unit --property --setenv --slice --uid --gid --nice --on-calendar"),
    "taskset": _wrapper(1, "-p"),
    "time": _wrapper(0, "-f -o --format --output"),
    "timeout": _wrapper(1, "-k -s --kill-after --signal"),
    "unbuffer": _wrapper(),
    "unshare": _wrapper(0, "-R -w -S -G --root --wd --setuid --setgid"),
    "watch": _wrapper(0, "-n --interval"),
    "xargs": _wrapper(0, "-I -n -P -L -s -d -E -a --max-args --max-procs --replace --delimiter --arg-file"),
}

_BEFORE_COMMAND: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "{", "coproc"})
_NO_COMMAND: Final = frozenset({"for", "case", "select", "function", "[[", "fi", "done", "esac", "}"})

_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=")
_LOADER: Final = re.compile(r"ld-(?:linux|musl)[\w.-]*|ld64?\.so\.\d")


class _Reader:
    """Follows commands to the files they run, in the order of the words."""

    def __init__(self, home: str | None, directory: str | None) -> None:
        self._home, self._directory = home, directory
        self._found: dict[str, None] = {}

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self._found)

    def text(self, text: str, depth: int = 0) -> None:
        """A command for the shell."""
        if depth > _DEPTH_LIMIT:
            return
        scanner = ShellText(text, self._home)
        outer = self._directory
        for before, words in scanner.commands():
            if len(self._found) >= PROGRAMS_LIMIT:
                break
            self.words(words, depth, alternative=before == "||")
        for substitution in scanner.substitutions:
            self.text(substitution, depth + 1)
        if depth:
            self._directory = outer

    def words(self, words: Sequence[str], depth: int = 0, alternative: bool = False) -> None:
        """One simple command; ``alternative`` when it only runs where the one before it failed."""
        here = 0
        for _ in range(_WRAPPERS_LIMIT):
            while here < len(words) and (words[here] in _BEFORE_COMMAND or _ASSIGNMENT.match(words[here])):
                here += 1
            if here >= len(words) or words[here] in _NO_COMMAND:
                return
            program, name, here = words[here], posixpath.basename(words[here]), here + 1
            if "/" in program:
                self._add(program)
            if name == "find":
                here = next((i + 1 for i in range(here, len(words)) if words[i] in ("-exec", "-execdir")), len(words))
                continue
            wrapper = _WRAPPERS.get("ld.so" if _LOADER.fullmatch(name) else name)
            if wrapper is None:
                self._last(name, words[here:], depth, alternative)
                return
            if name == "runuser" and not {"-u", "--user"}.isdisjoint(words[here:]):
                wrapper = _Wrapper(0, wrapper.valued | {"-u", "--user"})
            here = self._past(wrapper, words, here, depth)

    def _last(self, name: str, arguments: Sequence[str], depth: int, alternative: bool) -> None:
        """A command that runs no other program, or one that its arguments name in a way of their own."""
        if name == "cd":
            if not alternative:
                self._directory = self._absolute(next((w for w in arguments if w[:1] != "-"), self._home or ""))
        elif name == "eval":
            self.text(" ".join(arguments), depth + 1)
        elif name in (".", "source"):
            self._add(arguments[0] if arguments else "")
        else:
            script, inline = script_argument(name, [name, *arguments])
            if inline is not None and name in SHELLS:
                self.text(inline, depth + 1)
            else:
                self._add(script or "")

    def _past(self, wrapper: _Wrapper, words: Sequence[str], here: int, depth: int) -> int:
        """Where the command of a wrapper begins whose own words begin ``here``."""
        left = wrapper.operands
        while here < len(words):
            word = words[here]
            if word == "--":
                return here + 1 + left
            if word.startswith("-"):
                option, joined, value = word.partition("=")
                names = {option} if word.startswith("--") else {option, "-" + option[-1]}
                if names & wrapper.texts:
                    self.text(value if joined else "".join(words[here + 1 : here + 2]), depth + 1)
                    return len(words)
                here += 2 if not joined and names & wrapper.valued else 1
            elif left:
                left, here = left - 1, here + 1
            else:
                return here
        return here

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
    reader.words([word[:TEXT_LIMIT] for word in words[:TEXT_LIMIT]])
    return reader.programs
