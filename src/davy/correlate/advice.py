"""Which advice an incident calls for, by how it came in, where it runs, what hides it and what brings it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from davy.correlate.cast import Cast
from davy.correlate.door import Doors
from davy.knowledge.advice import Circumstances, known_advice
from davy.model.containers import Container
from davy.model.exposures import Exposure
from davy.model.incidents import Advice, Door, Incident, Kind, Role, Verdict
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_WAYS: Final = {Kind.SERVICE: "service", Kind.ACCOUNT: "login", Kind.CONTAINER: "container"}
_POOL: Final = ("network.stratum-", "network.thin-", "network.pool", "network.family-address")
"""Findings of what is spoken to; what an autostart fetches from is no pool."""
_LOOPBACK: Final = ("127.", "::1", "localhost")


def advice(
    snapshot: Snapshot, incident: Incident, cast: Cast, doors: Doors, exposures: Sequence[Exposure]
) -> tuple[Advice, ...]:
    """What to do and what not to rely on, in the order in which it is to be followed."""
    here = circumstances(snapshot, incident, cast, doors, exposures)
    return tuple(Advice(works=one.works, what=one.what, why=one.why) for one in known_advice() if one.meant_for(here))


def circumstances(
    snapshot: Snapshot, incident: Incident, cast: Cast, doors: Doors, exposures: Sequence[Exposure]
) -> Circumstances:
    """What advice goes by, of one incident."""
    boxes = list(_containers(snapshot, cast, doors.door))
    actors = [actor for actor in incident.actors if actor.role is not Role.DOOR]
    return Circumstances(
        way=_way(doors),
        door=doors.door.kind if doors.door else None,
        family=incident.family,
        roles=tuple(sorted({actor.role.value for actor in actors})),
        hiders=tuple(sorted(_hiders(snapshot, incident))),
        autostarts=tuple(sorted({one.kind.value for one in cast.autostarts})),
        container=bool(boxes),
        composed=any(box.project is not None for box in boxes),
        published=any(not port.address.startswith(_LOOPBACK) for box in boxes for port in box.published),
        exposed=bool(exposures),
        root=any(process.uid == 0 and lookup(snapshot).container(process) is None for process in cast.processes)
        or any(autostart.user == "root" for autostart in cast.autostarts),
        pool=any(finding.rule.startswith(_POOL) for finding in incident.findings),
        mining=any(actor.role is Role.MINER for actor in actors),
        confirmed=incident.verdict is Verdict.CONFIRMED,
        dummies=any(known.immutable and known.family == incident.family for known in snapshot.known_files),
    )


def _way(doors: Doors) -> str:
    if doors.door is None or doors.actor is None:
        return "unknown"
    return "package" if doors.actor.subject.startswith("package:") else _WAYS[doors.actor.kind]


def _containers(snapshot: Snapshot, cast: Cast, door: Door | None) -> Iterator[Container]:
    """The containers of the incident, and the one in which the door is."""
    yield from cast.containers
    inside = {
        service.container for service in snapshot.services if door is not None and service.subject == door.subject
    }
    known = {box.id for box in cast.containers}
    yield from (box for box in snapshot.containers if box.id in inside and box.id not in known)


def _hiders(snapshot: Snapshot, incident: Incident) -> Iterator[str]:
    tools = {tool.subject for tool in snapshot.tools}
    for actor in incident.actors:
        if actor.role is Role.HIDER:
            yield "tool" if actor.subject in tools else actor.kind.value
