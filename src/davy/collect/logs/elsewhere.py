"""Logs that no service names itself: the host's journal, and what a runtime keeps of a container's output.

Source: systemd-journald.service(8); Docker's "JSON File logging driver"; Kubernetes' "Logging Architecture"; conmon(8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.logs.places import Watched
from davy.host import HostError, Root
from davy.knowledge.services import LogFormat, known_services
from davy.model.services import Service

_JOURNALS: Final = ("/var/log/journal", "/run/log/journal")
_ENDINGS: Final = (".journal", ".journal~")
_FILES_LIMIT: Final = 400
"""Files of the journal that are looked at, the newest."""
_LINKS: Final = "/var/log/containers"


def journals(root: Root, services: Sequence[Service]) -> Iterator[Watched]:
    """The journal of a host, if any of the services writes to it; the files of users are read with the system's."""
    kinds = {service.kind for service in services}
    uses = frozenset(
        (known.id, log.id) for known in known_services().values() for log in known.log
        if known.id in kinds and log.journal
    )  # fmt: skip
    if not uses:
        return
    for folder in (f"{journal}/{machine}" for journal in _JOURNALS for machine in _names(root, journal)):
        paths = [f"{folder}/{name}" for name in _names(root, folder) if name.endswith(_ENDINGS)]
        newest = sorted(paths, key=lambda path: -_written(root, path))[:_FILES_LIMIT]
        if newest:
            yield Watched(newest[0], LogFormat.JOURNAL, uses, others=tuple(newest[1:]))


def outputs(root: Root, services: Sequence[Service]) -> Iterator[Watched]:
    """What the containers of services wrote to their standard output; it may be any log of theirs."""
    links = _names(root, _LINKS) if any(service.container for service in services) else []
    for service in services:
        known = known_services().get(service.kind)
        if service.container is None or known is None:
            continue
        uses = frozenset((known.id, log.id) for log in known.log)
        for path, form in _kept(service.container, links):
            if uses and _written(root, path):
                yield Watched(path, form, uses, in_container=True, carried=True)
                break


def _kept(container: str, links: Sequence[str]) -> Iterator[tuple[str, LogFormat]]:
    yield f"/var/lib/docker/containers/{container}/{container}-json.log", LogFormat.JSON
    yield f"/var/lib/containers/storage/overlay-containers/{container}/userdata/ctr.log", LogFormat.ISO
    for name in links:
        if name.endswith(f"-{container}.log"):
            yield posixpath.join(_LINKS, name), LogFormat.ISO


def _names(root: Root, folder: str) -> list[str]:
    try:
        return root.names(folder)
    except HostError:
        return []


def _written(root: Root, path: str) -> float:
    try:
        return root.stat(path).mtime
    except HostError:
        return 0.0
