"""What an incident tells of the containers that its processes are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from davy.model.containers import Container
from davy.model.facts import Process
from davy.model.incidents import Happening, InContainer
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


def in_container(snapshot: Snapshot, process: Process, path: str | None) -> InContainer | None:
    """The container of a process whose program is at ``path`` in there; None of one on the host itself."""
    container = lookup(snapshot).container(process)
    if container is None:
        return None
    names = (account.name for account in snapshot.accounts if account.uid == process.uid)
    return InContainer(
        id=container.id, runtime=container.runtime, name=container.name, image=container.image,
        project=container.project, pod=container.pod, spoken=container.spoken, uid=process.uid,
        host_user=next(names, None), host_path=container.on_host(path) if path and path.startswith("/") else None,
    )  # fmt: skip


def containers_of(snapshot: Snapshot, processes: Iterable[Process]) -> Mapping[str, Container]:
    """The containers that processes are in, by id."""
    ways = lookup(snapshot)
    return {one.id: one for process in processes if (one := ways.container(process)) is not None}


def happenings(containers: Iterable[Container]) -> Iterator[Happening]:
    """When each was made and started, by what its runtime wrote."""
    for container in containers:
        image = f" from the image {container.image}" if container.image else ""
        for time, what in ((container.created, f"was created{image}"), (container.started, "was started")):
            if time is not None:
                yield Happening(time, f"container {container.name} {what}", f"{container.runtime}'s own record")
