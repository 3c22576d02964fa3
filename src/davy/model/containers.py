"""Containers: what a runtime's own state files say of each, and which processes are in it."""

from __future__ import annotations

from msgspec import Struct

from davy.model.facts import Account


class PublishedPort(Struct, frozen=True, kw_only=True):
    """A port of the host that leads into a container."""

    address: str
    """Of the host; ``0.0.0.0`` and ``::`` are any."""
    port: int
    container_port: int
    protocol: str = "tcp"

    @property
    def spoken(self) -> str:
        """``0.0.0.0:9000->9000``, and the protocol where that is not tcp."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        other = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{host}:{self.port}->{self.container_port}{other}"


class Bind(Struct, frozen=True):
    """A folder or file of the host that a container has."""

    outside: str
    inside: str
    read_only: bool = False


class Container(Struct, frozen=True, kw_only=True):
    """One container, running or not.  Source: the state files of its runtime, which no client is run to read.

    Times are seconds since the epoch, as the runtime wrote them.
    """

    runtime: str
    """docker, podman, containerd, cri-o, lxc, nspawn; or the control group's word for one that no state file names."""
    id: str
    name: str
    image: str | None = None
    image_id: str | None = None
    project: str | None = None
    """Compose's name for what it belongs to."""
    compose_files: tuple[str, ...] = ()
    service: str | None = None
    """Compose's or Kubernetes' name for it."""
    pod: str | None = None
    created: float | None = None
    started: float | None = None
    running: bool = False
    pid: int | None = None
    """Its first process, as the host counts."""
    cgroup: str | None = None
    root: str | None = None
    """Where its files are on the host: ``/proc/PID/root`` of a running one, else its merged folder."""
    published: tuple[PublishedPort, ...] = ()
    network_mode: str | None = None
    """``host`` is the host's own network."""
    restart_policy: str | None = None
    privileged: bool = False
    binds: tuple[Bind, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    """Its own: user ids of its processes mean these."""
    state_file: str | None = None

    api: str | None = None
    """The socket of the file system at which its runtime is spoken to."""
    layer: str | None = None
    """The folder on the host in which its own files lie, whether it runs or not: what is laid over its image."""

    @property
    def subject(self) -> str:
        return f"container:{self.id}"

    @property
    def spoken(self) -> str:
        """As people are told of it: ``container web-1 (image php:7.3-fpm, docker, compose project shop)``, ports."""
        belongs = (
            f"image {self.image}" if self.image else "", self.runtime,
            f"compose project {self.project}" if self.project else "", f"pod {self.pod}" if self.pod else "",
        )  # fmt: skip
        ports = ", ".join(port.spoken for port in self.published)
        network = ", on the host's network" if self.host_network else ""
        told = f"container {self.name} ({', '.join(filter(None, belongs))})"
        return f"{told}{f', published {ports}' if ports else ''}{network}"

    def on_host(self, path: str) -> str:
        """Where on the host a file is that is at ``path`` in the container: in what is bound there, or in its files."""
        return self.bound(path) or f"{(self.layer or self.root or '').rstrip('/')}{path}"

    def bound(self, path: str) -> str | None:
        """The same of what is bound; None of its own files."""
        bound = [bind for bind in self.binds if f"{path}/".startswith(f"{bind.inside.rstrip('/')}/")]
        if not bound:
            return None
        bind = max(bound, key=lambda one: len(one.inside))
        return f"{bind.outside.rstrip('/')}/{path.removeprefix(bind.inside).lstrip('/')}".rstrip("/") or "/"

    @property
    def host_network(self) -> bool:
        return self.network_mode == "host"
