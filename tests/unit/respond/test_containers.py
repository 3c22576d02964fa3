"""What a plan says and does about the containers it meets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.detect.samples_containers import ID, container
from tests.unit.snapshots import detail, executable, process, snapshot

from davy.correlate.containers import in_container
from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.containers import Container, PublishedPort
from davy.model.facts import Process
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Plan, Quarantine, SetRestartPolicy
from davy.respond import plan

CGROUP = f"/docker/{ID}"
FIRST = process(100, "/app/php-fpm", cgroup=CGROUP)
MINER = process(101, "/tmp/kdevtmpfsi", ppid=100, cores=1.0, cgroup=CGROUP, user="www-data")


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    """A socket at which a runtime would listen."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(path))
        yield os.fspath(path)


def planned(box: Container, *members: Process, entries: tuple[Autostart, ...] = ()) -> Plan:
    facts = snapshot(
        FIRST, MINER, box, *entries, process(50, "/usr/sbin/dockerd"),
        detail(MINER, program=executable("/tmp/kdevtmpfsi")),
    )  # fmt: skip
    actors = [
        Actor(
            role=Role.MINER, kind=Kind.PROCESS, subject=each.subject, name=each.name, detail="", pid=each.pid,
            container=in_container(facts, each, each.exe_path),
        )
        for each in members
    ]  # fmt: skip
    actors += [
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in entries
    ]
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=tuple(actors)
    )
    return plan(Host(MemoryRoot({}), RecordedKernel(RecordedProcfs({}))), facts, [incident])


def policies(of: Plan) -> list[SetRestartPolicy]:
    return [step for step in of.steps if isinstance(step, SetRestartPolicy)]


def test_a_container_somebody_broke_into_keeps_its_policy(api: str) -> None:
    made = planned(container(restart_policy="always", api=api), MINER)
    assert policies(made) == []
    (note,) = made.notes
    assert note.endswith("its restart policy always stays, since what it is for was not the miner")


def test_a_container_whose_first_process_mines_is_not_started_again(api: str) -> None:
    made = planned(container(restart_policy="unless-stopped", api=api), FIRST)
    (step,) = policies(made)
    assert (step.runtime, step.container, step.seen, step.socket) == ("docker", ID, "unless-stopped", os.fsencode(api))
    kinds = [type(one).__name__ for one in made.steps]
    assert kinds.index("SetRestartPolicy") < kinds.index("Kill")
    assert "nobody needs it: docker rm -f gifted_wing" in made.notes[0]


def test_a_miner_s_image_is_not_started_again_whoever_mines_in_it(api: str) -> None:
    assert policies(planned(container(image="a/xmrig", restart_policy="on-failure", api=api), MINER))


@pytest.mark.parametrize("policy", [None, "", "no"])
def test_a_container_without_a_policy_has_none_set(api: str, policy: str | None) -> None:
    assert policies(planned(container(image="a/xmrig", restart_policy=policy, api=api), MINER)) == []


@pytest.mark.parametrize("place", [None, "/nonexistent/docker.sock", "/etc/passwd"])
def test_where_no_runtime_listens_a_person_is_told(place: str | None) -> None:
    made = planned(container(image="a/xmrig", restart_policy="always", api=place), MINER)
    assert policies(made) == []
    assert [one.what for one in made.left if "restart policy" in one.what] == [
        "the restart policy always of container gifted_wing"
    ]
    assert "docker update --restart=no gifted_wing" in made.left[0].why


def test_a_socket_that_is_not_root_s_is_not_spoken_to(api: str) -> None:
    os.chown(api, 1000, 1000)
    assert policies(planned(container(image="a/xmrig", restart_policy="always", api=api), MINER)) == []


def test_an_entry_of_a_running_docker_goes_by_its_socket(api: str) -> None:
    folder = f"/var/lib/docker/containers/{ID}"
    entry = Autostart(
        kind=AutostartKind.CONTAINER, path=f"{folder}/hostconfig.json", line=1, text="{}", command="xmrig",
    )  # fmt: skip
    box = container(restart_policy="always", api=api, state_file=f"{folder}/config.v2.json")
    assert [step.container for step in policies(planned(box, entries=(entry,)))] == [ID]


def test_what_compose_makes_anew_is_told_with_the_port_first() -> None:
    box = container(
        project="shop", compose_files=("/srv/my shop/docker-compose.yml",),
        published=(PublishedPort(address="0.0.0.0", port=9000, container_port=9000),),
    )  # fmt: skip
    (note,) = planned(box, MINER).notes
    assert "first unpublish its port, then docker compose -f '/srv/my shop/docker-compose.yml' -p shop down -v" in note


def test_what_kubernetes_makes_anew_is_told() -> None:
    (note,) = planned(container(runtime="containerd", pod="shop/web-0"), MINER).notes
    assert "Kubernetes makes it anew" in note
    assert "shop/web-0" in note


def test_a_program_that_may_be_part_of_the_image_is_left_and_said() -> None:
    honest = msgspec.structs.replace(MINER, exe=msgspec.structs.replace(MINER.exe, path="/app/worker"))
    facts = snapshot(FIRST, honest, container(), detail(honest, program=executable("/app/worker")))
    actor = Actor(
        role=Role.MINER, kind=Kind.PROCESS, subject=honest.subject, name="worker", detail="", pid=101,
        container=in_container(facts, honest, "/app/worker"),
    )  # fmt: skip
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=(actor,)
    )
    made = plan(Host(MemoryRoot({}), RecordedKernel(RecordedProcfs({}))), facts, [incident])
    assert not [step for step in made.steps if isinstance(step, Quarantine)]
    assert [one.what for one in made.left] == ["/app/worker in container gifted_wing"]


def test_a_file_of_the_host_at_the_same_path_is_not_touched() -> None:
    """The program that the plan moves is the one in the container, and nothing else."""
    facts = snapshot(FIRST, MINER, container(), detail(MINER, program=executable("/tmp/kdevtmpfsi")))
    actor = Actor(
        role=Role.MINER, kind=Kind.PROCESS, subject=MINER.subject, name="m", detail="", pid=101,
        container=in_container(facts, MINER, "/tmp/kdevtmpfsi"),
    )  # fmt: skip
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=(actor,)
    )
    root = MemoryRoot({"/tmp/kdevtmpfsi": "a file of the host's"})
    made = plan(Host(root, RecordedKernel(RecordedProcfs({}))), facts, [incident])
    assert not [step for step in made.steps if isinstance(step, Quarantine)]
