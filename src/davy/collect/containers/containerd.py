"""containerd's containers, by its database and the folders of its running tasks: those of Kubernetes and nerdctl.

At ``v1/NAMESPACE/containers/ID``: ``image``, ``createdat``, ``spec``, ``labels`` (``io.kubernetes.pod.name``,
``io.kubernetes.container.name``, ``nerdctl/name``, ``nerdctl/ports``).  Of one that runs
``/run/containerd/io.containerd.runtime.v2.task/NAMESPACE/ID/init.pid``.

Source: containerd's ``core/metadata/buckets.go``, ``core/runtime/v2/bundle.go``; go.dev (``time.Time.MarshalBinary``);
nerdctl's ``pkg/labels``; containerd's ``internal/cri/annotations``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.container_specs import described, text_in, value_in, words_in
from davy.collect.autostarts.reading import Files
from davy.collect.containers.databases import (
    KeptByContainerd,
    containerd_databases,
    kept_by_containerd,
    value_of_any,
)
from davy.collect.containers.reading import (
    ANY,
    belonging,
    objects_in,
    port_of,
    spec_binds,
    spec_network,
    spec_privileged,
    texts_in,
)
from davy.host import Host, HostError
from davy.model.containers import Container
from davy.model.facts import Gap

_TASKS: Final = (
    "/run/containerd/io.containerd.runtime.v2.task", "/run/k3s/containerd/io.containerd.runtime.v2.task",
    "/var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task",
)  # fmt: skip
_MOBY: Final = "moby"
"""The namespace in which Docker keeps what it describes better itself."""
_SANDBOX: Final = "sandbox"
_SPEC_BYTES: Final = 1 << 20
_PID_BYTES: Final = 32
_GO_TIME: Final = struct.Struct(">bqi")
"""Version, seconds since the year 1, nanoseconds."""
_YEAR_1: Final = 62_135_596_800
"""Seconds from the year 1 to 1970."""


def containerd(host: Host, files: Files) -> Iterator[Container | Gap]:
    """Those of containerd, of k3s and its likes, and of every user's; not Docker's."""
    for file in containerd_databases(files):
        if isinstance(file, Gap):
            yield file
            continue
        found = 0
        try:
            for kept in kept_by_containerd(host.root, file):
                found += 1
                if kept.namespace != _MOBY:
                    yield containerd_container(kept, file.path, _pid_of_task(host, kept))
        except HostError as error:
            yield files.gap(f"the rest of {file.path}" if found else file.path, error)


def _pid_of_task(host: Host, kept: KeptByContainerd) -> int | None:
    if "/" in kept.namespace or "/" in kept.id:
        return None
    for folder in _TASKS:
        try:
            return int(host.root.read(f"{folder}/{kept.namespace}/{kept.id}/init.pid", _PID_BYTES))
        except (HostError, ValueError):
            continue
    return None


def containerd_container(kept: KeptByContainerd, path: str, pid: int | None = None) -> Container:
    """A container by what the database keeps of it."""
    raw = kept.values.get(b"spec", b"")
    spec = described(value_of_any(raw)) if len(raw) <= _SPEC_BYTES else None
    labels = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in kept.labels.items()}
    notes = texts_in(spec, "annotations")
    sandbox = notes.get("io.kubernetes.cri.container-type") == _SANDBOX
    belongs = belonging(labels)
    image = kept.values.get(b"image", b"").decode(errors="replace")
    name = labels.get("nerdctl/name") or notes.get("io.kubernetes.cri.container-name") or belongs.service
    return Container(
        runtime="containerd", id=kept.id,
        name=name or (f"pause of {belongs.pod}" if sandbox and belongs.pod else kept.id[:12]),
        image=image or notes.get("io.kubernetes.cri.image-name") or None,
        project=belongs.project, compose_files=belongs.compose_files, service=belongs.service, pod=belongs.pod,
        created=go_time(kept.values.get(b"createdat", b"")), running=pid is not None, pid=pid,
        published=tuple(
            found
            for one in objects_in(described(labels.get("nerdctl/ports", "")))
            if (found := port_of(
                text_in(one, "HostIP") or ANY, value_in(one, "HostPort"), value_in(one, "ContainerPort"),
                text_in(one, "Protocol") or "tcp",
            ))
        ),
        network_mode=spec_network(spec), restart_policy=labels.get("containerd.io/restart.policy") or None,
        privileged=spec_privileged(spec), binds=spec_binds(spec), command=tuple(words_in(spec, "process", "args")),
        environment=tuple(words_in(spec, "process", "env")), state_file=path,
    )  # fmt: skip


def go_time(data: bytes) -> float | None:
    """A time as Go writes it in binary; None of what is none."""
    if len(data) < _GO_TIME.size or data[0] not in (1, 2):
        return None
    _, seconds, nanoseconds = _GO_TIME.unpack_from(data)
    return seconds - _YEAR_1 + nanoseconds / 1e9 if seconds > _YEAR_1 else None
