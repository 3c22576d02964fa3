"""Real NATS, Mosquitto, MariaDB and RabbitMQ, open and closed: what of them stands open, and that the rest is not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.live.eviction.support import Davy, within

from .support import Network, program, stands_open

pytestmark = pytest.mark.live

PORT = 14222


def bad(found: dict[str, dict[str, object]]) -> set[str]:
    """What of it is more than a low exposure."""
    return {name for name, one in found.items() if one["severity"] != "low"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"port: {PORT}", {"messages-by-anybody"}),
        (f'listen: "0.0.0.0:{PORT}"', {"messages-by-anybody"}),
        (f"listen: 127.0.0.1:{PORT}", set()),
        (f'port: {PORT}\nauthorization {{\n  token: "0b9c6f1e7a5d"\n}}', set()),
        (f"port: {PORT}\nauthorization {{ users: [ {{user: app, password: 0b9c6f1e7a5d}} ] }}", set()),
        (f"port: {PORT}\naccounts {{ A {{ users: [ {{user: app, password: 0b9c6f1e7a5d}} ] }} }}", set()),
    ],
)
def test_nats(network: Network, folder: Path, davy: Davy, lines: str, expected: set[str]) -> None:
    config = folder / "nats.conf"
    config.write_text(lines + "\n")
    pid = network.start(program("nats-server", "nats-server"), "-c", str(config), log=folder / "log")
    assert within(20, lambda: network.listens(PORT)), (folder / "log").read_text()
    assert bad(stands_open(davy, "nats", pid)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"listener {PORT}\nallow_anonymous true", {"messages-by-anybody"}),
        (f"listener {PORT} 10.0.0.1\nallow_anonymous true", set()),
        (f"listener {PORT} 127.0.0.1\nallow_anonymous true", set()),
        (f"listener {PORT}", set()),
    ],
    ids=["open", "private: low", "loopback", "closed by default"],
)
def test_mosquitto(network: Network, folder: Path, davy: Davy, lines: str, expected: set[str]) -> None:
    config = folder / "mosquitto.conf"
    config.write_text(f"{lines}\nlog_dest file {folder}/mosquitto.log\nuser root\n")
    pid = network.start(program("mosquitto", "mosquitto"), "-c", str(config))
    assert within(20, lambda: network.listens(PORT))
    assert bad(stands_open(davy, "mosquitto", pid)) == expected


@pytest.fixture
def database(folder: Path) -> Path:
    """An empty MariaDB of the test's own; its folder."""
    made = folder / "data"
    shutil.chown(folder, "mysql", "mysql")
    install = program("mariadb-install-db", "mariadb-server")
    done = subprocess.run(
        [install, "--no-defaults", "--user=mysql", f"--datadir={made}", "--skip-test-db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return made


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("bind-address = 0.0.0.0\nskip-grant-tables", {"no-password"}),
        ("bind-address = 0.0.0.0", {"passwords-tried-by-anybody"}),
        ("bind-address = 127.0.0.1\nskip-grant-tables", set()),
        ("bind-address = 10.0.0.1", set()),
    ],
)
def test_mariadb(network: Network, database: Path, davy: Davy, lines: str, expected: set[str]) -> None:
    config, log = database.parent / "my.cnf", database.parent / "error.log"
    config.write_text(
        f"[mysqld]\nport = {PORT}\ndatadir = {database}\nsocket = {database}/s\nlog_error = {log}\n"
        f"pid_file = {database}/pid\ninnodb_flush_log_at_trx_commit = 0\n{lines}\n"
    )
    pid = network.start(program("mariadbd", "mariadb-server"), f"--defaults-file={config}", user="mysql")
    assert within(60, lambda: network.listens(PORT)), log.read_text()
    assert bad(stands_open(davy, "mariadb", pid)) == expected


def test_mariadb_s_log_tells_of_passwords_that_were_tried(network: Network, database: Path, davy: Davy) -> None:
    config, log = database.parent / "my.cnf", database.parent / "error.log"
    config.write_text(
        f"[mysqld]\nport = {PORT}\ndatadir = {database}\nsocket = {database}/s\nlog_error = {log}\n"
        f"pid_file = {database}/pid\nbind-address = 0.0.0.0\nskip-name-resolve\n"
    )
    pid = network.start(program("mariadbd", "mariadb-server"), f"--defaults-file={config}", user="mysql")
    assert within(60, lambda: network.listens(PORT)), log.read_text()
    client = program("mariadb", "mariadb-client")
    statement = "CREATE USER root@'%' IDENTIFIED BY 'of the test'"
    network.run(client, "--no-defaults", f"--socket={database}/s", "-e", statement)
    for _ in range(6):
        words = ("--no-defaults", "-h198.51.100.1", f"-P{PORT}", "-uroot", "-pwrong", "-e", "SELECT 1")
        assert "Access denied" in network.run(client, *words, check=False).stderr
    hits = stands_open(davy, "mariadb", pid, "--logs")["passwords-tried-by-anybody"]["used"]
    tried = [hit for hit in hits if hit["sign"] == "passwords-tried"]
    assert sum(hit["count"] for hit in tried) == 6
    assert {(hit["shows"], hit["address"], hit["user"]) for hit in tried} == {("attempt", "198.51.100.1", "root")}
