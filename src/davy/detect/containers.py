"""Containers that tell of an intruder: by their image, by their age, by what they were given and told to run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from davy.detect.places import base
from davy.detect.rule import Observation, detector
from davy.knowledge.commands import PLACES, suspicious_command
from davy.knowledge.families import family_by_name
from davy.model.containers import Bind, Container
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_DAY: Final = 86_400.0
_WORKS: Final = 0.5
"""Seconds of CPU time in the window from which on a process counts as what its container is for."""
_WHOLE: Final = frozenset({"/", "/etc", "/root", "/var/spool/cron", "/var/spool/cron/crontabs", "/root/.ssh"})
"""Folders of the host with which a container can take it over."""
_SOCKETS: Final = frozenset({"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"})


def image_family(image: str | None) -> str | None:
    """The family whose program an image is called as: ``someone/xmrig:latest``."""
    name = base(image.partition("@")[0]).partition(":")[0] if image else ""
    match = family_by_name(name) if name else None
    return match.family if match is not None and not match.weak else None


def _subjects(snapshot: Snapshot, container: Container) -> Iterator[str]:
    """Who answers for a container: its first process and what works in it; the container itself where nothing runs."""
    ways = lookup(snapshot)
    inside = [process for process in snapshot.processes if ways.container(process) == container]
    answering = [
        process for process in inside if process.pid == container.pid or (process.window_cpu_seconds or 0.0) > _WORKS
    ]
    yield from (process.subject for process in answering) if answering else (container.subject,)


@detector("identity.container-image", aspect=Aspect.IDENTITY, technique="T1610")
def miners_container(snapshot: Snapshot) -> Iterator[Observation]:
    """What runs is in a container that was made of an image that is called as a miner.

    Owners who mine on purpose run such images, too.
    """
    for container in snapshot.containers:
        if family := image_family(container.image):
            for subject in _subjects(snapshot, container):
                yield Observation(
                    subject=subject,
                    summary=f"was made of the image {container.image}, which is called as a program of {family}",
                    evidence=(container.image or "",),
                    family=family,
                )


@detector("origin.old-container", aspect=Aspect.ORIGIN, technique="T1610")
def old_container(snapshot: Snapshot) -> Iterator[Observation]:
    """A container is older than the host that it runs on: it came with a disk or an image that somebody else had used.

    Who moves the folder of a runtime to a new host has such containers, too.
    """
    installed = snapshot.host.installed
    for container in snapshot.containers if installed is not None else ():
        if container.created is not None and installed is not None and container.created < installed - _DAY:
            for subject in _subjects(snapshot, container):
                yield Observation(
                    subject=subject,
                    summary=f"is older than this host: container {container.name} was created"
                    f" {_day(container.created)}, the host installed {_day(installed)}",
                    evidence=(container.state_file or container.name,),
                )


@detector("persistence.intruding-container", aspect=Aspect.PERSISTENCE, technique="T1611")
def intruding_container(snapshot: Snapshot) -> Iterator[Observation]:
    """A container that belongs to no project has the host's own files, and fetches, decodes or leaves it to run there.

    So is whoever meets an open Docker API at work.  Monitoring and backups have the host's files as well, most of them
    to read only; they run their own program and no such command.
    """
    for container in snapshot.containers:
        taken = [bind for bind in container.binds if _takes_over(bind)]
        if container.project or container.pod or not (taken or container.privileged):
            continue
        command = shlex.join(container.command)
        odd = [match for match in suspicious_command(_inner(container)) if match.id not in PLACES]
        leaves = any(word in ("chroot", "nsenter") for word in _inner(container).replace(";", " ").split())
        if not odd and not (leaves and taken):
            continue
        what = odd[0].id if odd else "leaves the container"
        given = ", ".join(f"{bind.outside} of the host" for bind in taken) or "every device of the host"
        for subject in _subjects(snapshot, container):
            yield Observation(
                subject=subject,
                degree="with the host's files" if taken else "privileged",
                summary=f"was given {given}, belongs to no project, and its command {what}",
                evidence=(command, *(f"{bind.outside}:{bind.inside}" for bind in taken)),
            )


def _takes_over(bind: Bind) -> bool:
    return not bind.read_only and (bind.outside.rstrip("/") or "/") in _WHOLE | _SOCKETS


def _inner(container: Container) -> str:
    """The command as a shell would run it: what ``sh -c`` is given, or the words."""
    words = container.command
    if len(words) > 2 and words[1] in ("-c", "-lc", "-ec"):
        return words[2]
    return " ".join(words)


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")
