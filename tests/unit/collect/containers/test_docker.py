"""Docker's containers, by files as Docker 20.10 wrote them."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.containers.reading_all import found, told

from davy.collect.containers.docker import docker_container
from davy.model.containers import Bind, Container, PublishedPort
from davy.model.facts import Gap

ID = "43dd4091be92e124c3ecb235d604e93dba299dbf6d9e6731295968544b63e0f1"
FOLDER = f"/var/lib/docker/containers/{ID}"
CONFIG: dict[str, Any] = {
    "StreamConfig": {},
    "State": {
        "Running": True, "Paused": False, "Restarting": False, "OOMKilled": False, "RemovalInProgress": False,
        "Dead": False, "Pid": 21568, "ExitCode": 0, "Error": "", "StartedAt": "2026-11-25T20:48:44.517938482Z",
        "FinishedAt": "0001-01-01T00:00:00Z", "Health": None,
    },
    "ID": ID, "Created": "2026-11-25T20:48:44.307255356Z", "Managed": False, "Path": "docker-php-entrypoint",
    "Args": ["php-fpm"],
    "Config": {
        "Hostname": "43dd4091be92", "User": "999", "ExposedPorts": {"9000/tcp": {}}, "Env": ["PHP_VERSION=7.3.33"],
        "Cmd": ["php-fpm"], "Image": "php:7.3-fpm", "Entrypoint": ["docker-php-entrypoint"],
        "Labels": {
            "com.docker.compose.project": "shop", "com.docker.compose.service": "php",
            "com.docker.compose.project.config_files": "/srv/shop/docker-compose.yml,override.yml",
            "com.docker.compose.project.working_dir": "/srv/shop",
        },
    },
    "Image": "sha256:23941a2ea0e63f027f164f2bb181d61dda5caa8bfbadf62f07119f8fe3f08fe2",
    "NetworkSettings": {
        "Bridge": "", "Ports": {
            "9000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9000"}, {"HostIp": "::", "HostPort": "9000"}],
            "9001/tcp": None,
        },
    },
    "LogPath": f"{FOLDER}/{ID}-json.log", "Name": "/web-php-fpm-1", "Driver": "overlay2", "OS": "linux",
    "HasBeenStartedBefore": True,
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "Binds": ["/srv/shop/html:/var/www/html:ro,z", "data:/data", "/:/mnt"], "NetworkMode": "shop_default",
    "PortBindings": {"9000/tcp": [{"HostIp": "", "HostPort": "9000"}]},
    "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}, "Privileged": False,
    "Mounts": [
        {"Type": "bind", "Source": "/etc", "Target": "/host/etc"}, {"Type": "volume", "Source": "v", "Target": "/v"},
    ],
}  # fmt: skip


def files(config: object = CONFIG, settings: object = SETTINGS, *, folder: str = FOLDER) -> dict[str, bytes | str]:
    return {f"{folder}/config.v2.json": json.dumps(config), f"{folder}/hostconfig.json": json.dumps(settings)}


def test_a_container_is_all_that_its_two_files_say() -> None:
    (one,) = found(files())
    assert (one.runtime, one.id, one.name, one.image) == ("docker", ID, "web-php-fpm-1", "php:7.3-fpm")
    assert one.image_id == CONFIG["Image"]
    assert (one.project, one.service) == ("shop", "php")
    assert one.compose_files == ("/srv/shop/docker-compose.yml", "/srv/shop/override.yml")
    assert (one.created, one.started) == (
        pytest.approx(1795639724.307, abs=0.01),
        pytest.approx(1795639724.518, abs=0.01),
    )
    assert one.published == (
        PublishedPort(address="0.0.0.0", port=9000, container_port=9000),
        PublishedPort(address="::", port=9000, container_port=9000),
    )
    assert (one.network_mode, one.restart_policy, one.privileged) == ("shop_default", "unless-stopped", False)
    assert one.binds == (
        Bind("/srv/shop/html", "/var/www/html", True), Bind("/", "/mnt"), Bind("/etc", "/host/etc"),
    )  # fmt: skip
    assert (one.command, one.environment) == (("docker-php-entrypoint", "php-fpm"), ("PHP_VERSION=7.3.33",))
    assert one.state_file == f"{FOLDER}/config.v2.json"
    assert one.api == "/run/docker.sock"


def test_nothing_of_a_dead_root_runs() -> None:
    (one,) = found(files())
    assert (one.running, one.pid) == (False, None)


def test_ports_that_docker_has_not_opened_yet_are_those_that_were_asked_for() -> None:
    (one,) = found(files(CONFIG | {"NetworkSettings": {"Ports": {}}}))
    assert one.published == (PublishedPort(address="0.0.0.0", port=9000, container_port=9000),)


@pytest.mark.parametrize("mode", ["host", "none"])
def test_a_container_without_a_network_of_its_own_publishes_nothing(mode: str) -> None:
    (one,) = found(files(settings=SETTINGS | {"NetworkMode": mode}))
    assert (one.published, one.host_network) == ((), mode == "host")


def test_its_files_are_in_its_layer_and_put_together_while_it_runs() -> None:
    mounts = f"/var/lib/docker/image/overlay2/layerdb/mounts/{ID}/mount-id"
    layer = "/var/lib/docker/overlay2/abc"
    stopped = files() | {mounts: "abc", f"{layer}/diff/etc/passwd": "www:x:33:33::/:/bin/sh\n"}
    (one,) = found(stopped)
    assert (one.root, one.layer) == (f"{layer}/diff", f"{layer}/diff")
    assert [(account.name, account.uid) for account in one.accounts] == [("www", 33)]
    (one,) = found(stopped | {f"{layer}/merged/etc/passwd": ""})
    assert (one.root, one.layer) == (f"{layer}/merged", f"{layer}/diff")


@pytest.mark.parametrize("name", ["../../../etc", "", ".."])
def test_a_layer_s_name_leads_nowhere_else(name: str) -> None:
    mounts = f"/var/lib/docker/image/overlay2/layerdb/mounts/{ID}/mount-id"
    (one,) = found(files() | {mounts: name})
    assert (one.root, one.layer) == (None, None)


def test_a_storage_driver_s_name_leads_nowhere_else() -> None:
    (one,) = found(files(CONFIG | {"Driver": "../../../etc"}))
    assert one.root is None


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ("/etc/docker/daemon.json", "/data/docker"),
        ("/home/ada/.config/docker/daemon.json", "/data/docker"),
    ],
)
def test_docker_s_data_are_where_its_settings_have_them(place: str, folder: str) -> None:
    settings = {place: json.dumps({"data-root": f"{folder}/"})}
    (one,) = found(settings | files(folder=f"{folder}/containers/{ID}"))
    assert one.name == "web-php-fpm-1"


def test_a_user_s_own_docker_is_read_too() -> None:
    (one,) = found(files(folder=f"/home/ada/.local/share/docker/containers/{ID}"))
    assert (one.name, one.api) == ("web-php-fpm-1", None)


def test_a_pod_of_kubernetes_is_named_by_its_labels() -> None:
    labels = {
        "io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "shop", "io.kubernetes.container.name": "php",
    }  # fmt: skip
    (one,) = found(files(CONFIG | {"Config": {"Image": "php", "Labels": labels}}))
    assert (one.pod, one.service, one.project) == ("shop/web-0", "php", None)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ID": 7}', "{" * 2000])
def test_what_is_no_description_is_a_gap(text: str) -> None:
    facts = told({f"{FOLDER}/config.v2.json": text})
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == [f"{FOLDER}/config.v2.json"]
    assert len(facts) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["State", "Config", "Labels", "NetworkSettings", "Ports", "9000/tcp", "HostPort", "Binds", "Mounts", "Args"]
    ), inner, max_size=4),
)  # fmt: skip


@given(_JSON, _JSON)
def test_whatever_stands_in_its_files_it_is_a_container(config: object, settings: object) -> None:
    tree = (config if isinstance(config, dict) else {}) | {"ID": "x"}
    made = docker_container(tree, settings, "/x")
    assert made is not None
    assert made.id == "x"


@pytest.mark.parametrize("odd", ["\ud800", "\udfff\ud800", "\0", "../../.."])
def test_an_id_that_no_path_can_hold_ends_no_reading(odd: str) -> None:
    facts = told(files(CONFIG | {"ID": odd, "Name": odd, "Path": odd}))
    (one,) = [fact for fact in facts if isinstance(fact, Container)]
    assert (one.root, one.layer) == (None, None)
    os.fsencode(f"{one.id} {one.name} {one.command}")


def test_a_pair_of_utf_16_and_escaped_bytes_stay_as_they_are() -> None:
    (one,) = found({f"{FOLDER}/config.v2.json": rb'{"ID":"x","Name":"\ud83d\ude00","Path":"\\ud800"}'})
    assert (one.name, one.command) == ("\U0001f600", (r"\ud800",))
