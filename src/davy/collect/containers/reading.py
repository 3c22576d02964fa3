"""What the runtimes' descriptions have in common: times, ports, binds, labels.  Pure; never raises.

Source: opencontainers runtime-spec (``config.md``); RFC 3339; docs.docker.com (labels of Compose);
kubernetes.io ("Well-Known Labels"), the labels ``io.kubernetes.*`` that a kubelet gives its containers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from davy.collect.autostarts.formats.container_specs import WORDS_LIMIT, text_in, value_in, words_in
from davy.model.containers import Bind, PublishedPort
from davy.model.facts import Process

_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
ANY: Final = "0.0.0.0"
_PORT_MOST: Final = 0xFFFF


class Belonging(NamedTuple):
    """What a container's labels say it belongs to."""

    project: str | None = None
    compose_files: tuple[str, ...] = ()
    service: str | None = None
    pod: str | None = None


def time_of(text: str) -> float | None:
    """A time of RFC 3339 with up to nine digits of a second; None of Go's "never" and of what is no time."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
        return found.timestamp() if found.year > 1 and found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def texts_in(tree: Any, *keys: str) -> dict[str, str]:
    """The members with a text of the object that keys lead to."""
    found = value_in(tree, *keys)
    pairs = islice(found.items(), WORDS_LIMIT) if isinstance(found, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def number_in(tree: Any, *keys: str) -> int | None:
    """The whole number that keys lead to, above zero."""
    found = value_in(tree, *keys)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def objects_in(tree: Any, *keys: str) -> Iterator[dict[str, Any]]:
    """The objects in the list that keys lead to."""
    found = value_in(tree, *keys)
    yield from (one for one in found[:WORDS_LIMIT] if isinstance(one, dict)) if isinstance(found, list) else ()


def belonging(labels: Mapping[str, str]) -> Belonging:
    """By the labels of Compose and of Kubernetes, as annotations too."""
    project = labels.get("com.docker.compose.project") or labels.get("io.podman.compose.project")
    service = labels.get("com.docker.compose.service") or labels.get("io.podman.compose.service")
    folder = labels.get("com.docker.compose.project.working_dir", "")
    named = labels.get("com.docker.compose.project.config_files", "").split(",")
    files = tuple(f if f.startswith("/") or not folder else f"{folder}/{f}" for f in named[:WORDS_LIMIT] if f)
    pod, space = labels.get("io.kubernetes.pod.name"), labels.get("io.kubernetes.pod.namespace")
    return Belonging(
        project or None, files, service or labels.get("io.kubernetes.container.name") or None,
        f"{space}/{pod}" if pod and space else pod or None,
    )  # fmt: skip


def port_of(address: str, port: object, container_port: object, protocol: str) -> PublishedPort | None:
    """A published port, its numbers as numbers or texts."""
    try:
        outer, inner = int(str(port)), int(str(container_port))
    except ValueError:
        return None
    fits = 0 < outer <= _PORT_MOST and 0 < inner <= _PORT_MOST
    return PublishedPort(address=address or ANY, port=outer, container_port=inner, protocol=protocol) if fits else None


def bind_of(text: str) -> Bind | None:
    """``/srv/data:/data:ro,z``; None of a volume, which has no folder of the host's before the colon."""
    outside, _, rest = text.partition(":")
    inside, _, options = rest.partition(":")
    return Bind(outside, inside, "ro" in options.split(",")) if outside.startswith("/") and inside else None


_OWN_MOUNTS: Final = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/shm", "/run/.containerenv")


def spec_binds(spec: Any) -> tuple[Bind, ...]:
    """The folders of the host's that a spec mounts, but those which every runtime gives its containers."""
    return tuple(
        Bind(text_in(one, "source"), text_in(one, "destination"), "ro" in words_in(one, "options"))
        for one in objects_in(spec, "mounts")
        if (text_in(one, "type") == "bind" or "rbind" in words_in(one, "options"))
        and text_in(one, "source").startswith("/")
        and text_in(one, "destination") not in _OWN_MOUNTS
    )


def spec_network(spec: Any) -> str | None:
    """``host`` where a spec asks for no network namespace of its own; None where it has one."""
    kinds = {text_in(one, "type") for one in objects_in(spec, "linux", "namespaces")}
    return "host" if kinds and "network" not in kinds else None


def spec_privileged(spec: Any) -> bool:
    """Whether a spec allows every device, and lets a process be the machine's administrator."""
    devices = any(
        one.get("allow") is True and text_in(one, "access") == "rwm" and one.get("type") in (None, "a")
        and "major" not in one
        for one in objects_in(spec, "linux", "resources", "devices")
    )  # fmt: skip
    return devices and "CAP_SYS_ADMIN" in words_in(spec, "process", "capabilities", "bounding")


def layer_of(merged: str) -> str | None:
    """The folder of a container's own files, by the one in which they are put together with its image's."""
    return f"{merged.removesuffix('/merged')}/diff" if merged.endswith("/merged") else merged or None


def option(processes: Sequence[Process], program: str, name: str) -> Iterator[str]:
    """What running programs of a name were given for an option: ``--data-root X`` or ``--data-root=X``."""
    for process in processes:
        if process.cmdline and process.cmdline[0].rpartition("/")[2] == program:
            for word, following in zip(process.cmdline, (*process.cmdline[1:], ""), strict=True):
                if word == name and following.startswith("/"):
                    yield following
                elif word.startswith(f"{name}=/"):
                    yield word.partition("=")[2]
