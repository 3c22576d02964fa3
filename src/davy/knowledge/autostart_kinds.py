"""The kinds of autostarts: where each lies, what it runs and when, and how it is taken out; a file per kind."""

from __future__ import annotations

import functools
from enum import StrEnum

from msgspec import Struct

from davy.knowledge.data import listed, read
from davy.model.autostarts import AutostartKind


class Removal(StrEnum):
    """How an entry of a kind is taken out."""

    LINE = "its lines go, every other byte of the file stays"
    FILE = "its file goes to the quarantine, and the links that enable it"
    UNIT = "its links and its file go, it is masked meanwhile, and systemd reads its units again"
    NAMED = "its line goes, and only when the operator names it"
    VALUE = "the kernel gets its usual value back"
    TOLD = "its engine alone can change its database: the plan says how it is told"


class KindOfAutostart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one kind.  A folder's or a home's place is written ``/etc/cron.d/*``, ``~/.bashrc``."""

    kind: AutostartKind
    technique: str
    """MITRE ATT&CK id."""
    places: tuple[str, ...]
    runs: str
    """What is run, as whom and when, in a sentence."""
    removal: tuple[Removal, ...]
    honest: str
    """What honest ones of the kind look like, and what else may be taken for a guilty one."""
    references: tuple[str, ...]
    """Manual pages and documents."""


@functools.cache
def autostart_kinds() -> dict[AutostartKind, KindOfAutostart]:
    """Every kind that is known, in the order of `AutostartKind`."""
    found = {each.kind: each for each in (read(name, KindOfAutostart) for name in listed("autostarts"))}
    return {kind: found[kind] for kind in AutostartKind if kind in found}


def technique_of(kind: AutostartKind) -> str:
    """The ATT&CK technique by which an intruder uses autostarts of a kind."""
    return autostart_kinds()[kind].technique
