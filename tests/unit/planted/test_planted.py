"""Every kind of autostart, planted in one root at once: the guilty are named and the innocent let be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.planted.planting import Entry, Planted, plant, planted

from davy.collect.autostarts.readers import AUTOSTARTS
from davy.host import at
from davy.knowledge.autostart_kinds import autostart_kinds
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap
from davy.model.incidents import Judgement, Role
from davy.scan import scan

KINDS = planted()


class Looked(NamedTuple):
    autostarts: dict[str, Autostart]
    judgement: Judgement


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    root: Path = tmp_path_factory.mktemp("root")
    plant(root, list(KINDS.values()))
    snapshot, judgement = scan(at(str(root)))
    return Looked({each.subject: each for each in snapshot.autostarts}, judgement)


def entries(which: str) -> list[object]:
    return list(_entries(which))


def _entries(which: str) -> Iterator[object]:
    for kind, each in KINDS.items():
        for entry in getattr(each, which):
            place = entry.path + (f":{entry.line}" if entry.line else "")
            yield pytest.param(entry.kind or kind, entry, id=f"{kind}:{place}".replace(" ", "-"))


def read(looked: Looked, kind: AutostartKind, entry: Entry) -> Autostart:
    """The autostart that an entry must be read as."""
    subject = f"autostart:{entry.path}" + (f":{entry.line}" if entry.line is not None else "")
    assert subject in looked.autostarts, sorted(one for one in looked.autostarts if entry.path in one)
    found = looked.autostarts[subject]
    assert (found.kind, found.command, found.user) == (kind, entry.command, entry.user)
    assert entry.schedule in (None, found.schedule)
    assert set(entry.programs) <= set(found.programs)
    return found


def accused(judgement: Judgement) -> set[str]:
    return {actor.subject for one in judgement.incidents for actor in one.actors if actor.role is Role.AUTOSTART}


@pytest.mark.parametrize(("kind", "entry"), entries("guilty"))
def test_a_guilty_entry_is_named_with_its_place_and_command(looked: Looked, kind: AutostartKind, entry: Entry) -> None:
    assert read(looked, kind, entry).subject in accused(looked.judgement)


@pytest.mark.parametrize(("kind", "entry"), entries("innocent"))
def test_an_innocent_entry_is_read_and_not_accused(looked: Looked, kind: AutostartKind, entry: Entry) -> None:
    assert read(looked, kind, entry).subject not in accused(looked.judgement)


def test_whoever_is_accused_was_planted_as_guilty(looked: Looked) -> None:
    guilty = {(each.path, each.line) for kind in KINDS.values() for each in kind.guilty}
    found = {
        (looked.autostarts[subject].path, looked.autostarts[subject].line) for subject in accused(looked.judgement)
    }
    assert found <= guilty


@pytest.mark.parametrize("kind", AutostartKind)
def test_every_kind_is_known_and_has_a_guilty_and_an_innocent_entry(kind: AutostartKind) -> None:
    assert kind in autostart_kinds()
    each: Planted = KINDS[kind]
    assert each.guilty
    assert each.innocent


def test_every_reader_reads_what_is_planted_without_a_gap(tmp_path: Path) -> None:
    plant(tmp_path, list(KINDS.values()))
    host = at(str(tmp_path))
    gaps = [fact for _, reader in AUTOSTARTS for fact in reader(host) if isinstance(fact, Gap)]
    assert gaps == []


def test_no_entry_is_read_by_two_readers_or_twice(tmp_path: Path) -> None:
    plant(tmp_path, list(KINDS.values()))
    host = at(str(tmp_path))
    subjects = [fact.subject for _, reader in AUTOSTARTS for fact in reader(host) if isinstance(fact, Autostart)]
    assert sorted(subjects) == sorted(set(subjects))
