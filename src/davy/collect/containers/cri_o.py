"""CRI-O's containers, by the bundle of each: ``userdata/config.json`` with what CRI-O noted in its annotations.

``/var/lib/containers/storage/overlay-containers/ID/userdata/config.json``: ``{"process":{"args":[...]},
"annotations":{"io.kubernetes.cri-o.Name":"k8s_app_web_shop_...","io.kubernetes.cri-o.ImageName":"...",
"io.kubernetes.cri-o.Created":"2026-...","io.kubernetes.container.name":"app","io.kubernetes.pod.name":"web"}}``.
Of one that runs the bundle is below ``/run/containers/storage``, too, with the pid in ``pidfile``.

Source: github.com/cri-o/cri-o (``internal/storage``, ``pkg/annotations``); containers-storage.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from davy.collect.autostarts.formats.container_specs import described, words_in
from davy.collect.autostarts.reading import File, Files
from davy.collect.containers.reading import belonging, layer_of, spec_binds, spec_network, texts_in, time_of
from davy.host import Host, HostError
from davy.model.containers import Container
from davy.model.facts import Gap

_CONFIGS: Final = (
    "/run/containers/storage/*-containers/*/userdata/config.json",
    "/var/lib/containers/storage/*-containers/*/userdata/config.json",
)
_PREFIX: Final = "io.kubernetes.cri-o."
_CONFIG_BYTES: Final = 1 << 20
_PID_BYTES: Final = 32


def cri_o(host: Host, files: Files) -> Iterator[Container | Gap]:
    """Those of CRI-O: of the bundles that lie where Podman's lie, too, those that are named as its own are."""
    for file in files.texts(*_CONFIGS, size=_CONFIG_BYTES):
        if isinstance(file, Gap):
            yield file
        elif found := cri_o_container(described(file.content), file.path, _pid(host, file)):
            yield found


def _pid(host: Host, file: File) -> int | None:
    try:
        return int(host.root.read(f"{file.folder}/pidfile", _PID_BYTES))
    except (HostError, ValueError):
        return None


def cri_o_container(spec: Any, path: str, pid: int | None = None) -> Container | None:
    """A container by its bundle; None of another engine's."""
    notes = texts_in(spec, "annotations")
    own = {key.removeprefix(_PREFIX): value for key, value in notes.items() if key.startswith(_PREFIX)}
    if "ContainerID" not in own and "Name" not in own:
        return None
    belongs = belonging(notes)
    merged = own.get("MountPoint", "")
    identity = path.split("/")[-3]
    sandbox = own.get("ContainerType") == "sandbox"
    return Container(
        runtime="cri-o", id=identity,
        name=(f"pause of {belongs.pod}" if sandbox and belongs.pod else belongs.service)
        or own.get("Name") or identity[:12],
        image=own.get("UserRequestedImage") or own.get("ImageName") or own.get("Image") or None,
        image_id=own.get("ImageRef") or None,
        service=belongs.service, pod=belongs.pod, created=time_of(own.get("Created", "")), running=pid is not None,
        pid=pid, root=merged or None, layer=layer_of(merged),
        network_mode="host" if own.get("HostNetwork") == "true" else spec_network(spec),
        privileged=own.get("PrivilegedRuntime") == "true", binds=spec_binds(spec),
        command=tuple(words_in(spec, "process", "args")), environment=tuple(words_in(spec, "process", "env")),
        state_file=path,
    )  # fmt: skip
