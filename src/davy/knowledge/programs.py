"""Programs and their names: which folders are honest, which names imitate others, what many innocents share.

Data in ``programs.toml``, each list with its samples.  How interpreters take their arguments is next door, in
`davy.knowledge.arguments`, and told here, too.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from msgspec import Struct

from davy.knowledge.arguments import interpreter, script_argument
from davy.knowledge.data import glob_expression, read

__all__ = [
    "honest_hidden", "interpreter", "kernel_thread_like", "login_shell", "near_miss", "script_argument",
    "shared_parent", "system_daemon",
]  # fmt: skip

_COMM_LENGTH: Final = 15
_NEAR_LENGTH: Final = 5
"""Shorter daemons have too many honest neighbours to be compared by a letter."""
_SURE_LENGTH: Final = 9
"""From this length on any one letter counts; below it only one too many, or two that changed places."""
_NAME_LIMIT: Final = 64
_BRACKETED: Final = re.compile(r"\[[^\s\[\]]+\]")


class HonestHidden(Struct, frozen=True, forbid_unknown_fields=True):
    """Hidden folders in which development tools keep programs."""

    reason: str
    falsepositives: str
    folders: tuple[str, ...]
    nested: tuple[str, ...]
    files: tuple[str, ...]
    stores: tuple[str, ...]
    never: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Daemons(Struct, frozen=True, forbid_unknown_fields=True):
    """Names of system daemons, and what is honest though near."""

    reason: str
    falsepositives: str
    names: tuple[str, ...]
    kernel_threads: tuple[str, ...]
    neighbours: tuple[str, ...]
    collisions: dict[str, str]
    must_match: dict[str, str]
    must_not_match: tuple[str, ...]


class Patterns(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    patterns: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Names(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    names: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class Programs(Struct, frozen=True, forbid_unknown_fields=True):
    """The lists of ``programs.toml``."""

    honest_hidden: HonestHidden
    daemons: Daemons
    kernel_threads: Patterns
    shared_parents: Names
    shells: Names


@functools.cache
def programs() -> Programs:
    return read("programs.toml", Programs)


@functools.cache
def _honest() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    rules = programs().honest_hidden
    return frozenset(rules.folders), frozenset(rules.nested), frozenset(rules.files)


def honest_hidden(path: str) -> bool:
    """Whether a path is hidden, and every hidden folder in it is one where an honest tool keeps programs.

    It says that being hidden means nothing there, not that the program is honest.  Where anyone may write, no hidden
    folder is honest.
    """
    rules = programs().honest_hidden
    if path.startswith(rules.stores):
        return True
    if path.startswith(rules.never):
        return False
    folders, nested, files = _honest()
    parts = path.split("/")
    hidden = False
    for place, part in enumerate(parts):
        if not part.startswith(".") or part == ".":
            continue
        before = parts[place - 1] if place else ""
        after = parts[place + 1] if place + 1 < len(parts) else ""
        last = place == len(parts) - 1
        if not (
            (part in files if last else part in folders) or f"{part}/{after}" in nested or f"{before}/{part}" in nested
        ):
            return False
        hidden = True
    return hidden


@functools.cache
def _daemons() -> frozenset[str]:
    return frozenset(programs().daemons.names)


def system_daemon(name: str) -> bool:
    """Whether a system daemon is called exactly so."""
    return name in _daemons()


def _without_one(name: str) -> set[str]:
    return {name[:place] + name[place + 1 :] for place in range(len(name))}


def _one_letter(name: str, target: str) -> bool:
    """Whether one letter more, less, changed, or two changed places lead from ``target`` to ``name``.

    Without its last letter a daemon's name is often a word, or its own client (containerd, multipathd).
    """
    if len(name) == len(target):
        changed = [place for place, (one, other) in enumerate(zip(name, target, strict=True)) if one != other]
        if len(changed) == 2:
            first, second = changed
            return second == first + 1 and name[first] == target[second] and name[second] == target[first]
        return len(changed) == 1 and len(target) >= _SURE_LENGTH
    if len(name) > len(target):
        return target in _without_one(name)
    return len(target) >= _SURE_LENGTH and name in _without_one(target) and name != target[:-1]


@functools.cache
def _near() -> tuple[dict[str, str], dict[str, tuple[str, ...]], frozenset[str]]:
    """Collisions and lower-case names; targets by themselves and by what is left without one letter; honest names."""
    rules = programs().daemons
    named = {name.lower(): name for name in rules.names if name != name.lower()} | rules.collisions
    near: dict[str, tuple[str, ...]] = {}
    for target in (*rules.names, *rules.kernel_threads):
        if len(target) >= _NEAR_LENGTH:
            for key in {target, *_without_one(target)}:
                near[key] = (*near.get(key, ()), target)
    honest = {*rules.names, *rules.kernel_threads, *rules.neighbours}
    return named, near, frozenset(honest | {name[:_COMM_LENGTH] for name in honest})


@functools.lru_cache(1024)
def near_miss(name: str) -> str | None:
    """The system daemon or kernel thread whose name this one imitates; None for honest names, and for the name itself.

    By one letter, by capitals, or as seen on infected hosts.  Edit distance: F. J. Damerau, A technique for computer
    detection and correction of spelling errors, CACM 7(3), 1964.
    """
    named, near, honest = _near()
    if not name or len(name) > _NAME_LIMIT or name in honest or kernel_thread_like(name):
        return None
    if found := named.get(name):
        return found
    candidates = {target for key in (name, *_without_one(name)) for target in near.get(key, ())}
    return min((target for target in candidates if _one_letter(name, target)), default=None)


@functools.cache
def _kernel_threads() -> re.Pattern[str]:
    return re.compile("|".join(glob_expression(pattern) for pattern in _thread_patterns()))


def _thread_patterns() -> tuple[str, ...]:
    return tuple(pattern.replace("*", "**") for pattern in programs().kernel_threads.patterns)


@functools.lru_cache(1024)
def kernel_thread_like(name: str) -> bool:
    """Whether a process's name, or the first word of its command line, is a kernel thread's, or stands in brackets.

    A real kernel thread bears the flag PF_KTHREAD; the name says nothing.  Source: kernel/kthread.c, ps(1).
    """
    return bool(_kernel_threads().fullmatch(name) or _BRACKETED.fullmatch(name))


@functools.cache
def _shells() -> frozenset[str]:
    return frozenset(programs().shells.names)


def login_shell(name: str) -> bool:
    """Whether a name is that of a shell a person may be sitting at; ``-bash``, as login(1) starts it, is one."""
    return name.rpartition("/")[2].removeprefix("-") in _shells()


@functools.cache
def _shared() -> frozenset[str]:
    return frozenset(name[:length] for name in programs().shared_parents.names for length in (_COMM_LENGTH, None))


def shared_parent(name: str) -> bool:
    """Whether many innocent things share a parent of this name: a service manager, cron, a terminal server, a shell.

    A shell that runs a script or an inline text is that program instead: ask `script_argument` first.
    """
    return name in _shared() or login_shell(name)
