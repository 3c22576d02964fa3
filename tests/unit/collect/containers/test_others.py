"""Containers of containerd, CRI-O, LXC and nspawn, by their own files."""

from __future__ import annotations

import json
import struct

import pytest
from tests.unit.collect.autostarts.services.test_containerd import STORE, any_of, meta_db
from tests.unit.collect.containers.reading_all import found
from tests.unit.host.bolt_file import Tree

from davy.collect.containers.containerd import go_time
from davy.model.containers import Bind, PublishedPort

ID = "3" * 64
NAMESPACES = [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]
SPEC = {
    "process": {
        "args": ["php-fpm"], "env": ["A=b"], "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"]},
    },
    "mounts": [{"destination": "/host", "type": "bind", "source": "/", "options": ["rbind", "rw"]}],
    "linux": {"namespaces": NAMESPACES, "resources": {"devices": [{"allow": True, "access": "rwm"}]}},
    "annotations": {
        "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": "php",
        "io.kubernetes.cri.image-name": "docker.io/library/php:7.3-fpm",
    },
}  # fmt: skip
LABELS = {b"io.kubernetes.pod.name": b"web-0", b"io.kubernetes.pod.namespace": b"shop"}
CREATED = b"\x01" + struct.pack(">qi", 1_795_639_724 + 62_135_596_800, 307_255_356) + b"\xff\xff"


def kept(spec: object = SPEC, labels: Tree = LABELS) -> Tree:
    return {
        b"image": b"docker.io/library/php:7.3-fpm", b"spec": any_of(json.dumps(spec).encode()), b"labels": labels,
        b"createdat": CREATED, b"snapshotKey": ID.encode(),
    }  # fmt: skip


def test_a_container_of_a_pod_in_containerd() -> None:
    pid = f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/init.pid"
    (one,) = found({STORE: meta_db({b"k8s.io": {ID.encode(): kept()}}), pid: "1234"})
    assert (one.runtime, one.id, one.name, one.pod) == ("containerd", ID, "php", "shop/web-0")
    assert one.image == "docker.io/library/php:7.3-fpm"
    assert one.created == pytest.approx(1_795_639_724.307, abs=0.01)
    assert (one.privileged, one.network_mode, one.binds) == (True, None, (Bind("/", "/host"),))
    assert (one.command, one.environment) == (("php-fpm",), ("A=b",))


def test_what_holds_a_pod_together_is_named_after_it() -> None:
    spec = SPEC | {"annotations": {"io.kubernetes.cri.container-type": "sandbox"}}
    (one,) = found({STORE: meta_db({b"k8s.io": {ID.encode(): kept(spec)}})})
    assert one.name == "pause of shop/web-0"


def test_a_container_of_nerdctl_has_its_name_its_ports_and_its_policy_in_labels() -> None:
    ports = json.dumps([{"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": "0.0.0.0"}])
    told = {
        b"nerdctl/name": b"web", b"nerdctl/ports": ports.encode(), b"containerd.io/restart.policy": b"always",
    }  # fmt: skip
    (one,) = found({STORE: meta_db({b"default": {ID.encode(): kept({}, told)}})})
    assert (one.name, one.restart_policy) == ("web", "always")
    assert one.published == (PublishedPort(address="0.0.0.0", port=8080, container_port=80),)


def test_what_docker_keeps_in_containerd_is_docker_s_to_tell() -> None:
    assert found({STORE: meta_db({b"moby": {ID.encode(): kept()}})}) == []


@pytest.mark.parametrize("data", [b"", b"\x01" * 5, b"\x09" + CREATED[1:], b"\x01" + b"\0" * 14])
def test_what_is_no_time_is_none(data: bytes) -> None:
    assert go_time(data) is None


CRI_O = f"/var/lib/containers/storage/overlay-containers/{ID}/userdata/config.json"
NOTES = {
    "io.kubernetes.cri-o.ContainerID": ID, "io.kubernetes.cri-o.Name": "k8s_php_web-0_shop_1_0",
    "io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.ImageName": "docker.io/library/php:7.3-fpm",
    "io.kubernetes.cri-o.ImageRef": "2394", "io.kubernetes.cri-o.Created": "2026-11-25T20:48:44.307255356Z",
    "io.kubernetes.cri-o.MountPoint": "/var/lib/containers/storage/overlay/abc/merged",
    "io.kubernetes.container.name": "php", "io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "shop",
}  # fmt: skip


def test_a_container_of_cri_o_is_told_by_its_bundle() -> None:
    (one,) = found({CRI_O: json.dumps(SPEC | {"annotations": NOTES})})
    assert (one.runtime, one.id, one.name, one.pod) == ("cri-o", ID, "php", "shop/web-0")
    assert (one.image, one.image_id) == ("docker.io/library/php:7.3-fpm", "2394")
    assert (one.root, one.layer) == (
        NOTES["io.kubernetes.cri-o.MountPoint"],
        "/var/lib/containers/storage/overlay/abc/diff",
    )
    assert one.created == pytest.approx(1_795_639_724.307, abs=0.01)


def test_a_bundle_of_podman_s_beside_it_is_none_of_cri_o_s() -> None:
    notes = {"io.kubernetes.cri-o.TTY": "false", "io.podman.annotations.autoremove": "FALSE"}
    assert found({CRI_O: json.dumps(SPEC | {"annotations": notes})}) == []


LXC = """\
# Template used to create this container: /usr/share/lxc/templates/lxc-download
lxc.rootfs.path = dir:/var/lib/lxc/web/rootfs
lxc.uts.name = web
lxc.start.auto = 1
lxc.net.0.type = veth
lxc.mount.entry = /srv/data srv/data none bind,ro,create=dir 0 0
lxc.mount.entry = proc proc proc nodev 0 0
lxc.idmap = u 0 100000 65536
"""


def test_a_container_of_lxc_is_called_as_its_folder() -> None:
    (one,) = found({"/var/lib/lxc/web/config": LXC})
    assert (one.runtime, one.id, one.name, one.root) == ("lxc", "web", "web", "/var/lib/lxc/web/rootfs")
    assert (one.restart_policy, one.network_mode, one.privileged) == ("boot", "veth", False)
    assert one.binds == (Bind("/srv/data", "/srv/data", True),)


@pytest.mark.parametrize("path", ["/var/lib/lxc/web/rootfs", "overlay:/base:/delta", "overlayfs:/base:/delta"])
def test_a_root_of_lxc_is_a_folder(path: str) -> None:
    (one,) = found({"/var/lib/lxc/web/config": f"lxc.rootfs.path = {path}\nlxc.net.0.type = none\n"})
    assert one.root in ("/var/lib/lxc/web/rootfs", "/delta")
    assert (one.host_network, one.privileged) == (True, True)


NSPAWN = """\
[Exec]
Boot=no
Parameters=/usr/bin/php-fpm -F
[Network]
VirtualEthernet=yes
Port=tcp:8080:80
Port=9000
[Files]
Bind=/srv/data:/data
BindReadOnly=/opt
"""


def test_a_container_of_nspawn_is_its_registration_and_its_settings() -> None:
    machine = (
        "NAME=web\nSERVICE=systemd-nspawn\nROOT=/srv/web\nLEADER=1234\nCLASS=container\nREALTIME=1795639724517938\n"
    )
    (one,) = found({"/run/systemd/machines/web": machine, "/etc/systemd/nspawn/web.nspawn": NSPAWN})
    assert (one.runtime, one.id, one.root, one.layer) == ("nspawn", "web", "/srv/web", "/srv/web")
    assert one.started == pytest.approx(1_795_639_724.518, abs=0.01)
    assert one.published == (
        PublishedPort(address="0.0.0.0", port=8080, container_port=80),
        PublishedPort(address="0.0.0.0", port=9000, container_port=9000),
    )
    assert one.binds == (Bind("/srv/data", "/data"), Bind("/opt", "/opt", True))
    assert (one.command, one.network_mode) == (("/usr/bin/php-fpm", "-F"), "private")


def test_a_virtual_machine_is_no_container() -> None:
    assert found({"/run/systemd/machines/vm": "NAME=vm\nSERVICE=libvirt-qemu\nCLASS=vm\nLEADER=7\n"}) == []


def test_settings_of_nspawn_without_a_registration_are_a_container_that_waits() -> None:
    (one,) = found({"/etc/systemd/nspawn/web.nspawn": NSPAWN})
    assert (one.name, one.root, one.started) == ("web", "/var/lib/machines/web", None)
