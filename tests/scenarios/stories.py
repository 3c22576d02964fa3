"""Real incidents, rebuilt: a story is a tree of files, its containers, its processes, and what must be said of it.

Each ``*.toml`` beside this module is one of them, in our own words; the times are minutes before the look.  What a
story's programs would run is not there; addresses are those of documentation (RFC 5737), and nothing is contacted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from davy.host import Entry
from davy.model.incidents import Door, Verdict

ACCOUNTS = """\
root:x:0:0:root:/root:/bin/bash
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
ada:x:1000:1000:Ada:/home/ada:/bin/bash
"""


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: str
    content: str = ""
    minutes: float
    """How long ago it was last written."""
    uid: int = 0
    mode: str = "644"


class StoryProcess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pid: int
    ppid: int
    command: tuple[str, ...]
    user: str
    minutes: float
    """How long ago it started."""
    exe: str | None = None
    """Its program, if that is not the first word."""
    name: str | None = None
    cores: float = 0.0
    container: str | None = None
    unit: str | None = None
    cwd: str = "/"
    deleted: bool = False
    kernel_thread: bool = False


class StoryContainer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container of Docker's, as its state files have it."""

    name: str
    image: str
    pid: int
    minutes: float
    network_mode: str = "bridge"
    restart: str = "no"
    published: tuple[str, ...] = ()
    """``0.0.0.0:9000:9000``: address, port, and port inside."""
    project: str | None = None
    environment: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    log: str = ""
    """What Docker keeps of its output, a JSON object a line."""

    @property
    def id(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def cgroup(self) -> str:
        return f"/system.slice/docker-{self.id}.scope"


class Listening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pid: int
    address: str
    port: int


class Story(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One incident as it was told, and what must be said of it."""

    id: str
    title: str
    source: tuple[str, ...]
    verdict: Verdict
    door: str | None = None
    """The service's id, ``container`` for one of no known service; None: no door is to be named."""
    possible: str | None = None
    """The service that must come into question where the host alone cannot show which it was."""
    tried: str | None = None
    """The service whose log must show attempts, and no entry."""
    said: tuple[str, ...] = ()
    """Words that must stand in what is said of the door, or of the exposures where there is no incident."""
    exposed: tuple[str, ...] = ()
    """Services that must be said to stand open."""
    file: tuple[File, ...] = ()
    container: tuple[StoryContainer, ...] = ()
    process: tuple[StoryProcess, ...] = ()
    listening: tuple[Listening, ...] = ()

    def tree(self, taken: float) -> dict[str, Entry]:
        """The files of the host, as they are when the look is ``taken``."""
        found = {
            "/etc/passwd": Entry(ACCOUNTS.encode(), mtime=taken - 1e7),
            "/etc/timezone": Entry(b"Etc/UTC\n", mtime=taken - 1e7),
        }
        for file in self.file:
            found[file.path] = Entry(
                file.content.encode(), mode=0o100000 | int(file.mode, 8), uid=file.uid, mtime=taken - file.minutes * 60
            )
        for container in self.container:
            found |= dict(_of_docker(container, taken))
        return found


def _of_docker(one: StoryContainer, taken: float) -> Iterator[tuple[str, Entry]]:
    """The state files of a container as dockerd writes them.  Source: github.com/moby/moby, container/container.go."""
    began = taken - one.minutes * 60
    labels = {}
    if one.project:
        labels = {"com.docker.compose.project": one.project, "com.docker.compose.service": one.name}
        labels["com.docker.compose.project.config_files"] = f"/srv/{one.project}/docker-compose.yml"
    ports: dict[str, list[dict[str, str]]] = {}
    for words in one.published:
        address, port, inside = words.rsplit(":", 2)
        ports.setdefault(f"{inside}/tcp", []).append({"HostIp": address, "HostPort": port})
    folder = f"/var/lib/docker/containers/{one.id}"
    stamp = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    config = {
        "StreamConfig": {},
        "State": {"Running": True, "Paused": False, "Restarting": False, "Dead": False, "Pid": one.pid, "ExitCode": 0,
                  "StartedAt": stamp, "FinishedAt": "0001-01-01T00:00:00Z", "Health": None},
        "ID": one.id, "Created": stamp, "Managed": False,
        "Path": one.command[0] if one.command else "", "Args": list(one.command[1:]),
        "Config": {"Hostname": one.id[:12], "User": "", "Env": list(one.environment), "Cmd": list(one.command),
                   "Image": one.image, "Labels": labels, "ExposedPorts": {key: {} for key in ports}},
        "Image": "sha256:" + hashlib.sha256(one.image.encode()).hexdigest(),
        "NetworkSettings": {"Ports": ports, "Networks": {one.network_mode: {"IPAddress": "172.18.0.2"}}},
        "LogPath": f"{folder}/{one.id}-json.log", "Name": f"/{one.name}", "Driver": "overlay2", "OS": "linux",
        "RestartCount": 0, "HasBeenStartedBefore": True,
    }  # fmt: skip
    hostconfig = {
        "Binds": None, "LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": one.network_mode,
        "PortBindings": ports, "RestartPolicy": {"Name": one.restart, "MaximumRetryCount": 0}, "Privileged": False,
        "PidMode": "",
    }  # fmt: skip
    yield f"{folder}/config.v2.json", Entry(json.dumps(config).encode(), mode=0o100600, mtime=began)
    yield f"{folder}/hostconfig.json", Entry(json.dumps(hostconfig).encode(), mode=0o100600, mtime=began)
    yield f"{folder}/{one.id}-json.log", Entry(one.log.encode(), mode=0o100640, mtime=taken - 60)


def door_kind(door: Door) -> str:
    """The word by which a story names a door: the service's id, or what kind of subject it is."""
    return door.kind or (door.subject or "").partition(":")[0]


def stories() -> tuple[Story, ...]:
    """All of them, by their ids."""
    folder = Path(__file__).parent
    found = (msgspec.toml.decode(path.read_bytes(), type=Story) for path in folder.glob("*.toml"))
    return tuple(sorted(found, key=lambda story: int(story.id[1:])))
