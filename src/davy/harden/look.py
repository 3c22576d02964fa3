"""The road from a host, or a capsule, to what stands open on it."""

from __future__ import annotations

import time

import msgspec

from davy.detect.exposures import exposures as open_doors
from davy.doors import doors, uses
from davy.harden.judge import hardening
from davy.harden.used import with_uses
from davy.host import Host
from davy.model.hardening import Hardening, Look
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
    found = open_doors(snapshot)
    seconds = None if whole_logs or host.kernel is None else LOG_SECONDS
    snapshot = uses(host, snapshot, frozenset(one.subject for one in found), seconds, state)
    snapshot = msgspec.structs.replace(snapshot, seconds=time.monotonic() - began)
    return snapshot, hardening(snapshot, with_uses(found, snapshot.services, snapshot.log_hits), former)


def replay(file: str) -> Hardening:
    """The same of the snapshot in a capsule.  Raises `CapsuleError`."""
    from davy import capsule

    snapshot = capsule.read(file)
    return hardening(snapshot, with_uses(open_doors(snapshot), snapshot.services, snapshot.log_hits))
