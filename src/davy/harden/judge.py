"""From a snapshot's services and what of them stands open to what is said of a host.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from davy.detect.exposures import anybody_here
from davy.harden.score import score
from davy.knowledge.services import known_services
from davy.model.exposures import Exposure
from davy.model.hardening import DoorState, Hardening, Look
from davy.model.services import ReachedFrom, Service
from davy.model.snapshot import Snapshot


def hardening(snapshot: Snapshot, exposures: Sequence[Exposure], former: Look | None = None) -> Hardening:
    """What a look at the doors came to; ``former`` is the look before, if one is remembered."""
    doors = [_door(snapshot, service, exposures) for service in snapshot.services]
    return Hardening(
        host=snapshot.host,
        taken=snapshot.taken,
        seconds=snapshot.seconds,
        live=snapshot.live,
        score=score(exposures, snapshot.gaps),
        former=former,
        doors=tuple(sorted(doors, key=_openness, reverse=True)),
        firewalls=snapshot.firewalls,
        gaps=snapshot.gaps,
    )


def _door(snapshot: Snapshot, service: Service, exposures: Sequence[Exposure]) -> DoorState:
    known = known_services().get(service.kind)
    own = [one for one in exposures if one.subject == service.subject]
    return DoorState(
        service=service,
        name=known.name if known else service.kind,
        exposures=tuple(sorted(own, key=lambda one: one.severity.rank, reverse=True)),
        published=tuple(_published(snapshot, service)),
        anybody_here=None if own else anybody_here(service),
    )


def _published(snapshot: Snapshot, service: Service) -> Iterator[str]:
    """The service's addresses that are ports of its container which Docker publishes."""
    container = next((one for one in snapshot.containers if one.id == service.container), None)
    if container is None or container.runtime != "docker" or container.host_network:
        return
    ports = {(port.address, port.port) for port in container.published}
    for one in service.listening:
        if (one.address, one.port) in ports and one.reached_from is not ReachedFrom.LOOPBACK:
            yield one.spoken


def _openness(door: DoorState) -> tuple[int, int]:
    """The worst first; of the others those that are reached from farthest."""
    worst = max((one.severity.rank for one in door.exposures), default=-1)
    return worst, door.reached_from.rank if door.reached_from else -1
