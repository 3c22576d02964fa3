"""Libraries that honest products preload: data in ``preloads.toml``, with its samples."""

from __future__ import annotations

import functools
import re

from msgspec import Struct

from davy.knowledge.data import glob_expression, read
from davy.knowledge.programs import Patterns


class Preloads(Struct, frozen=True, forbid_unknown_fields=True):
    """The list of ``preloads.toml``."""

    honest: Patterns


@functools.cache
def preload_rules() -> Preloads:
    return read("preloads.toml", Preloads)


@functools.cache
def _honest() -> re.Pattern[str]:
    return re.compile("|".join(map(glob_expression, preload_rules().honest.patterns)))


def honest_preload(path: str) -> bool:
    """Whether an honest product preloads a library from this path.  It says nothing of what the library does."""
    return _honest().fullmatch(path) is not None
