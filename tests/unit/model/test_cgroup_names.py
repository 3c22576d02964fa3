"""What a control group's path says of the container it is of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host.stat import parse_cgroup, parse_inner_pid
from davy.model.cgroup_names import group_name, own_group, short_ids
from davy.model.containers import Container
from davy.model.housing import container_by_group

ID = "43dd4091be92e124c3ecb235d604e93dba299dbf6d9e6731295968544b63e0f1"
OTHER = "7e02b4390a18603a432187e35b168d634ea9e6e5a74e881b4a2d686f008e0665"
POD = "pod1d9b5e9c_3a5c_4a3e_9b0e_0f5f2f1f0f6b"


@pytest.mark.parametrize(
    ("cgroup", "runtime", "identity"),
    [
        (f"/system.slice/docker-{ID}.scope", "docker", ID),
        (f"/docker/{ID}", "docker", ID),
        (f"/docker/{ID}/init", "docker", ID),
        (f"/../../system.slice/docker-{ID}.scope", "docker", ID),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope", "docker", ID),
        (f"/machine.slice/libpod-{ID}.scope/container", "podman", ID),
        (f"/libpod_parent/libpod-{ID}", "podman", ID),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container", "podman", ID),
        (f"/system.slice/web.service/libpod-payload-{ID}", "podman", ID),
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-{POD}.slice/cri-containerd-{ID}.scope", "containerd", ID),
        (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-{POD}.slice/crio-{ID}.scope", "cri-o", ID),
        (f"/kubepods/besteffort/{POD}/{ID}", "kubernetes", ID),
        (f"/system.slice/containerd.service/kubepods-burstable-{POD}.slice:cri-containerd:{ID}", "containerd", ID),
        (f"/system.slice/nerdctl-{ID}.scope", "containerd", ID),
        (f"/actions_job/{ID}", "actions_job", ID),
        (f"/docker/{ID}/kubepods/besteffort/{POD}/{OTHER}", "kubernetes", ID),
        (f"/docker/{ID}/system.slice/docker-{OTHER}.scope", "docker", ID),
        ("/lxc.payload.web/system.slice/nginx.service", "lxc", "web"),
        ("/lxc/web", "lxc", "web"),
        ("/machine.slice/machine-web.scope/payload", "nspawn", "web"),
        ("/machine.slice/machine-web\\x2d1.scope/payload/init.scope", "nspawn", "web-1"),
        ("/machine.slice/systemd-nspawn@web.service/payload/system.slice", "nspawn", "web"),
    ],
)
def test_a_group_names_its_container(cgroup: str, runtime: str, identity: str) -> None:
    assert group_name(cgroup) == (runtime, identity)


@pytest.mark.parametrize(
    "cgroup",
    [
        None, "", "/", "/init.scope", "/system.slice/docker.service", "/system.slice/containerd.service",
        f"/machine.slice/libpod-conmon-{ID}.scope", f"/system.slice/crio-conmon-{ID}.scope", "/libpod_parent/conmon",
        "/lxc.monitor.web", "/lxc", "/machine.slice/systemd-nspawn@web.service/supervisor",
        "/machine.slice/machine-web.scope/supervisor", "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt",
        "/system.slice/docker-0123456789ab.scope", f"/system.slice/backup-{ID}.service", "/docker",
    ],
)  # fmt: skip
def test_who_only_watches_containers_is_in_none(cgroup: str | None) -> None:
    assert group_name(cgroup) is None


@given(st.lists(st.sampled_from(["", "docker", ID, f"docker-{ID}.scope", "lxc", "machine-x.scope", "..", "a:b"])))
def test_no_path_is_too_odd(parts: list[str]) -> None:
    assert group_name("/".join(parts)) is None or parts


@pytest.mark.parametrize(
    ("cgroup", "own"),
    [
        (f"/docker/{ID}/system.slice/cron.service", f"/docker/{ID}"),
        (f"/machine.slice/libpod-{ID}.scope/container/x", f"/machine.slice/libpod-{ID}.scope"),
        ("/web/payload/init.scope", "/web/payload"),
        ("/machine.slice/machine-web.scope/payload/init.scope", "/machine.slice/machine-web.scope/payload"),
        ("/lxc.payload.web/init.scope", "/lxc.payload.web"),
        ("/user.slice/x", "/user.slice/x"),
        (None, None),
    ],
)
def test_a_container_s_own_group_is_above_those_that_are_made_in_it(cgroup: str | None, own: str | None) -> None:
    assert own_group(cgroup) == own


def test_a_known_container_is_found_by_its_id_in_any_group() -> None:
    known = Container(runtime="containerd", id="web", name="web")
    assert container_by_group("/default/web", {"web": known}) is known
    assert container_by_group("/default/other", {"web": known}) is None


def test_a_container_that_no_state_file_names_is_called_by_the_beginning_of_its_id() -> None:
    found = container_by_group(f"/docker/{ID}", {})
    assert found is not None
    assert (found.runtime, found.id, found.name, found.running) == ("docker", ID, ID[:12], True)


def test_a_controller_of_the_first_version_names_the_container_where_nothing_else_does() -> None:
    text = f"9:memory:/docker/{ID}\n8:freezer:/odd\n0::/\n".encode()
    assert parse_cgroup(text) == f"/docker/{ID}"
    assert parse_cgroup(b"9:memory:/user/1\n0::/\n") == "/"
    assert parse_cgroup(f"9:memory:/docker/{ID}\n1:name=systemd:/init.scope\n".encode()) == "/init.scope"


@pytest.mark.parametrize(
    ("status", "pid"),
    [
        (b"Name:\tx\nNSpid:\t21568\t1\nNSpgid:\t1\n", 1),
        (b"Name:\tx\nNSpid:\t7\nNSpgid:\t7\n", None),
        (b"Name:\tx\n", None),
    ],
)
def test_the_innermost_pid_is_the_last(status: bytes, pid: int | None) -> None:
    assert parse_inner_pid(status) == pid


def test_ids_are_short_where_people_read_them_and_sums_are_whole() -> None:
    assert short_ids(f"/system.slice/docker-{ID}.scope") == "/system.slice/docker-43dd4091be92….scope"
    log = f"/var/lib/docker/containers/{ID}/{ID}-json.log"
    assert short_ids(log) == "/var/lib/docker/containers/43dd4091be92…/43dd4091be92…-json.log"
    for whole in (f"sha256:{ID}", f"{ID}0", f"0{ID}", ID[:63], "/system.slice/ssh.service"):
        assert short_ids(whole) == whole
