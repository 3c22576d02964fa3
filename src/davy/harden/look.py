"""The road from a host, or a capsule, to what stands open on it."""

from __future__ import annotations

import time

import msgspec

from davy.collect.services.waiting import by_default
from davy.detect.exposures import exposures as open_doors
from davy.doors import doors, uses
from davy.harden.judge import hardening
from davy.harden.used import with_uses
from davy.host import Host
from davy.model.hardening import Hardening, Look
from davy.model.logs import Shows
from davy.model.services import Service
from davy.model.snapshot import Snapshot

LOG_SECONDS = 0.15
"""How long the logs of what stands open are read on a live host, unless all of them are asked for."""


def look(
    host: Host, former: Look | None = None, *, probe: bool = False, whole_logs: bool = False, state: str | None = None
) -> tuple[Snapshot, Hardening]:
    """What stands open on a host, and whether somebody came through.  Reads, and never changes the host.

    ``probe`` has its services asked over loopback; of logs as much is read as `LOG_SECONDS` allow, or the whole of
    them.  Of a tree the whole is always read.  ``state`` is the state folder, which keeps compiled patterns.  Raises
    `HostError`.
    """
    began = time.monotonic()
    snapshot = doors(host, probe=probe)
    whole = whole_logs or host.kernel is None
    exposed = {one.subject for one in open_doors(snapshot)}
    left = {one.subject for one in snapshot.services if whole and _only_logs(one)}
    snapshot = uses(host, snapshot, exposed | left, None if whole else LOG_SECONDS, state)
    snapshot = msgspec.structs.replace(
        snapshot, services=_as_they_were(host, snapshot), seconds=time.monotonic() - began
    )
    found = with_uses(open_doors(snapshot), snapshot.services, snapshot.log_hits)
    return snapshot, hardening(snapshot, found, former)


def _only_logs(service: Service) -> bool:
    """Whether nothing is left of it but logs: it does not run, and nothing says how it was configured."""
    return not service.running and not service.settings and bool(service.logs)


def _as_they_were(host: Host, snapshot: Snapshot) -> tuple[Service, ...]:
    """The services; one of which only logs are left, and these show that somebody came in, stood open as it comes."""
    came = {hit.path for hit in snapshot.log_hits if hit.shows is Shows.SUCCESS}
    return tuple(
        by_default(host, one) if _only_logs(one) and not came.isdisjoint(one.logs) else one for one in snapshot.services
    )


def replay(file: str) -> Hardening:
    """The same of the snapshot in a capsule.  Raises `CapsuleError`."""
    from davy import capsule

    snapshot = capsule.read(file)
    return hardening(snapshot, with_uses(open_doors(snapshot), snapshot.services, snapshot.log_hits))
