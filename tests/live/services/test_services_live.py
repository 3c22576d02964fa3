"""Real services: those of this machine, and a Redis of the test's own in a network namespace of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.eviction.support import missing, tool, within

from davy.collect.accounts import accounts
from davy.collect.facts import every
from davy.collect.processes import processes, sweep
from davy.collect.services import services
from davy.collect.sockets import sockets
from davy.detect.exposures import exposures
from davy.host import Host, live
from davy.knowledge.services import known_services
from davy.model.exposures import Exposure
from davy.model.facts import Account, Gap, Process, Socket
from davy.model.facts import Host as HostFacts
from davy.model.services import ReachedFrom, Service
from davy.model.snapshot import Snapshot

pytestmark = pytest.mark.live

PORT = 17411
OURS = {
    "redis": ("redis-server", 6379), "postgresql": ("postgres", 5432), "nats": ("nats-server", 4222),
    "rabbitmq": ("beam.smp", 5672), "mosquitto": ("mosquitto", 1883), "mariadb": ("mariadbd", 3306),
}  # fmt: skip
"""What of this machine may run, each with a program's or a process's name and its port."""


def looked(host: Host) -> tuple[list[Service], list[Gap]]:
    kernel = host.kernel
    assert kernel is not None
    users = {one.uid: one.name for one in every(list(accounts(host)), Account)}
    now = sweep(kernel)
    facts = list(services(host, every(list(processes(kernel, now, now, users)), Process),
                          every(list(sockets(host)), Socket)))  # fmt: skip
    return list(every(facts, Service)), list(every(facts, Gap))


def open_doors(found: list[Service]) -> tuple[Exposure, ...]:
    return exposures(Snapshot(host=HostFacts(name=None), taken=0.0, live=True, services=tuple(found)))


class Redis:
    """One server in a network namespace of its own, with a configuration of the test's."""

    def __init__(self, folder: Path, config: str) -> None:
        (folder / "redis.conf").write_text(f'port {PORT}\nsave ""\n{config}')
        program = tool("redis-server", "redis-server")
        self._process = subprocess.Popen(
            [tool("unshare", "util-linux"), "--net", program, str(folder / "redis.conf"), "--daemonize", "no"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        self.pid = self._process.pid

    def listens(self) -> bool:
        return f":{PORT:04X} " in Path(f"/proc/{self.pid}/net/tcp").read_text()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="davy-services-", dir="/srv"))
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize(
    ("config", "opening"),
    [
        ("bind 0.0.0.0\nprotected-mode no\n", "no-password"),
        ("bind 0.0.0.0\nprotected-mode no\nset-proc-title no\n", "no-password"),
        ("bind 0.0.0.0\nprotected-mode no\nrequirepass of-the-test\n", None),
        ("bind 0.0.0.0\nprotected-mode yes\n", None),
        ("bind 127.0.0.1\nprotected-mode no\n", None),
    ],
)
def test_a_redis_is_open_or_closed_as_it_is_configured(folder: Path, config: str, opening: str | None) -> None:
    redis = Redis(folder, config)
    try:
        assert within(10, redis.listens)
        found, _ = looked(live())
        (own,) = [one for one in found if one.pid == redis.pid]
        exposed = [one for one in open_doors(found) if one.subject == own.subject]
    finally:
        redis.end()
    assert own.kind == "redis"
    assert own.files == (str(folder / "redis.conf"),)
    assert {one.port for one in own.listening} == {PORT}
    assert own.reached_from is (ReachedFrom.LOOPBACK if "127.0.0.1" in config else ReachedFrom.ANY)
    assert [one.opening for one in exposed] == ([opening] if opening else [])
    for one in exposed:
        assert one.address == f"0.0.0.0:{PORT}"
        assert f"protected-mode no: {folder}/redis.conf line 4" in one.evidence
        assert one.change is not None
        assert (one.change.path, one.change.line, one.change.before) == (str(folder / "redis.conf"), 3, "bind 0.0.0.0")


def test_the_password_of_a_service_is_in_no_fact(folder: Path) -> None:
    redis = Redis(folder, "bind 0.0.0.0\nrequirepass sesame-of-the-test\n")
    try:
        assert within(10, redis.listens)
        found, gaps = looked(live())
    finally:
        redis.end()
    assert any(one.pid == redis.pid and one.values("requirepass") == ("(set)",) for one in found)
    assert "sesame-of-the-test" not in repr((found, gaps, open_doors(found)))


@pytest.mark.parametrize("kind", OURS)
def test_a_service_of_this_machine_is_found_where_it_listens(kind: str) -> None:
    name, port = OURS[kind]
    if kind not in known_services():
        missing(f"nothing is known of {kind} yet")
    found, _ = looked(live())
    held = subprocess.run(
        [tool("ss", "iproute2"), "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True
    ).stdout
    addresses = {line.split()[3].strip() for line in held.splitlines() if f'"{name}"' in line}
    if not addresses:
        missing(f"no {name} listens on port {port} here")
    pids = set(map(int, re.findall(r"pid=(\d+)", held)))
    (service,) = [one for one in found if one.kind == kind and pids & set(one.pids)]
    assert addresses <= {one.spoken for one in service.listening}
    assert service.reached_from is ReachedFrom.LOOPBACK
    assert not [one for one in open_doors(found) if one.subject == service.subject and one.severity != "low"]
