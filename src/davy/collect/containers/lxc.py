"""LXC's containers, by the configuration of each; those of LXD and Incus, which write one for each that runs.

``/var/lib/lxc/web/config``: ``lxc.rootfs.path = dir:/var/lib/lxc/web/rootfs``, ``lxc.start.auto = 1``,
``lxc.mount.entry = /srv/data srv none bind 0 0``, ``lxc.net.0.type = veth``.

Source: lxc.container.conf(5); documentation.ubuntu.com/lxd (``/var/log/lxd/NAME/lxc.conf``).
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Files
from davy.model.containers import Bind, Container
from davy.model.facts import Gap

_CONFIGS: Final = (
    "/var/lib/lxc/*/config", "/var/log/lxd/*/lxc.conf", "/var/log/incus/*/lxc.conf",
    "/var/snap/lxd/common/lxd/logs/*/lxc.conf", "/run/incus/*/lxc.conf",
)  # fmt: skip
_OWN: Final = ".local/share/lxc/*/config"
_HOST_NETWORK: Final = "none"
"""What LXC calls the host's own network."""


def lxc(files: Files) -> Iterator[Container | Gap]:
    """Those of the system and of every user."""
    for file in files.texts(*_CONFIGS, own=(_OWN,)):
        yield file if isinstance(file, Gap) else lxc_container(file.content, file.path, file.stat.birth)


def lxc_container(text: str, path: str, created: float | None = None) -> Container:
    """A container by its configuration; it is called as its folder is."""
    settings: dict[str, str] = {}
    mounts = []
    for line in text.split("\n"):
        key, equals, value = (part.strip() for part in line.partition("="))
        if equals and key.startswith("lxc."):
            settings[key] = value
            if key == "lxc.mount.entry":
                mounts.append(value.split())
    name = posixpath.basename(posixpath.dirname(path))
    root = settings.get("lxc.rootfs.path") or settings.get("lxc.rootfs") or ""
    root = root[root.find("/") :].rpartition(":")[2] if "/" in root else ""
    kind = settings.get("lxc.net.0.type") or settings.get("lxc.network.type")
    return Container(
        runtime="lxc", id=name, name=name, created=created, root=root or None, layer=root or None,
        network_mode="host" if kind == _HOST_NETWORK else kind,
        restart_policy="boot" if settings.get("lxc.start.auto") == "1" else None,
        privileged="lxc.idmap" not in settings and "lxc.id_map" not in settings,
        binds=tuple(
            Bind(fields[0], f"/{fields[1].lstrip('/')}", "ro" in fields[3].split(","))
            for fields in mounts
            if len(fields) >= 4 and fields[0].startswith("/") and {"bind", "rbind"} & set(fields[3].split(","))
        ),
        command=tuple(_words(settings.get("lxc.init.cmd", ""))),
        environment=tuple(value for key, value in settings.items() if key == "lxc.environment"),
        state_file=path,
    )  # fmt: skip


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
