"""What a container runs, by what its engine keeps of it: the command, and the host's files in it.  Pure; never raises.

Of a spec: ``{"process":{"args":["sh","-c","..."]},"mounts":[{"destination":"/data","type":"bind","source":"/srv"}]}``.

Source: opencontainers runtime-spec (``config.md``: process, mounts).
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

WORDS_LIMIT: Final = 256
"""Words of a command, and folders of the host that are bound into one container."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""What engines let a container be called."""
_HALVES: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape of JSON for half a pair of UTF-16."""


class Inside(NamedTuple):
    """What runs in a container."""

    command: str
    programs: tuple[str, ...]
    """The files of the host's that it names."""


def described(data: bytes | str) -> Any:
    """A description in JSON; None of what is none.  Half a pair of UTF-16, which no path can hold, is replaced."""
    text = os.fsdecode(data)
    try:
        found = json.loads(text)
        if _HALVES.search(text):
            whole = json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")
            found = json.loads(whole.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found


def text_in(tree: Any, *keys: str) -> str:
    """The text that keys lead to; empty where there is none."""
    found = value_in(tree, *keys)
    return found if isinstance(found, str) else ""


def words_in(tree: Any, *keys: str) -> list[str]:
    """The texts of the list that keys lead to."""
    found = value_in(tree, *keys)
    return [word for word in found[:WORDS_LIMIT] if isinstance(word, str)] if isinstance(found, list) else []


def value_in(tree: Any, *keys: str) -> Any:
    """What keys lead to; None where there is nothing."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def inside(spec: Any) -> Inside:
    """By a container's spec."""
    words = words_in(spec, "process", "args")
    return Inside(shlex.join(filter(None, words)), in_bound_folders(words, _binds(spec)))


def _binds(spec: Any) -> Iterator[tuple[str, str]]:
    mounts = value_in(spec, "mounts")
    for mount in mounts[:WORDS_LIMIT] if isinstance(mounts, list) else ():
        yield text_in(mount, "source"), text_in(mount, "destination")


def in_bound_folders(words: Iterable[str], binds: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The files of the host's among the words: those in a folder of the host that is bound, outside and inside."""
    words, found = list(words), dict[str, None]()
    for outside, within in binds:
        if outside.startswith("/") and within.startswith("/"):
            folder = within.rstrip("/") + "/"
            named = (word[len(folder) :] for word in words if word.startswith(folder))
            found.update((posixpath.normpath(posixpath.join(outside, name)), None) for name in named)
    return tuple(found)


def name_of(seen: Counter[str], *names: str, before: str = "") -> str:
    """The first of a container's names that can be one, told apart from those ``seen`` before."""
    name = before + next(filter(_NAME.fullmatch, names), "unnamed")
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"
