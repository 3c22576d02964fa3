"""Runtimes and interpreters, by the libraries that a process has mapped.  Data in ``runtimes.toml``.

A name can be taken on; what makes an interpreter of a process is that it has an interpreter in its memory.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from msgspec import Struct

from davy.knowledge.data import glob_expression, read


class Runtimes(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    falsepositives: str
    patterns: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]


class RuntimeRules(Struct, frozen=True, forbid_unknown_fields=True):
    runtimes: Runtimes


@functools.cache
def runtimes() -> Runtimes:
    return read("runtimes.toml", RuntimeRules).runtimes


@functools.cache
def _pattern() -> re.Pattern[str]:
    patterns = (pattern if "/" in pattern else f"**/{pattern}" for pattern in runtimes().patterns)
    return re.compile("|".join(glob_expression(pattern) for pattern in patterns), re.DOTALL)


def runtime_of(mapped_files: Iterable[str]) -> str | None:
    """The first of these files that only a runtime or an interpreter maps."""
    return next((path for path in mapped_files if _pattern().fullmatch(path)), None)
