"""What an eviction does about the containers that it meets: which are not started again, and what a person is told.

A container whose first process is ended, or that was made to mine, has its restart policy taken off by its runtime.
One that somebody broke into keeps it: its service is its owner's.  What makes containers anew (a compose file, a
cluster) is told, and never touched.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec

from davy.collect.containers import containers as read
from davy.collect.facts import every
from davy.collect.processes import processes, sweep
from davy.detect.containers import image_family
from davy.host import DirectoryRoot, Host, HostError, Kernel
from davy.host.stat import parse_stat
from davy.model.containers import Container
from davy.model.facts import Process
from davy.model.incidents import Actor
from davy.model.plan import SetRestartPolicy, Within
from davy.model.text import printable
from davy.respond.draft import Draft
from davy.respond.freeze import same_files

_OWN_LAYER: Final = b"/diff"
POLICIES: Final = frozenset({"always", "unless-stopped", "on-failure"})


def within_of(draft: Draft, process: Process) -> Within | None:
    """The container that a process is in, as far as its files can be reached; None of one that has the host's."""
    container = draft.ways.container(process)
    if container is None:
        return None
    first = draft.ways.by_pid.get(container.pid or process.pid, process)
    kernel, layer = draft.host.kernel, container.layer
    if kernel is not None:
        with suppress(HostError):
            if same_files(kernel.procfs, process.pid):
                return None
        if not _sees_as(kernel, process, first):
            first, layer = process, None
    return Within(
        container=container.id, name=printable(container.name), pid=first.pid, start_ticks=first.start_ticks,
        layer=os.fsencode(layer) if layer else None,
    )  # fmt: skip


def _sees_as(kernel: Kernel, process: Process, first: Process) -> bool:
    """Whether a path means the same file to both: whoever may name a control group is in no container for that."""
    try:
        return all(
            kernel.procfs.inode(f"{process.pid}/{what}") == kernel.procfs.inode(f"{first.pid}/{what}")
            for what in ("ns/mnt", "root")
        )
    except HostError:
        return False


def containers(draft: Draft, actors: Iterable[Actor]) -> None:
    """The steps and the words about every container that an actor is in."""
    met = {actor.container.id: None for actor in actors if actor.container is not None}
    targets = {target.pid for target in draft.targets.values()}
    for identity in met:
        container = draft.ways.container_by_id.get(identity)
        if container is None:
            continue
        theirs = container.pid in targets or _of_miners(container)
        if theirs and container.restart_policy in POLICIES:
            restarted(draft, container)
        draft.notes[printable(_made_anew(container, theirs=theirs), 600)] = None


def _of_miners(container: Container) -> bool:
    return image_family(container.image) is not None


def made_to_mine(draft: Draft, within: Within) -> bool:
    """Whether a container is the intruder's own: no file of it is anybody else's, and it is removed as a whole."""
    container = draft.ways.container_by_id.get(within.container)
    first = draft.ways.by_pid.get(within.pid)
    return container is not None and (_of_miners(container) or (first is not None and first.subject in draft.targets))


def found_again(kernel: Kernel, within: Within) -> Within:
    """The same container by the process that is its first one now, if it was started anew since.

    Of LXC and nspawn another may have its name by now; it has other files.
    """
    try:
        if parse_stat(kernel.procfs.read(f"{within.pid}/stat")).start_ticks == within.start_ticks:
            return within
    except HostError:
        pass
    now = sweep(kernel)
    running = [each for each in processes(kernel, now, now, {}) if isinstance(each, Process)]
    pids = {each.pid: each for each in running}
    for container in every(list(read(Host(DirectoryRoot("/"), kernel), running)), Container):
        first = pids.get(container.pid or 0)
        same = container.id == within.container and os.fsencode(container.layer or "") == (within.layer or b"")
        if same and first is not None:
            return msgspec.structs.replace(within, pid=first.pid, start_ticks=first.start_ticks)
    return within


def written_there(draft: Draft, within: Within, path: str) -> bool:
    """Whether a file lies in the container's own layer: it was put there since the container was made of its image.

    Storage drivers without layers do not tell.
    """
    if within.layer is None or not within.layer.endswith(_OWN_LAYER):
        return False
    try:
        return draft.host.root.lstat(f"{os.fsdecode(within.layer)}{path}").regular
    except HostError:
        return False


def restarted(draft: Draft, container: Container) -> bool:
    """Have a container not started again, by its runtime; False, and left with what a person says, if that fails."""
    socket = container.api
    if socket is None or not _is_socket(socket) or os.geteuid() != 0:
        draft.leave(
            f"the restart policy {container.restart_policy} of container {container.name}",
            f"{container.runtime} would start it again: {_telling(container)}",
        )
        return False
    step = SetRestartPolicy(
        runtime=container.runtime, socket=os.fsencode(socket), container=container.id, name=printable(container.name),
        seen=container.restart_policy or "",
    )  # fmt: skip
    if step not in draft.entries:
        draft.entries.append(step)
    return True


def container_of(draft: Draft, path: str) -> Container | None:
    """The container whose settings a file of Docker's holds."""
    folder = os.path.dirname(path)
    return next(
        (one for one in draft.snapshot.containers if one.state_file and os.path.dirname(one.state_file) == folder), None
    )


def _is_socket(path: str) -> bool:
    """Whether root's own runtime may listen there."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == 0


def _telling(container: Container) -> str:
    client = {"docker": "docker", "podman": "podman"}.get(container.runtime)
    name = shlex.quote(container.name)
    if client is None:
        return f"tell {container.runtime} to stop it"
    return f"{client} update --restart=no {name}; {client} stop {name}; or {client} rm -f {name}"


def _made_anew(container: Container, *, theirs: bool) -> str:
    """Which container it is, and what makes it anew with what is wrong in it."""
    words = [container.spoken]
    first = "first unpublish its port" if container.published else "first close the way in"
    if container.pod:
        words.append(
            f"Kubernetes makes it anew: {first}, then take it out of the controller or the static pod's file that asks"
            f" for the pod {container.pod}"
        )
    elif container.project:
        files = " ".join(f"-f {shlex.quote(file)}" for file in container.compose_files)
        where = f"{files} " if files else ""
        words.append(
            f"Compose makes it anew as the file says: {first}, then docker compose {where}-p"
            f" {shlex.quote(container.project)} down -v; what was put into its files comes back with none of that"
        )
    elif theirs:
        words.append(f"nobody needs it: {_removing(container)}")
    elif container.restart_policy in POLICIES:
        words.append(f"its restart policy {container.restart_policy} stays, since what it is for was not the miner")
    return "; ".join(words)


def _removing(container: Container) -> str:
    name = shlex.quote(container.name)
    known = {"docker": f"docker rm -f {name}", "podman": f"podman rm -f {name}"}
    return known.get(container.runtime, f"have {container.runtime} remove it")
