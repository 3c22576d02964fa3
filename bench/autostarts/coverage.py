"""Known ways of coming back, planted one by one, and what is said of each: found, or why not.

``coverage.toml`` has them: those of Atomic Red Team (github.com/redcanaryco/atomic-red-team, its Linux tests of
persistence and privilege escalation, August 2026) and of PANIX (github.com/Aegrah/PANIX, 2.1.0).
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from tests.planted.planting import File, plant_files

from bench.autostarts.page import table
from davy.host import at
from davy.model.autostarts import AutostartKind
from davy.model.incidents import Role
from davy.scan import scan

SECTION: Final = "coverage"
_DATA: Final = Path(__file__).with_name("coverage.toml")


class Way(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of coming back."""

    name: str
    technique: str
    """MITRE ATT&CK id."""
    atomic: tuple[str, ...] = ()
    """Tests of Atomic Red Team that go it: technique and number."""
    panix: tuple[str, ...] = ()
    """Modules of PANIX that go it."""
    file: tuple[File, ...] = ()
    kind: AutostartKind | None = None
    """The kind of the first place that is found."""
    accused: tuple[str, ...] = ()
    """Places that must be actors of an incident."""
    listed: tuple[str, ...] = ()
    """Places that must be read as autostarts, and are not accused: too little speaks against them by itself."""
    tool: str | None = None
    """A program that must be named as tampered with."""
    why_not: str = ""
    """Why nothing is found.  Empty where something is."""


class Coverage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    atomic: tuple[str, ...]
    """Every test of Atomic Red Team that there is."""
    panix: tuple[str, ...]
    """Every module of PANIX."""
    way: tuple[Way, ...]


class Outcome(NamedTuple):
    """What a scan says of one way, planted alone: places, as PATH or PATH:LINE."""

    accused: dict[str, AutostartKind]
    listed: dict[str, AutostartKind]
    tools: frozenset[str]


@functools.cache
def coverage() -> Coverage:
    return msgspec.toml.decode(_DATA.read_bytes(), type=Coverage)


def outcome(way: Way) -> Outcome:
    """Plant a way in an empty root of its own, and look."""
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as root:
        plant_files(Path(root), way.file)
        snapshot, judgement = scan(at(root))
    found = {each.subject: each.kind for each in snapshot.autostarts}
    accused = {actor.subject for one in judgement.incidents for actor in one.actors if actor.role is Role.AUTOSTART}
    return Outcome(
        {_place(subject): kind for subject, kind in found.items() if subject in accused},
        {_place(subject): kind for subject, kind in found.items() if subject not in accused},
        frozenset(tool.path for tool in snapshot.tools),
    )


def _place(subject: str) -> str:
    return subject.removeprefix("autostart:")


def page() -> str:
    """The table of the ways, for the section."""
    return table(("way", "technique", "Atomic Red Team", "PANIX", "Davy"), map(_row, coverage().way))


def _row(way: Way) -> Iterator[str]:
    yield way.name
    yield way.technique
    yield ", ".join(way.atomic)
    yield ", ".join(way.panix)
    yield _said(way)


def _said(way: Way) -> str:
    if way.why_not:
        return f"not found: {way.why_not}"
    if way.tool:
        return "accused: a program that is not as its package installed it"
    return f"{'accused' if way.accused else 'listed'}: {way.kind}"
