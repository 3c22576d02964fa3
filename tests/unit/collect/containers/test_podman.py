"""Podman's containers, by a description and a state as Podman 4.3 wrote them, out of both kinds of its database."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tests.unit.collect.containers.reading_all import found
from tests.unit.host.bolt_file import bolt_file

from davy.model.containers import Bind, Container, PublishedPort

ID = "7e02b4390a18603a432187e35b168d634ea9e6e5a74e881b4a2d686f008e0665"
STORE = "/var/lib/containers/storage"
MERGED = f"{STORE}/overlay/9aca/merged"
CONFIG: dict[str, Any] = {
    "spec": {
        "ociVersion": "1.0.2-dev",
        "process": {"user": {"uid": 0}, "args": ["sh", "-c", "sleep 1000"], "env": ["container=podman", "A=b"]},
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/data", "type": "bind", "source": "/srv/data", "options": ["ro", "rprivate", "rbind"]},
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
            {"destination": "/etc/hosts", "type": "bind", "source": "/run/x/hosts", "options": ["bind"]},
        ],
        "annotations": {"io.podman.annotations.privileged": "TRUE", "io.podman.annotations.autoremove": "FALSE"},
        "linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]},
    },
    "id": ID, "name": "pm", "RawImageName": "localhost/mini:1",
    "rootfsImageID": "243635540b837ed176a104485535548ca54fabdd7a2ebb4aa3e7b52982f23fff",
    "rootfsImageName": "localhost/mini:1", "privileged": True, "createNetNS": False, "userVolumes": ["/data"],
    "command": ["sh", "-c", "sleep 1000"], "labels": {"com.docker.compose.project": "shop"},
    "createdTime": "2026-11-25T20:49:10.905396283Z", "cgroupManager": "cgroupfs", "cgroupParent": "/libpod_parent",
    "newPortMappings": [
        {"host_ip": "", "container_port": 80, "host_port": 8080, "range": 2, "protocol": "tcp"},
        {"host_ip": "127.0.0.1", "container_port": 53, "host_port": 5353, "range": 1, "protocol": "tcp,udp"},
    ],
    "restart_policy": "always", "runtime": "runc",
}  # fmt: skip
STATE = {
    "state": 3, "mounted": True, "mountPoint": MERGED, "startedTime": "2026-11-25T20:49:25.367607Z",
    "finishedTime": "0001-01-01T00:00:00Z", "pid": 22164, "conmonPid": 22150,
}  # fmt: skip


def in_bolt() -> dict[str, bytes]:
    kept = {b"config": json.dumps(CONFIG).encode(), b"state": json.dumps(STATE).encode(), b"dependencies": {}}
    return {f"{STORE}/libpod/bolt_state.db": bolt_file({b"ctr": {ID.encode(): kept}, b"pod": {}})}


def in_sqlite() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "db.sql")
        database = sqlite3.connect(path)
        try:
            database.execute("CREATE TABLE ContainerConfig(ID TEXT, Name TEXT, PodID TEXT, JSON TEXT)")
            database.execute("CREATE TABLE ContainerState(ID TEXT, State INTEGER, ExitCode INTEGER, JSON TEXT)")
            database.execute("INSERT INTO ContainerConfig VALUES (?, ?, ?, ?)", (ID, "pm", None, json.dumps(CONFIG)))
            database.execute("INSERT INTO ContainerState VALUES (?, ?, ?, ?)", (ID, 3, 0, json.dumps(STATE)))
            database.commit()
        finally:
            database.close()
        return {f"{STORE}/db.sql": path.read_bytes()}


@pytest.mark.parametrize("database", [in_bolt(), in_sqlite()], ids=["bbolt", "sqlite"])
def test_a_container_is_all_that_its_database_says(database: dict[str, bytes]) -> None:
    (one,) = found(database)
    assert (one.runtime, one.id, one.name, one.image) == ("podman", ID, "pm", "localhost/mini:1")
    assert (one.project, one.restart_policy, one.privileged, one.network_mode) == ("shop", "always", True, "host")
    assert (one.created, one.started) == (
        pytest.approx(1795639750.905, abs=0.01),
        pytest.approx(1795639765.368, abs=0.01),
    )
    assert (one.root, one.layer) == (MERGED, f"{STORE}/overlay/9aca/diff")
    assert one.binds == (Bind("/srv/data", "/data", True),)
    assert (one.command, one.environment) == (("sh", "-c", "sleep 1000"), ("container=podman", "A=b"))
    assert one.published == (
        PublishedPort(address="0.0.0.0", port=8080, container_port=80),
        PublishedPort(address="0.0.0.0", port=8081, container_port=81),
        PublishedPort(address="127.0.0.1", port=5353, container_port=53),
        PublishedPort(address="127.0.0.1", port=5353, container_port=53, protocol="udp"),
    )


def test_a_container_is_told_of_in_words() -> None:
    (one,) = found(in_bolt())
    assert one.spoken == (
        "container pm (image localhost/mini:1, podman, compose project shop), published 0.0.0.0:8080->80, "
        "0.0.0.0:8081->81, 127.0.0.1:5353->53, 127.0.0.1:5353->53/udp, on the host's network"
    )


@pytest.mark.parametrize(
    ("inside", "outside"),
    [("/data/x/y", "/srv/data/x/y"), ("/data", "/srv/data"), ("/database", f"{STORE}/overlay/9aca/diff/database")],
)
def test_a_path_in_a_container_is_a_path_of_the_host(inside: str, outside: str) -> None:
    (one,) = found(in_bolt())
    assert one.on_host(inside) == outside


def test_what_is_bound_whole_is_the_host_s_own() -> None:
    one = Container(runtime="docker", id="x", name="x", layer="/l", binds=(Bind("/", "/mnt"), Bind("/opt", "/mnt/o")))
    assert (one.on_host("/mnt/etc/passwd"), one.on_host("/mnt"), one.on_host("/mnt/o/x")) == (
        "/etc/passwd",
        "/",
        "/opt/x",
    )
    assert one.on_host("/etc/passwd") == "/l/etc/passwd"
