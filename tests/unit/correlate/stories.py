"""Facts for stories of how somebody came in: services, containers and log lines as the collectors read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from tests.unit.snapshots import TAKEN, Fact, snapshot

from davy.correlate import correlate
from davy.correlate.cast import cast_of
from davy.correlate.door import Doors, doors
from davy.detect import detect
from davy.model.containers import Bind, Container, PublishedPort
from davy.model.exposures import Exposure, Severity
from davy.model.facts import Process
from davy.model.incidents import Incident, Role
from davy.model.logs import LogHit, LogRead, Shows
from davy.model.services import Listening, ReachedFrom, Service, Setting, SettingSource
from davy.model.snapshot import Snapshot

HOUR = 3600.0
ENTRY = TAKEN - 7220.0
"""Twenty seconds before the files of `tests.unit.snapshots.executable` are written, by default."""
CONTAINER = "a" * 64


def known(
    kind: str, *processes: Process, reached_from: ReachedFrom = ReachedFrom.ANY, port: int = 1, **more: Any
) -> Service:
    """A service that runs, or is only configured if no process is given."""
    address = "127.0.0.1" if reached_from is ReachedFrom.LOOPBACK else "0.0.0.0"
    settings = tuple(
        Setting(name=name.replace("_", "-"), value=value, source=SettingSource.FILE, path=f"/etc/{kind}.conf", line=3)
        for name, value in more.pop("settings", {}).items()
    )
    first = processes[0] if processes else None
    return Service(
        kind=kind, running=bool(processes), pid=first.pid if first else None,
        pids=tuple(process.pid for process in processes), user=first.user if first else None, settings=settings,
        listening=(Listening(address=address, port=port, reached_from=reached_from, source="a socket of it"),), **more,
    )  # fmt: skip


def container(
    pid: int, *, name: str = "web-1", image: str = "php:7.3-fpm", ports: Sequence[int] = (), **more: Any
) -> Container:
    return Container(
        runtime="docker", id=CONTAINER, name=name, image=image, running=True, pid=pid, cgroup=f"/docker/{CONTAINER}",
        published=tuple(PublishedPort(address="0.0.0.0", port=port, container_port=port) for port in ports), **more,
    )  # fmt: skip


WHOLE_HOST = Bind("/", "/mnt")
IN_CONTAINER = f"/docker/{CONTAINER}"


def exposed(service: Service, severity: Severity = Severity.CRITICAL) -> Exposure:
    return Exposure(
        id="e", kind=service.kind, opening="o", subject=service.subject, service=service.kind,
        address=service.listening[0].spoken, reached_from=ReachedFrom.ANY, severity=severity,
        summary="anybody may do anything", fix=("bind it to 127.0.0.1",),
    )  # fmt: skip


def line(
    kind: str, sign: str, shows: Shows, *, time: float | None = ENTRY, text: str = "a line",
    path: str = "/var/log/x.log", **more: Any,
) -> LogHit:  # fmt: skip
    offset = more.pop("offset", None if time is None else int(time))
    return LogHit(kind=kind, sign=sign, shows=shows, path=path, time=time, text=text, offset=offset, **more)


def read(kind: str, path: str, first: float, last: float) -> LogRead:
    return LogRead(kind=kind, path=path, format="syslog", size=100, first=first, last=last, whole=True)


def host(
    *facts: Fact, services: Sequence[Service] = (), containers: Sequence[Container] = (), hits: Sequence[LogHit] = (),
    reads: Sequence[LogRead] = (), live: bool = True, **more: Any,
) -> Snapshot:  # fmt: skip
    plain = snapshot(*facts, live=live)
    return msgspec.structs.replace(
        plain, services=tuple(services), containers=tuple(containers), log_hits=tuple(hits), logs_read=tuple(reads),
        **more,
    )  # fmt: skip


def incident_at(of: Snapshot) -> Incident:
    (found,) = correlate(of, detect(of)).incidents
    return found


def doors_at(of: Snapshot, *exposures: Exposure) -> Doors:
    """The doors of the one incident, with these exposures in place of those that the settings would give."""
    found = incident_at(of)
    plain = msgspec.structs.replace(found, actors=tuple(one for one in found.actors if one.role is not Role.DOOR))
    return doors(of, cast_of(of, plain), plain.family, exposures)
