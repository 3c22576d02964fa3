"""What Davy would say had nobody ever written a family up: its knowledge emptied, its names gone from the facts."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from davy.knowledge import Family, families
from davy.model.snapshot import Snapshot

_LEAST: Final = 4
"""Shorter names are part of too much else."""
_PACKAGED: Final = re.compile(r"/(?:usr/)?(?:s?bin|lib)/(?:[^\"/ ]+/)*([^\"/ ]+)")


@contextmanager
def forgotten(family: str) -> Iterator[None]:
    """Davy without its file of that family: names, paths, units, commands, hosts, libraries and modules."""
    everything = families()

    def others() -> tuple[Family, ...]:
        return tuple(each for each in everything if each.id != family)

    places = _holding(families)
    for module, name in places:
        setattr(module, name, others)
    _clear()
    try:
        yield
    finally:
        for module, name in places:
            setattr(module, name, families)
        _clear()


def _holding(value: object) -> list[tuple[Any, str]]:
    modules = [module for name, module in tuple(sys.modules.items()) if name.startswith("davy.")]
    return [(module, name) for module in modules for name, held in tuple(vars(module).items()) if held is value]


def _clear() -> None:
    """Every cache of the knowledge and the detectors: they may hold what came of the family."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith(("davy.knowledge", "davy.detect")):
            for held in tuple(vars(module).values()):
                if callable(clear := getattr(held, "cache_clear", None)):
                    clear()


def without_names(snapshot: Snapshot, family: str) -> Snapshot:
    """The facts with every name of the family's, wherever it stands, replaced by one that says nothing.

    Facts that only the knowledge of it led to are left out.
    """
    known = next(each for each in families() if each.id == family)
    text = msgspec.json.encode(_without_facts(snapshot, family)).decode()
    packaged = set(_PACKAGED.findall(text))
    names = sorted((name for name in _names(known) if name not in packaged), key=len, reverse=True)
    if names:
        expression = "|".join(re.escape(name) for name in names)
        text = re.sub(rf"(?<![A-Za-z0-9])(?:{expression})(?![A-Za-z0-9])", lambda match: _neutral(match[0]), text)
    return msgspec.json.decode(text, type=Snapshot)


def _names(family: Family) -> set[str]:
    """Names by which it is known; not those that are ordinary words or honest programs' too."""
    values = {*family.names, *family.guardian_names, *family.modules, *family.hosts, *family.addresses, family.id}
    values |= {path.rstrip("/").rpartition("/")[2] for path in (*family.paths, *family.preload)}
    values |= {unit.rpartition(".")[0] for unit in family.units} | {
        alias for alias in family.aliases if " " not in alias
    }
    return {
        value for value in values
        if len(value) >= _LEAST and value not in family.weak and not set("*?[]\"\\") & set(value)
    }  # fmt: skip


def _neutral(name: str) -> str:
    """A word of the same length, always the same for the same name."""
    letters = hashlib.sha256(name.encode()).hexdigest() * (len(name) // 64 + 1)
    return "".join(chr(ord("a") + int(letter, 16)) for letter in letters[: len(name)])


def _without_facts(snapshot: Snapshot, family: str) -> Snapshot:
    kept = {
        name: tuple(fact for fact in facts if getattr(fact, "family", None) != family)
        for name in snapshot.__struct_fields__
        if isinstance(facts := getattr(snapshot, name), tuple)
    }
    return msgspec.structs.replace(snapshot, **kept)
