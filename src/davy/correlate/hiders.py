"""What hides a gang: mounts over ``/proc``, libraries preloaded into every program, kernel modules.

A hider belongs to the gang whose member it hides or names.  One that hides nobody who was seen makes an incident of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from davy.correlate.verdict import total_bits
from davy.detect.places import base
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.concealment import CoverKind, View
from davy.model.findings import HOST, Finding
from davy.model.incidents import Actor, Kind, Role
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

UNSEEN: Final = "something unseen"
"""What an actor is called of which nothing but its work is known."""
_GUILTY_BITS: Final = 3.0
"""A cover, library or module with less against it is nobody's hider."""


_NAMING: Final = frozenset({AutostartKind.MODULE, AutostartKind.MODPROBE})
"""Autostarts that name a module, wherever its file lies."""


class Hider(NamedTuple):
    actor: Actor
    hides: frozenset[str]
    """Subjects of the processes, or other hiders, that it is tied to."""
    everywhere: bool
    """Whether it can hide any process: a kernel module, a library in every program, a forged /proc/stat."""
    autostarts: tuple[Autostart, ...] = ()
    """What loads it when the machine starts."""


def hiders(snapshot: Snapshot, findings: Mapping[str, Sequence[Finding]]) -> list[Hider]:
    """Everything that hides, as actors, each once."""
    found: dict[str, Hider] = {}
    for actor, everywhere in _candidates(snapshot):
        own = findings.get(actor.subject, ())
        if actor.subject not in found and total_bits(own) >= _GUILTY_BITS:
            told = max(own, key=lambda finding: finding.bits)
            ties = frozenset(related for finding in own if finding.bits > 0 for related in finding.related)
            found[actor.subject] = Hider(
                msgspec.structs.replace(actor, detail=told.summary),
                ties,
                everywhere,
                tuple(_loading(snapshot, actor)),
            )
    return list(found.values())


def _candidates(snapshot: Snapshot) -> Iterator[tuple[Actor, bool]]:
    for cover in snapshot.covers:
        files = (cover.origin,) if cover.origin else ()
        actor = _actor(Kind.FILE, cover.subject, f"mount over {cover.point}", path=cover.point, files=files)
        yield actor, cover.kind is not CoverKind.PROCESS
    for preload in snapshot.preloads:
        files = (preload.path,) if preload.library else ()
        yield (
            _actor(Kind.LIBRARY, preload.subject, base(preload.path), path=preload.path, files=files),
            True,
        )
    for row in snapshot.module_table.rows if snapshot.module_table else ():
        files = (row.file,) if row.file else ()
        yield _actor(Kind.MODULE, row.subject, row.name, path=row.file, files=files), True
    loaded = {row.file for row in snapshot.module_table.loaded} if snapshot.module_table else set()
    for file in snapshot.module_files:
        if file.path not in loaded:
            yield _actor(Kind.MODULE, file.subject, file.name, path=file.path, files=(file.path,)), True
    for tool in snapshot.tools:
        yield _actor(Kind.FILE, tool.subject, base(tool.path), path=tool.path), True
    yield from _nameless(snapshot)


def _nameless(snapshot: Snapshot) -> Iterator[tuple[Actor, bool]]:
    """What is known to be there and cannot be read: hidden processes without an entry, and whoever burns unseen.

    What no view shows hides within the kernel: everything that works above it is seen through.
    """
    known = lookup(snapshot).by_subject
    for row in snapshot.process_table.hidden if snapshot.process_table else ():
        if row.subject not in known:
            actor = _actor(Kind.PROCESS, row.subject, row.name or f"process {row.pid}", path=None)
            role = Role.MINER if View.SAMPLED in row.seen else Role.HIDER
            yield msgspec.structs.replace(actor, role=role, pid=row.pid), False
    yield _actor(Kind.MODULE, HOST, UNSEEN, path=None), True


def _loading(snapshot: Snapshot, module: Actor) -> Iterator[Autostart]:
    if module.kind is Kind.MODULE:
        files = [file for file in snapshot.module_files if file.name == module.name and file.path in module.files]
        by_file = {subject for file in files for subject in file.loaded_by}
        believed = not files or any(file.of_root for file in files)
        for autostart in snapshot.autostarts:
            named = believed and autostart.kind in _NAMING and autostart.activates == module.name
            if named or autostart.subject in by_file:
                yield autostart


def _actor(kind: Kind, subject: str, name: str, *, path: str | None, files: tuple[str, ...] = ()) -> Actor:
    return Actor(role=Role.HIDER, kind=kind, subject=subject, name=name, detail="", path=path, files=files)
