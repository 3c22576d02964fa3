"""Containers that are started again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import facts, found, without

from davy.collect.autostarts.services.containers import containers
from davy.host import Entry
from davy.model.autostarts import AutostartKind
from davy.model.facts import Gap

FOLDER = "/var/lib/docker/containers/0123"


def docker(
    folder: str = FOLDER, *, policy: object = "always", indent: int | None = None, **config: object
) -> dict[str, bytes | str | Entry]:
    """The two descriptions that Docker keeps of a container."""
    hostconfig = {
        "Binds": ["/srv/data:/data:rw", "/:/host"],
        "RestartPolicy": {"Name": policy, "MaximumRetryCount": 0},
        "Privileged": True,
    }
    return {
        f"{folder}/hostconfig.json": json.dumps(hostconfig, indent=indent),
        f"{folder}/config.v2.json": json.dumps({"Config": {"Image": "alpine:3"}, "Name": "/x"} | config),
    }


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_a_container_that_docker_starts_again_is_an_entry(policy: str) -> None:
    (entry,) = found(containers, docker(policy=policy, Path="sh", Args=["-c", "a | b"]))
    assert (entry.kind, entry.path, entry.line, entry.command, entry.image, entry.user, entry.schedule) == (
        AutostartKind.CONTAINER, f"{FOLDER}/hostconfig.json", 1, "sh -c 'a | b'", "alpine:3", "root",
        f"docker: restart={policy}",
    )  # fmt: skip


@pytest.mark.parametrize("policy", ["no", "", None, 7])
def test_a_container_that_docker_does_not_start_again_is_none(policy: object) -> None:
    assert facts(containers, docker(policy=policy, Path="sh")) == []


@pytest.mark.parametrize("indent", [None, 1])
def test_only_the_policy_goes_and_then_docker_does_not_start_it(indent: int | None) -> None:
    files = docker(indent=indent, Path="sh")
    (entry,) = found(containers, files)
    content = str(files[entry.path])
    after = without(content, [entry])
    assert json.loads(after) == json.loads(content) | {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}
    assert found(containers, files | {entry.path: after}) == []


def test_programs_are_files_of_the_host_only() -> None:
    (entry,) = found(containers, docker(Path="/usr/bin/x", Args=["/data/run", "/host/tmp/y"]))
    assert entry.programs == ("/srv/data/run", "/tmp/y")


def test_a_container_without_a_command_is_its_image_and_one_without_a_description_is_still_told() -> None:
    (entry,) = found(containers, docker(Path=None))
    assert entry.command == "alpine:3"
    (entry,) = found(containers, {f"{FOLDER}/hostconfig.json": '{"RestartPolicy":{"Name":"always"}}'})
    assert (entry.command, entry.image) == ("container", None)


def test_rootless_containers_are_their_users() -> None:
    folder = "/home/ada/.local/share/docker/containers/0123"
    assert [entry.user for entry in found(containers, docker(folder, Path="sh"))] == ["ada"]


def test_a_fifo_like_thing_in_place_of_a_description_is_a_gap() -> None:
    read = facts(containers, docker(Path="sh") | {f"{FOLDER}/config.v2.json": Entry(mode=0o010644)})
    assert [fact.what for fact in read if isinstance(fact, Gap)] == [f"{FOLDER}/config.v2.json"]
    assert len(read) == 2


TREES = st.recursive(
    st.none() | st.text("ab/:"),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Path", "Args", "Image", "Binds", "Name", "RestartPolicy"]), inside, max_size=4
        )
    ),
)


@given(TREES, TREES)
def test_whatever_stands_in_the_descriptions_nothing_is_raised(hostconfig: object, config: object) -> None:
    files: dict[str, bytes | str | Entry] = {
        f"{FOLDER}/hostconfig.json": json.dumps(hostconfig),
        f"{FOLDER}/config.v2.json": json.dumps(config),
    }
    for entry in found(containers, files):
        assert entry.command


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/etc/containers/systemd/x.container", "root"),
        ("/usr/share/containers/systemd/x.container", "root"),
        ("/home/ada/.config/containers/systemd/x.container", "ada"),
    ],
)
def test_a_quadlet_is_an_entry_as_a_file(path: str, user: str) -> None:
    text = "[Container]\nImage=a/b\nExec=run \\\n  -x\n[Service]\nRestart=always\n[Install]\nWantedBy=default.target\n"
    (entry,) = found(
        containers, {path: text, path.replace("x.", "y.").replace(".container", ".network"): "[Network]\n"}
    )
    assert (entry.line, entry.user, entry.image, entry.schedule) == (None, user, "a/b", "boot; restart=always")
    assert entry.command.split() == ["run", "-x"]
    assert entry.programs == ()


def test_a_container_of_lxc_that_starts_with_the_machine_and_its_hooks_are_entries_of_their_lines() -> None:
    text = "lxc.uts.name = x\nlxc.start.auto = 1\nlxc.hook.pre-start = /tmp/x -a\n# lxc.hook.mount = /no\n"
    entries = found(containers, {"/var/lib/lxc/x/config": text, "/var/lib/lxc/y/config": "lxc.start.auto = 0\n"})
    assert [(entry.line, entry.command, entry.schedule, entry.programs) for entry in entries] == [
        (2, "lxc-start -n x", "boot", ()),
        (3, "/tmp/x -a", "lxc: pre-start", ("/tmp/x",)),
    ]
