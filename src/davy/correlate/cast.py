"""Who and what an incident is made of, as facts: its processes, autostarts, files and containers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from davy.correlate.containers import containers_of
from davy.detect.autostarts import followed_by_autostart
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.containers import Container
from davy.model.facts import Executable, Process
from davy.model.incidents import Actor, Incident, Kind, Role
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


class Cast(NamedTuple):
    """The facts behind an incident's actors, but for its door."""

    processes: tuple[Process, ...]
    """Those that started first come first."""
    autostarts: tuple[Autostart, ...]
    files: tuple[Executable, ...]
    """Programs, scripts, libraries and modules that are nobody's package's."""
    containers: tuple[Container, ...]
    """Those in which its processes run, and those that it starts itself with."""


def cast_of(snapshot: Snapshot, incident: Incident) -> Cast:
    """The facts behind the actors of an incident."""
    ways = lookup(snapshot)
    actors = [actor for actor in incident.actors if actor.role is not Role.DOOR]
    processes = [ways.by_subject[actor.subject] for actor in actors if actor.subject in ways.by_subject]
    autostarts = [actor.autostart for actor in actors if actor.autostart is not None]
    return Cast(
        processes=tuple(sorted(processes, key=lambda process: process.start_time)),
        autostarts=tuple(autostarts),
        files=tuple({file.path: file for file in _files(snapshot, actors, processes, autostarts)}.values()),
        containers=tuple(_containers(snapshot, processes, autostarts)),
    )


def inside(snapshot: Snapshot, process: Process, container: Container) -> bool:
    """Whether a process is in a container, by its control group or its pid namespace."""
    found = lookup(snapshot).container(process)
    return found is not None and found.id == container.id


def _containers(
    snapshot: Snapshot, processes: Iterable[Process], autostarts: Iterable[Autostart]
) -> Iterator[Container]:
    found = dict(containers_of(snapshot, processes))
    started = {
        name
        for autostart in autostarts
        if autostart.kind is AutostartKind.CONTAINER
        for name in (autostart.within, autostart.unit, autostart.path)
        if name
    }
    for one in snapshot.containers:
        if one.id not in found and (one.name in started or any(one.id in name for name in started)):
            found[one.id] = one
    yield from found.values()


def _files(
    snapshot: Snapshot, actors: Iterable[Actor], processes: Iterable[Process], autostarts: Iterable[Autostart]
) -> Iterator[Executable]:
    details = lookup(snapshot).detail
    for process in processes:
        if detail := details.get(process.subject):
            script = detail.script if process.script is not None else None
            yield from (file for file in (detail.executable, script) if file and file.owner_package is None)
    lying = {actor.subject for actor in actors if actor.kind is Kind.FILE}
    hiding = {path for actor in actors if actor.role is Role.HIDER for path in actor.files}
    yield from (known.executable for known in snapshot.known_files if known.executable and known.subject in lying)
    yield from (file.executable for file in snapshot.module_files if file.path in hiding)
    followed = followed_by_autostart(snapshot)
    for autostart in autostarts:
        for one in followed.get(autostart.subject, ()):
            if one.executable and one.executable.owner_package is None and one.executable.twin is None:
                yield one.executable
