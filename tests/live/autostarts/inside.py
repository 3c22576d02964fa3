"""Run in a throw-away container, as root: plants every kind, takes the guilty ones of each out, and puts them back.

What was wrong with each kind is printed as JSON; nothing is what is hoped for.  Never run it on a host of yours.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.live.autostarts.manifest import differences, manifest
from tests.planted.planting import Entry, Planted, plant, planted

from davy.collect.accounts import accounts
from davy.collect.autostarts.readers import AUTOSTARTS
from davy.host import live
from davy.journal import Journal
from davy.journal.state import State
from davy.knowledge.autostart_kinds import Removal, autostart_kinds
from davy.model.autostarts import Autostart
from davy.model.facts import Account, Host
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.snapshot import Snapshot
from davy.respond import plan, undo_entries
from davy.respond.carry_out import carry_out


def looked() -> Snapshot:
    host = live()
    found = [fact for _, reader in AUTOSTARTS for fact in reader(host)]
    return Snapshot(
        host=Host(name="lab"), taken=0.0, live=True,
        autostarts=tuple(fact for fact in found if isinstance(fact, Autostart)),
        accounts=tuple(fact for fact in accounts(host) if isinstance(fact, Account)),
    )  # fmt: skip


def incident(guilty: Iterable[Autostart]) -> Incident:
    actors = tuple(
        Actor(
            role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="planted",
            path=each.path, line=each.line, command=each.command,
        )
        for each in guilty
    )  # fmt: skip
    return Incident(
        id="planted",
        verdict=Verdict.CONFIRMED,
        bits=20.0,
        confidence=1.0,
        family=None,
        summary="planted",
        actors=actors,
    )


def paths_of(kind: Planted) -> set[str]:
    files = {file.path for file in kind.file}
    return files | {os.path.dirname(path) for path in files}


def same(entry: Entry, found: Autostart, each: Planted) -> bool:
    return (found.kind, found.path, found.command) == (entry.kind or each.kind, entry.path, entry.command)


def wrong(each: Planted, journal: Journal) -> Iterator[str]:
    """What goes wrong as the guilty entries of a kind are taken out and put back."""
    host, before, seen = live(), manifest(paths_of(each)), looked()
    guilty = [found for entry in each.guilty for found in seen.autostarts if same(entry, found, each)]
    if len(guilty) < len(each.guilty):
        yield f"read: {len(guilty)} of {len(each.guilty)}"
    by_name = Removal.NAMED in autostart_kinds()[each.kind].removal
    assert host.kernel is not None
    if by_name:
        unnamed = plan(host, seen, [incident(guilty)])
        if unnamed.steps or not unnamed.left:
            yield f"taken out though nobody named it: {unnamed.steps}"
    made = plan(host, seen, [incident(guilty)], named=guilty if by_name else ())
    yield from (f"left: {left.what}: {left.why}" for left in made.left)
    eviction = journal.begin(made)
    carried = carry_out(host.kernel, journal, eviction)
    journal.close(eviction.id)
    yield from (f"refused: {left.what}: {left.why}" for left in carried.left)
    later = looked()
    for entry in each.guilty:
        yield from (f"still there: {found.subject}" for found in later.autostarts if same(entry, found, each))
    texts = {(found.path, found.command, found.text) for found in later.autostarts}
    for entry in each.innocent:
        for found in seen.autostarts:
            if same(entry, found, each) and (found.path, found.command, found.text) not in texts:
                yield f"innocent, and gone: {found.subject}"
    _, not_put_back = undo_entries(host.kernel, journal, journal.last_operation())
    yield from (f"not put back: {left.what}: {left.why}" for left in not_put_back)
    yield from differences(before, manifest(before))


def main() -> None:
    kinds = planted()
    plant(Path("/"), list(kinds.values()))
    chosen = [each for each in kinds.values() if not sys.argv[1:] or each.kind in sys.argv[1:]]
    with tempfile.TemporaryDirectory(dir="/var/lib") as folder:
        journal = Journal(State(folder))
        print(json.dumps({each.kind: list(wrong(each, journal)) for each in chosen}))


if __name__ == "__main__":
    main()
