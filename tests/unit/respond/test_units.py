"""Which manager reads a unit again, which marks and settings wait for others, and links that enable files."""

from __future__ import annotations

import os

import msgspec
import pytest
from tests.unit.snapshots import executable, process, snapshot

from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.facts import Account
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Plan, Quarantine, ReloadManager, RemoveLines, RemoveLink
from davy.respond import described, plan, units

ADA = Account("ada", 1000, 1000, "/home/ada", "/bin/bash")
UNIT = "/home/ada/.config/systemd/user/x.service"
WANTS = "/home/ada/.config/systemd/user/default.target.wants/x.service"
LINGER = "/var/lib/systemd/linger/ada"


@pytest.fixture(autouse=True)
def _as_root_with_every_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(units, "_is_socket", lambda _: True)
    monkeypatch.setattr(units, "_running_users", lambda: [0, 1000])


def service(path: str, unit: str = "x.service", **more: object) -> Autostart:
    return Autostart(kind=AutostartKind.SERVICE, path=path, unit=unit, command="/var/tmp/x", **more)  # type: ignore[arg-type]


def planned(root: dict[str, str | Entry], guilty: list[Autostart], *facts: object) -> Plan:
    actors = tuple(
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in guilty
    )
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=actors
    )
    seen = msgspec.structs.replace(snapshot(*guilty, *facts), accounts=(ADA,))  # type: ignore[arg-type]
    return plan(Host(MemoryRoot(root)), seen, [incident])


def reloads(made: Plan) -> dict[bytes, tuple[str, ...]]:
    return {step.socket: step.stop for step in made.steps if isinstance(step, ReloadManager)}


@pytest.mark.parametrize(
    ("path", "sockets"),
    [
        ("/etc/systemd/system/x.service", {b"/run/systemd/private"}),
        ("/run/systemd/transient/x.service", {b"/run/systemd/private"}),
        (UNIT, {b"/run/user/1000/systemd/private"}),
        ("/run/user/1000/systemd/transient/x.service", {b"/run/user/1000/systemd/private"}),
        ("/etc/systemd/user/x.service", {b"/run/user/0/systemd/private", b"/run/user/1000/systemd/private"}),
    ],
)
def test_the_managers_that_read_a_unit_read_their_units_again(path: str, sockets: set[bytes]) -> None:
    made = planned({path: "[Service]\n"}, [service(path)])
    assert set(reloads(made)) == sockets
    said = {described(step) for step in made.steps if isinstance(step, ReloadManager)}
    assert ("have systemd read its units again" in said) is (b"/run/systemd/private" in sockets)
    assert ("have the systemd of user 1000 read its units again" in said) is (
        b"/run/user/1000/systemd/private" in sockets
    )


def test_a_timer_is_stopped_by_its_manager_and_a_service_is_left_to_its_processes() -> None:
    files = {"/etc/systemd/system/x.service": "a", "/etc/systemd/system/x.timer": "b"}
    timer = Autostart(kind=AutostartKind.TIMER, path="/etc/systemd/system/x.timer", unit="x.timer", command="x")
    made = planned(files, [service("/etc/systemd/system/x.service"), timer])
    assert reloads(made) == {b"/run/systemd/private": ("x.timer",)}


def test_links_go_before_the_file_that_they_enable() -> None:
    root = {UNIT: "a", WANTS: Entry(target="../x.service")}
    made = planned(root, [service(UNIT, links=(WANTS,))])
    assert [type(step) for step in made.steps] == [RemoveLink, Quarantine, ReloadManager]


def test_a_file_that_is_a_link_goes_with_what_it_leads_to_unless_that_is_a_package_s() -> None:
    hook = Autostart(kind=AutostartKind.GENERATOR, path="/etc/systemd/system-generators/x", command="x")
    made = planned({hook.path: Entry(target="/var/tmp/x")}, [hook])
    assert [type(step) for step in made.steps] == [RemoveLink, ReloadManager]


def test_a_mark_to_linger_stays_while_another_of_the_users_units_does() -> None:
    linger = Autostart(kind=AutostartKind.LINGER, path=LINGER, command="the units of ada")
    other = service("/home/ada/.config/systemd/user/honest.service", "honest.service")
    root: dict[str, str | Entry] = {UNIT: "a", LINGER: "", other.path: "b"}
    made = planned(root, [service(UNIT), linger], other)
    assert [step.file.path for step in made.steps if isinstance(step, Quarantine)] == [os.fsencode(UNIT)]
    assert "honest.service of ada" in made.left[0].why
    made = planned(root, [service(UNIT), linger])
    assert os.fsencode(LINGER) in [step.file.path for step in made.steps if isinstance(step, Quarantine)]
    assert made.left == ()


def test_a_container_s_settings_are_left_to_the_runtime_that_runs() -> None:
    path = "/var/lib/docker/containers/1a1a1a1a1a1a1a1a/hostconfig.json"
    text = '{"RestartPolicy":{"Name":"always"}}'
    entry = Autostart(
        kind=AutostartKind.CONTAINER, path=path, line=1, text=text, remains=text.replace("always", "no"), command="x"
    )
    (step,) = planned({path: text}, [entry]).steps
    assert isinstance(step, RemoveLines)
    assert step.remains == (b'{"RestartPolicy":{"Name":"no"}}',)
    made = planned({path: text}, [entry], process(100, "/usr/bin/dockerd"))
    assert made.steps == ()
    assert "docker update --restart=no 1a1a1a1a1a1a" in made.left[0].why


@pytest.mark.parametrize(
    ("path", "within", "user", "told"),
    [
        ("/var/lib/containers/storage/db.sql", "m", "root", "database: podman update --restart=no m; podman stop m;"),
        (
            "/home/ada/.local/share/containers/storage/libpod/bolt_state.db", "m (2)", "ada",
            "as ada: podman update --restart=no 'm (2)'; podman stop 'm (2)'; or podman rm -f 'm (2)'",
        ),
        (
            "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db", "default/m", "root",
            "nerdctl --namespace default update --restart=no m; nerdctl --namespace default stop m;",
        ),
        (
            "/var/lib/rancher/k3s/agent/containerd/io.containerd.metadata.v1.bolt/meta.db", "default/m", "root",
            "nerdctl --address /run/k3s/containerd/containerd.sock --namespace default rm -f m",
        ),
    ],
)  # fmt: skip
def test_a_container_in_an_engine_s_database_is_left_and_the_database_stays(
    path: str, within: str, user: str, told: str
) -> None:
    entry = Autostart(kind=AutostartKind.CONTAINER, path=path, within=within, user=user, command="xmrig")
    other = msgspec.structs.replace(entry, within=f"{within}x")
    made = planned({path: "the database"}, [entry, other])
    assert made.steps == ()
    assert [left.what for left in made.left] == [f"container {within} of {path}", f"container {within}x of {path}"]
    assert told in made.left[0].why


def test_what_such_a_container_runs_of_the_host_goes() -> None:
    path = "/var/lib/containers/storage/db.sql"
    entry = Autostart(kind=AutostartKind.CONTAINER, path=path, within="m", command="/tmp/x", programs=("/tmp/x",))
    reached = Followed(autostart=entry.subject, step=Step.COMMAND, path="/tmp/x", executable=executable("/tmp/x"))
    made = planned({path: "the database", "/tmp/x": "x"}, [entry], reached)
    assert [step.file.path for step in made.steps if isinstance(step, Quarantine)] == [b"/tmp/x"]
    assert [left.what for left in made.left] == [f"container m of {path}"]
