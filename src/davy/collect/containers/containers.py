"""Every container of a host, each once: what its runtime wrote of it, and what of it lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from davy.collect.autostarts.reading import Files
from davy.collect.containers.containerd import containerd
from davy.collect.containers.cri_o import cri_o
from davy.collect.containers.docker import docker
from davy.collect.containers.living import living
from davy.collect.containers.lxc import lxc
from davy.collect.containers.nspawn import nspawn
from davy.collect.containers.podman import podman
from davy.host import Host
from davy.model.autostarts import AutostartKind
from davy.model.containers import Container
from davy.model.facts import Gap, Process

CONTAINERS_LIMIT: Final = 4_000


def containers(host: Host, processes: Sequence[Process] = ()) -> Iterator[Container | Gap]:
    """The containers of a host, running or not; those that only processes tell of, last.

    ``processes`` are those of a live host.  They say what runs, and where a runtime was told to keep its files.
    Of several descriptions of one container the first counts: Docker and Kubernetes keep theirs in containerd, too,
    which knows less.
    """
    files = Files(host, "containers", AutostartKind.CONTAINER)
    found: dict[str, Container] = {}
    for fact in chain(
        docker(host, files, processes),
        podman(host, files, processes),
        cri_o(host, files),
        containerd(host, files),
        lxc(files),
        nspawn(files),
    ):
        if isinstance(fact, Gap):
            yield fact
        elif len(found) == CONTAINERS_LIMIT:
            yield Gap("containers", "the rest of the containers", f"more than {CONTAINERS_LIMIT}")
            break
        else:
            found.setdefault(fact.id, fact)
    yield from living(host, tuple(found.values()), processes)
