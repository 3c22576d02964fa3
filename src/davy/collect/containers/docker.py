"""Docker's containers, by the two files of each: ``config.v2.json`` and ``hostconfig.json``.

``/var/lib/docker/containers/ID/config.v2.json``: ``{"State":{"Running":true,"Pid":1234,"StartedAt":"2026-..."},
"ID":"0123...","Created":"2026-...","Path":"php-fpm","Args":[],"Config":{"Image":"php:7.3-fpm","Env":[...],
"Labels":{"com.docker.compose.project":"shop"}},"Image":"sha256:...","NetworkSettings":{"Ports":{"9000/tcp":
[{"HostIp":"0.0.0.0","HostPort":"9000"}]}},"Name":"/shop-php-1","Driver":"overlay2"}``.

Source: github.com/moby/moby (``container/container.go``, ``api/types/container/host_config.go``,
``layer/filestore.go``), docs.docker.com (daemon configuration: ``data-root``; rootless mode).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from davy.collect.autostarts.formats.container_specs import described, text_in, value_in, words_in
from davy.collect.autostarts.reading import File, Files
from davy.collect.containers.reading import (
    ANY,
    belonging,
    bind_of,
    number_in,
    objects_in,
    option,
    port_of,
    texts_in,
    time_of,
)
from davy.host import Host, HostError
from davy.model.containers import Bind, Container, PublishedPort
from davy.model.facts import Gap, Process

_ROOTS: Final = ("/var/lib/docker", "/var/snap/docker/common/var-lib-docker")
DOCKER_OWN: Final = ".local/share/docker"
_SETTINGS: Final = ("/etc/docker/daemon.json", "/var/snap/docker/current/config/daemon.json")
_OWN_SETTINGS: Final = ".config/docker/daemon.json"
_DESCRIPTION: Final = "containers/*/config.v2.json"
_DESCRIPTION_BYTES: Final = 1 << 20
_MOUNT_ID_BYTES: Final = 256
_DRIVER: Final = re.compile(r"[a-z0-9-]{1,32}")
_FOLDER_OPTIONS: Final = ("--data-root", "-g", "--graph")
_SOCKET: Final = "/run/docker.sock"
_ALONE: Final = ("host", "none")
"""Networks in which no port is published."""


def docker(host: Host, files: Files, processes: Sequence[Process]) -> Iterator[Container | Gap]:
    """Those of the system's Docker and of every user's, wherever ``data-root`` has them."""
    sockets = _sockets(processes)
    patterns: list[str] = []
    for folder in docker_folders(files, processes):
        if isinstance(folder, Gap):
            yield folder
        else:
            patterns.append(f"{folder}/{_DESCRIPTION}")
    for file in files.texts(*patterns, own=(f"{DOCKER_OWN}/{_DESCRIPTION}",), size=_DESCRIPTION_BYTES):
        if isinstance(file, Gap):
            yield file
            continue
        settings: Any = None
        for other in files.texts("hostconfig.json", below=file.folder, home=file.home):
            if isinstance(other, Gap):
                yield other
            else:
                settings = described(other.content)
        found = docker_container(described(file.content), settings, file.path)
        if found is None:
            yield files.gap(file.path, "not a container's description")
        else:
            placed = _with_root(host, file, found, text_in(described(file.content), "Driver"))
            folder = posixpath.dirname(posixpath.dirname(file.folder))
            yield msgspec.structs.replace(placed, api=sockets.get(folder) or _usual_socket(file, folder))


def docker_folders(files: Files, processes: Sequence[Process] = ()) -> Iterator[str | Gap]:
    """The folders of Docker's data: the usual ones, and those that settings and running daemons name."""
    yield from _ROOTS
    for file in files.texts(*_SETTINGS, own=(_OWN_SETTINGS,)):
        if isinstance(file, Gap):
            yield file
        else:
            settings = described(file.content)
            if (named := text_in(settings, "data-root") or text_in(settings, "graph")).startswith("/"):
                yield named.rstrip("/")
    for name in _FOLDER_OPTIONS:
        yield from (path.rstrip("/") for path in option(processes, "dockerd", name))


def _sockets(processes: Sequence[Process]) -> dict[str, str]:
    """Where the daemons that run are spoken to, by the folders of their data.

    ``-H unix:///run/docker.sock``; ``fd://`` is systemd's, at the usual place.
    """
    found = {}
    for process in processes:
        folder = next((path for name in _FOLDER_OPTIONS for path in option((process,), "dockerd", name)), None)
        words = zip(process.cmdline, (*process.cmdline[1:], ""), strict=False)
        hosts = [second if first in ("-H", "--host") else first for first, second in words]
        socket = next((word.rpartition("unix://")[2] for word in hosts if "unix:///" in word), None)
        if folder is not None and socket is not None:
            found[folder.rstrip("/")] = socket
        elif socket is not None and process.name == "dockerd":
            found.setdefault(_ROOTS[0], socket)
    return found


def _usual_socket(file: File, folder: str) -> str | None:
    """Where a daemon listens that was not told otherwise; in a home nobody knows whose number that is."""
    return _SOCKET if file.home is None and folder in _ROOTS else None


def docker_container(config: Any, settings: Any, path: str) -> Container | None:
    """A container by its description and its settings; None of what is neither."""
    identity = text_in(config, "ID")
    if not identity:
        return None
    mode = text_in(settings, "NetworkMode") or None
    belongs = belonging(texts_in(config, "Config", "Labels"))
    policy = text_in(settings, "RestartPolicy", "Name")
    return Container(
        runtime="docker", id=identity, name=text_in(config, "Name").removeprefix("/") or identity[:12],
        image=text_in(config, "Config", "Image") or None, image_id=text_in(config, "Image") or None,
        project=belongs.project, compose_files=belongs.compose_files, service=belongs.service, pod=belongs.pod,
        created=time_of(text_in(config, "Created")), started=time_of(text_in(config, "State", "StartedAt")),
        running=value_in(config, "State", "Running") is True, pid=number_in(config, "State", "Pid"),
        published=() if mode in _ALONE else tuple(_published(config, settings)), network_mode=mode,
        restart_policy=policy or None, privileged=value_in(settings, "Privileged") is True,
        binds=tuple(_binds(settings)),
        command=tuple(word for word in (text_in(config, "Path"), *words_in(config, "Args")) if word),
        environment=tuple(words_in(config, "Config", "Env")), state_file=path,
    )  # fmt: skip


def _published(config: Any, settings: Any) -> Iterator[PublishedPort]:
    """The ports as they are; where Docker has written down none, as they will be."""
    ports = value_in(config, "NetworkSettings", "Ports") or value_in(settings, "PortBindings")
    seen = set()
    for inner in ports if isinstance(ports, dict) else ():
        number, _, protocol = str(inner).partition("/")
        for outer in objects_in(ports, inner):
            found = port_of(text_in(outer, "HostIp") or ANY, text_in(outer, "HostPort"), number, protocol or "tcp")
            if found is not None and found not in seen:
                seen.add(found)
                yield found


def _binds(settings: Any) -> Iterator[Bind]:
    for text in words_in(settings, "Binds"):
        if bind := bind_of(text):
            yield bind
    for mount in objects_in(settings, "Mounts"):
        if text_in(mount, "Type") == "bind":
            yield Bind(text_in(mount, "Source"), text_in(mount, "Target"), mount.get("ReadOnly") is True)


def _with_root(host: Host, file: File, found: Container, driver: str) -> Container:
    """A container with the folder that its layers are put together in, or where that is empty its own layer."""
    root = posixpath.dirname(posixpath.dirname(file.folder))
    if not _DRIVER.fullmatch(driver):
        return found
    try:
        mount = host.root.read(f"{root}/image/{driver}/layerdb/mounts/{found.id}/mount-id", _MOUNT_ID_BYTES)
    except HostError:
        return found
    name = mount.decode("utf-8", "surrogateescape").strip()
    if not name or "/" in name or name.startswith("."):
        return found
    store = f"{root}/{driver}"
    layer = f"{store}/dir/{name}" if driver == "vfs" else f"{store}/{name}/diff"
    return msgspec.structs.replace(found, layer=layer, root=layer if driver == "vfs" else _merged(host, store, name))


def _merged(host: Host, store: str, name: str) -> str:
    """Where the layers are put together of a container that runs; of another its own layer."""
    try:
        if host.root.names(f"{store}/{name}/merged"):
            return f"{store}/{name}/merged"
    except HostError:
        pass
    return f"{store}/{name}/diff"
