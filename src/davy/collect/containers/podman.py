"""Podman's containers, by its databases; what they run as is in their ``userdata``, which says no more.

``{"id":"0123...","name":"web","rootfsImageName":"docker.io/library/nginx:1","createdTime":"2026-...",
"labels":{},"newPortMappings":[{"host_ip":"","host_port":8080,"container_port":80,"range":1,"protocol":"tcp"}],
"restart_policy":"always","privileged":false,"spec":{...}}``, and of its state
``{"state":3,"pid":1234,"startedTime":"2026-...","mountPoint":"/var/lib/containers/storage/overlay/.../merged"}``.

Source: podman's ``libpod/container.go``, ``container_config.go``; containers-storage.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from davy.collect.autostarts.formats.container_specs import described, text_in, value_in, words_in
from davy.collect.autostarts.reading import Files
from davy.collect.containers.databases import Kept, kept_by_podman, podman_databases
from davy.collect.containers.reading import (
    ANY,
    belonging,
    layer_of,
    number_in,
    objects_in,
    option,
    port_of,
    spec_binds,
    spec_network,
    texts_in,
    time_of,
)
from davy.host import Host, HostError
from davy.model.containers import Container, PublishedPort
from davy.model.facts import Gap, Process

_RUNNING: Final = 3
_SOCKET: Final = "/run/podman/podman.sock"
"""Of ``podman.service``, where that runs."""
_RANGE_LIMIT: Final = 64
"""Ports of one range that are told one by one."""


def podman(host: Host, files: Files, processes: Sequence[Process]) -> Iterator[Container | Gap]:
    """Those of the system's Podman and of every user's, also where one that runs was told to keep them."""
    for file in podman_databases(files, [*option(processes, "podman", "--root"), *_of_monitors(processes)]):
        if isinstance(file, Gap):
            yield file
            continue
        found = 0
        try:
            for kept in kept_by_podman(host.root, file, states=True):
                found += 1
                one = podman_container(kept, file.path)
                yield msgspec.structs.replace(one, api=None if file.home else _SOCKET)
        except HostError as error:
            yield files.gap(f"the rest of {file.path}" if found else file.path, error)


def _of_monitors(processes: Sequence[Process]) -> Iterator[str]:
    """The folders that the monitors of running containers were given: ``--exit-command-arg --root`` and the next."""
    for process in processes:
        words = [word for word in process.cmdline if word != "--exit-command-arg"]
        if process.name == "conmon" and "--root" in words:
            yield from words[words.index("--root") + 1 :][:1]


def podman_container(kept: Kept, path: str) -> Container:
    """A container by its description and its state."""
    config, state = described(kept.config), described(kept.state)
    spec = value_in(config, "spec")
    identity = kept.id or text_in(config, "id")
    belongs = belonging(texts_in(config, "labels"))
    privileged = text_in(spec, "annotations", "io.podman.annotations.privileged") == "TRUE"
    command = words_in(spec, "process", "args") or [*words_in(config, "entrypoint"), *words_in(config, "command")]
    merged = text_in(state, "mountPoint") or text_in(config, "rootfs")
    image = text_in(config, "rootfsImageName") or text_in(config, "RawImageName") or text_in(config, "rootfs")
    return Container(
        runtime="podman", id=identity, name=kept.name or text_in(config, "name") or identity[:12],
        image=image or None, image_id=text_in(config, "rootfsImageID") or None,
        project=belongs.project, compose_files=belongs.compose_files, service=belongs.service, pod=belongs.pod,
        created=time_of(text_in(config, "createdTime")), started=time_of(text_in(state, "startedTime")),
        running=number_in(state, "state") == _RUNNING, pid=number_in(state, "pid"),
        root=merged or None, layer=layer_of(merged),
        published=tuple(_published(config)), network_mode=text_in(config, "networkMode") or spec_network(spec),
        restart_policy=text_in(config, "restart_policy") or None,
        privileged=privileged or value_in(config, "privileged") is True,
        binds=spec_binds(spec), command=tuple(command), environment=tuple(words_in(spec, "process", "env")),
        state_file=path,
    )  # fmt: skip


def _published(config: Any) -> Iterator[PublishedPort]:
    for one in objects_in(config, "newPortMappings"):
        for number in range(min(number_in(one, "range") or 1, _RANGE_LIMIT)):
            outer, inner = number_in(one, "host_port"), number_in(one, "container_port")
            for protocol in (text_in(one, "protocol") or "tcp").split(","):
                if outer and inner:
                    found = port_of(text_in(one, "host_ip") or ANY, outer + number, inner + number, protocol)
                    yield from (found,) if found else ()
    for one in objects_in(config, "portMappings"):
        found = port_of(
            text_in(one, "hostIP") or ANY, number_in(one, "hostPort"), number_in(one, "containerPort"),
            text_in(one, "protocol") or "tcp",
        )  # fmt: skip
        yield from (found,) if found else ()
