"""containerd's containers that are started again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import facts, found
from tests.unit.host.bolt_file import Tree, bolt_file
from tests.unit.snapshots import snapshot

from davy.collect.autostarts.services.containerd import restart_policy, value_of_any
from davy.collect.autostarts.services.containers import containers
from davy.detect.autostart_files import miners_image
from davy.model.autostarts import AutostartKind
from davy.model.facts import Gap

STORE = "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db"
RUNNING = {b"containerd.io/restart.status": b"running"}
TYPE = b"types.containerd.io/opencontainers/runtime-spec/1/Spec"


def any_of(value: bytes) -> bytes:
    """A protobuf message that wraps a value."""
    size = bytes([len(value) & 0x7F | 0x80, len(value) >> 7 & 0x7F | 0x80, len(value) >> 14])
    return b"\x0a" + bytes([len(TYPE)]) + TYPE + b"\x12" + size + value


def container(image: bytes, *args: str, mounts: object = (), **labels: bytes) -> Tree:
    spec = {"ociVersion": "1.1.0", "process": {"args": args}, "mounts": mounts}
    told = RUNNING | {b"nerdctl/" + key.encode(): value for key, value in labels.items()}
    return {
        b"image": image, b"spec": any_of(json.dumps(spec).encode()), b"labels": told, b"snapshotter": b"overlayfs",
        b"runtime": {b"name": b"io.containerd.runc.v2"}, b"createdat": b"\1" * 15,
    }  # fmt: skip


MINER = container(b"docker.io/someone/xmrig:latest", "xmrig", "-o", "pool:3333", name=b"m")
WEB = container(b"docker.io/library/nginx:1", "nginx", name=b"web")


def meta_db(namespaces: dict[bytes, dict[bytes, Tree | bytes]]) -> bytes:
    return bolt_file(
        {b"v1": {b"version": b"\6"} | {
            name: {b"images": {b"x": {b"target": {b"size": b"\1"}}}, b"containers": every}
            for name, every in namespaces.items()
        }}
    )  # fmt: skip


def test_containers_that_containerd_starts_again_are_entries_of_their_own() -> None:
    pod = {key: value for key, value in MINER.items() if key != b"labels"}
    content = meta_db({b"default": {b"01": MINER, b"02": WEB}, b"k8s.io": {b"03": pod}, b"moby": {}})
    miner, web = found(containers, {STORE: content})
    assert (miner.kind, miner.path, miner.line, miner.within) == (AutostartKind.CONTAINER, STORE, None, "default/m")
    assert (miner.command, miner.image, miner.schedule, miner.user) == (
        "xmrig -o pool:3333", "docker.io/someone/xmrig:latest", "containerd: restart=always", "root",
    )  # fmt: skip
    assert (web.within, web.command) == ("default/web", "nginx")
    assert miner.subject != web.subject
    assert [each.subject for each in miners_image(snapshot(miner, web))] == [miner.subject]


@pytest.mark.parametrize(
    "path",
    [
        STORE.replace("/var/lib", "/var/lib/rancher/k3s/agent"),
        STORE.replace("/var/lib/containerd", "/var/lib/docker/containerd/daemon"),
        STORE.replace("/var/lib", "/home/ada/.local/share"),
    ],
)
def test_other_places_of_its_database_are_read(path: str) -> None:
    (entry,) = found(containers, {path: meta_db({b"default": {b"01": WEB}})})
    assert (entry.path, entry.user) == (path, "ada" if path.startswith("/home/ada") else "root")


@pytest.mark.parametrize(
    ("policy", "started"),
    [
        ({}, "always"), ({b"policy": b"always"}, "always"), ({b"policy": b"on-failure:3"}, "on-failure:3"),
        ({b"policy": b"unless-stopped"}, "unless-stopped"), ({b"policy": b"no"}, ""), ({b"policy": b"\xff"}, ""),
        ({b"policy": b"unless-stopped", b"explicitly-stopped": b"true"}, ""), ({b"status": b"stopped"}, ""),
    ],
)  # fmt: skip
def test_only_what_its_monitor_starts_is_started_again(policy: dict[bytes, bytes], started: str) -> None:
    labels = {b"containerd.io/restart." + key: value for key, value in policy.items()}
    assert restart_policy(RUNNING | labels) == started
    assert restart_policy(labels) == ""


def test_programs_are_files_of_the_host_that_are_bound() -> None:
    mounts = [{"type": "bind", "source": "/srv/data", "destination": "/data"}]
    (entry,) = found(containers, {STORE: meta_db({b"default": {b"01": container(b"x", "/data/run", mounts=mounts)}})})
    assert (entry.programs, entry.within) == (("/srv/data/run",), "default/01")


def test_names_are_told_apart_and_namespaces_with_them() -> None:
    content = meta_db({b"a": {b"01": WEB, b"02": WEB}, b"b": {b"01": WEB}, b"; reboot": {b"01": WEB}})
    assert [entry.within for entry in found(containers, {STORE: content})] == [
        "unnamed/web", "a/web", "a/web (2)", "b/web",
    ]  # fmt: skip


def test_without_a_spec_the_command_is_the_image() -> None:
    bare: Tree = {b"image": b"x/y", b"labels": RUNNING}
    none: Tree = {b"spec": {}, b"image": {}, b"labels": RUNNING}
    entries = found(containers, {STORE: meta_db({b"a": {b"01": bare, b"02": none, b"03": b"no container"}})})
    assert [(entry.command, entry.image) for entry in entries] == [("x/y", "x/y"), ("container", None)]


def test_what_is_no_database_is_a_gap() -> None:
    for content in (b"", b"no database", meta_db({b"a": {b"01": WEB}})[:4096]):
        (gap,) = facts(containers, {STORE: content})
        assert isinstance(gap, Gap)
        assert gap.what == STORE


@given(st.binary(max_size=40))
def test_a_message_that_is_none_wraps_nothing_or_a_part_of_it(data: bytes) -> None:
    assert value_of_any(data) in data
    assert value_of_any(any_of(data)) == data


CONTENT = meta_db({b"default": {b"01": MINER, b"02": WEB}})


@given(st.data())
def test_whatever_is_written_over_a_database_nothing_is_raised(data: st.DataObject) -> None:
    content = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(8192, len(content) - 1))] = data.draw(st.integers(0, 255))
    for entry in found(containers, {STORE: bytes(content)}):
        assert entry.within
        assert entry.command
