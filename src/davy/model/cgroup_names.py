"""Which container a control group belongs to, by its path.  Pure.

Runtimes name the group after the container: ``/docker/ID``, ``/system.slice/docker-ID.scope``,
``/machine.slice/libpod-ID.scope/container``, ``/kubepods.slice/.../cri-containerd-ID.scope``,
``/kubepods/besteffort/podUID/ID``, ``/system.slice/containerd.service/kubepods-...:cri-containerd:ID``,
``/lxc.payload.NAME``, ``/machine.slice/machine-NAME.scope/payload``.  What only watches a container is in a group
beside it (``libpod-conmon-ID.scope``, ``lxc.monitor.NAME``, nspawn's ``supervisor``) and in no container.

Source: the runtimes' control group drivers (``cgroupfs``, ``systemd``); systemd-nspawn(1); lxc.container.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

_RUNTIMES: Final = {
    "docker": "docker", "libpod": "podman", "libpod-payload": "podman", "cri-containerd": "containerd",
    "nerdctl": "containerd", "crio": "cri-o",
}  # fmt: skip
_SCOPE: Final = re.compile(rf"({'|'.join(_RUNTIMES)})[-:]([0-9a-f]{{64}})(?:\.scope)?")
_ID: Final = re.compile(r"[0-9a-f]{64}")
_LONG: Final = re.compile(r"(?<![0-9a-z:])[0-9a-f]{64}(?![0-9a-z])")
"""Not a sum of an image or a file, of which the kind stands before."""
_PARENTS: Final = {"docker": "docker", "libpod_parent": "podman"}
_LXC: Final = re.compile(r"lxc\.payload\.(.+)")
_LXC_FOLDERS: Final = frozenset({"lxc", "lxc.payload"})
_MACHINE: Final = re.compile(r"machine-(?!qemu\\x2d)(.+)\.scope|systemd-nspawn@(.+)\.service")
_ESCAPE: Final = re.compile(r"\\x([0-9a-f]{2})")
PAYLOAD: Final = "payload"
"""Where in its group nspawn has what runs in the container."""
SUPERVISOR: Final = "supervisor"
"""Where in its group nspawn itself is."""


def short_ids(text: str) -> str:
    """A path or a control group as people are told of it: of each id of a container its first twelve digits."""
    return _LONG.sub(lambda found: f"{found[0][:12]}…", text)


class GroupName(NamedTuple):
    """What a control group says of the container it is of."""

    runtime: str
    id: str
    """Of LXC and nspawn the name."""


@lru_cache(maxsize=1024)
def group_name(cgroup: str | None) -> GroupName | None:
    """The outermost container that a control group's path names: an inner one has its state files in there."""
    parts = cgroup.split("/") if cgroup else []
    return next(_names(parts), None)


def own_group(cgroup: str | None) -> str | None:
    """The part of a path that is the container's own group, not one below it that was made in there."""
    parts, name = cgroup.split("/") if cgroup else [], group_name(cgroup)
    for number, part in enumerate(parts, 1):
        if part == PAYLOAD or (name is not None and group_name("/".join(parts[:number])) == name):
            inner = parts[number : number + 1] == [PAYLOAD]
            return "/".join(parts[: number + inner])
    return cgroup


def _names(parts: list[str]) -> Iterator[GroupName]:
    for before, here, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
        if scope := _SCOPE.fullmatch(here.rpartition(".slice:")[2]):
            yield GroupName(_RUNTIMES[scope[1]], scope[2])
        elif _ID.fullmatch(here):
            kubernetes = any(part.startswith("kubepods") for part in parts)
            yield GroupName("kubernetes" if kubernetes else _PARENTS.get(before, before or "container"), here)
        elif (lxc := _LXC.fullmatch(here)) or (before in _LXC_FOLDERS and here):
            yield GroupName("lxc", lxc[1] if lxc else here)
        elif (machine := _MACHINE.fullmatch(here)) and after != SUPERVISOR:
            yield GroupName("nspawn", _ESCAPE.sub(lambda match: chr(int(match[1], 16)), machine[1] or machine[2]))
