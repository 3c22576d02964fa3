"""System tools: which programs intruders tamper with, and what puts one back.  Data in ``system_tools.toml``.

Source: MITRE ATT&CK T1554 and T1036.003; chkrootkit's and rkhunter's lists; the write-ups of the families.
"""

from __future__ import annotations

import functools
import re

from msgspec import Struct

from davy.knowledge.data import read


class SystemTools(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``system_tools.toml``; the fields are explained there."""

    names: tuple[str, ...]
    folders: tuple[str, ...]
    shadows: tuple[str, ...]
    filters: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]
    fixes: dict[str, str]


@functools.cache
def tools() -> SystemTools:
    return read("system_tools.toml", SystemTools)


@functools.cache
def _filters() -> re.Pattern[str]:
    return re.compile(tools().filters)


def filters(text: str) -> bool:
    """Whether the text of a wrapper leaves lines out of what the program behind it answers."""
    return bool(_filters().search(text))


def fix(package: str, database: str) -> str:
    """In words, what puts a tampered tool back: for the package manager whose ``database`` lists its package."""
    command = tools().fixes.get(database)
    name = package.partition(":")[0]
    return f"reinstall {name}: {command.replace('PACKAGE', name)}" if command else f"reinstall {name}"
