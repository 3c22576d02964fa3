"""A real PostgreSQL, open and closed, and what its log tells of those who came in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.live.eviction.support import Davy, actors, missing, pids_of, running, told, within

from .support import Network, program, stands_open

pytestmark = pytest.mark.live

PORT = 15432
BINARIES = tuple(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
STRANGER = ("-h", "198.51.100.1", "-p", str(PORT), "-U", "postgres")


@pytest.fixture
def cluster(folder: Path) -> Path:
    """An empty cluster of the test's own; its folder."""
    made = folder / "data"
    made.mkdir()
    shutil.chown(made, "postgres", "postgres")
    initdb = program("initdb", "postgresql", *BINARIES)
    words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", initdb]
    done = subprocess.run(
        [*words, "-D", str(made), "--auth-local=peer", "--auth-host=scram-sha-256", "--no-sync"],
        capture_output=True, text=True, cwd="/", check=False,
    )  # fmt: skip
    return made if done.returncode == 0 else missing(f"initdb: {done.stderr}")


def start(network: Network, cluster: Path, listen: str, rules: str, more: str = "") -> int:
    with (cluster / "postgresql.conf").open("a") as config:
        config.write(
            f"listen_addresses = '{listen}'\nport = {PORT}\nunix_socket_directories = ''\nfsync = off\n"
            f"logging_collector = on\nlog_directory = 'log'\nlog_filename = 'postgresql.log'\n{more}\n"
        )
    (cluster / "pg_hba.conf").write_text(f"local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n{rules}\n")
    server = program("postgres", "postgresql", *BINARIES)
    pid = network.start(server, "-D", str(cluster), user="postgres")
    log = cluster / "log" / "postgresql.log"
    assert within(30, lambda: log.is_file() and "ready to accept connections" in log.read_text())
    return pid


def asked(network: Network, statement: str, password: str = "", check: bool = True) -> str:
    psql, environment = program("psql", "postgresql-client"), {"PGPASSWORD": password}
    done = network.run(psql, *STRANGER, "-w", "-At", "-c", statement, check=check, environment=environment)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("host all all 0.0.0.0/0 trust", "no-password"),
        ("host all all all trust", "no-password"),
        ("hostnossl all postgres 198.51.100.0 255.255.255.0 trust", "no-password"),
        ("host all all 0.0.0.0/0 password", "cleartext-passwords"),
        ("host all all 0.0.0.0/0 scram-sha-256", "passwords-tried-by-anybody"),
    ],
)
def test_what_its_rules_let_in_stands_open(
    network: Network, cluster: Path, davy: Davy, rules: str, expected: str
) -> None:
    pid = start(network, cluster, "*", rules)
    found = stands_open(davy, "postgresql", pid)
    assert set(found) == {expected}
    if expected == "no-password":
        assert found[expected]["severity"] == "critical"
        assert any(line.startswith(f"{cluster}/") for line in found[expected]["fix"])
        assert any(f"{cluster}/pg_hba.conf line 3" in words for words in found[expected]["evidence"])


@pytest.mark.parametrize(
    ("listen", "rules"),
    [
        ("127.0.0.1", "host all all 0.0.0.0/0 trust"),
        ("*", "host all all 127.0.0.1/32 trust\nhost all all ::1/128 trust"),
        ("*", "host shop shop 10.0.0.0/8 scram-sha-256"),
        ("*", "host all all 0.0.0.0/0 reject"),
        ("*", "host all all 0.0.0.0/0 reject\nhost all all 0.0.0.0/0 trust"),
    ],
)
def test_closed_it_is_no_exposure(network: Network, cluster: Path, davy: Davy, listen: str, rules: str) -> None:
    pid = start(network, cluster, listen, rules)
    found = stands_open(davy, "postgresql", pid)
    assert not {name for name, one in found.items() if one["severity"] != "low"}, found
    if listen == "*":
        assert "FATAL" in asked(network, "SELECT 1", check=False), "it lets nobody in"


def test_a_program_run_through_copy_is_told_by_its_log(network: Network, cluster: Path, davy: Davy) -> None:
    pid = start(network, cluster, "*", "host all all 0.0.0.0/0 trust")
    asked(network, "CREATE TABLE cmd(line text)")
    asked(network, "COPY cmd TO PROGRAM 'true'")
    assert stands_open(davy, "postgresql", pid, "--logs")["no-password"]["used"] == [], "nothing of it is logged"
    asked(network, "COPY cmd FROM PROGRAM 'echo of the test; false'", check=False)
    used = {hit["sign"]: hit for hit in stands_open(davy, "postgresql", pid, "--logs")["no-password"]["used"]}
    assert set(used) == {"program-failed", "program-statement"}
    assert {hit["shows"] for hit in used.values()} == {"success"}
    assert used["program-failed"]["detail"] == "echo of the test; false"
    assert used["program-statement"]["detail"] == "COPY cmd FROM PROGRAM 'echo of the test; false'"


def test_a_program_run_through_copy_is_told_where_statements_are_logged(
    network: Network, cluster: Path, davy: Davy
) -> None:
    pid = start(network, cluster, "*", "host all all 0.0.0.0/0 trust", "log_statement = 'all'")
    asked(network, "COPY (SELECT 1) TO PROGRAM 'true'")
    asked(network, "SELECT 'LOG:  statement: COPY a TO PROGRAM b'")
    (hit,) = stands_open(davy, "postgresql", pid, "--logs")["no-password"]["used"]
    assert (hit["sign"], hit["shows"], hit["count"]) == ("program-logged", "success", 1)
    assert hit["detail"].startswith("COPY (SELECT 1) TO PROGRAM 'true'")


def test_passwords_tried_and_one_accepted_are_told_by_its_log(network: Network, cluster: Path, davy: Davy) -> None:
    pid = start(
        network, cluster, "*", "host all all 10.0.0.0/8 trust\nhost all all 0.0.0.0/0 scram-sha-256",
        "log_connections = on\nlog_line_prefix = '%m [%p] client=%h '",
    )  # fmt: skip
    psql = program("psql", "postgresql-client")
    network.run(psql, "-h", "10.0.0.1", *STRANGER[2:], "-c", "ALTER ROLE postgres PASSWORD 'of the test'")
    for number in range(6):
        assert "password authentication failed" in asked(network, "SELECT 1", f"wrong {number}", check=False)
    assert asked(network, "SELECT 1", "of the test") == "1\n"
    found = stands_open(davy, "postgresql", pid, "--logs")
    used = {hit["sign"]: hit for hit in found["no-password"]["used"] if hit["shows"] == "success"}
    assert used["came-in-after-tries"]["address"] == "198.51.100.1"
    tried = [hit for hit in found["no-password"]["used"] if hit["sign"] == "passwords-tried"]
    assert sum(hit["count"] for hit in tried) == 6


@pytest.mark.usefixtures("no_drill_left")
def test_it_is_named_as_the_door_of_a_miner_that_was_started_through_copy(
    network: Network, cluster: Path, davy: Davy
) -> None:
    """The miner is a copy of the shell that counts to nothing, for a minute of CPU time at most."""
    start(network, cluster, "*", "host all all 0.0.0.0/0 trust")
    asked(network, "CREATE TABLE cmd(line text)")
    burner = '/tmp/kdevtmpfsi -c "while :; do :; done" >/dev/null 2>&1 &'
    dropped = f"cp {os.path.realpath('/bin/sh')} /tmp/kdevtmpfsi; ulimit -t 60; {burner} echo started; false"
    asked(network, f"COPY cmd FROM PROGRAM '{dropped}'", check=False)
    assert within(10, lambda: running("/tmp/kdevtmpfsi"))
    scanned = davy.scan()
    assert pids_of(actors(scanned, "miner")) == set(running("/tmp/kdevtmpfsi")), told(scanned)
    (incident,) = scanned.json["incidents"]
    door = incident["door"]
    assert door is not None, json.dumps(incident["other_doors"], indent=1)
    assert door["kind"] == "postgresql", json.dumps(door, indent=1)
    lines = (cluster / "log" / "postgresql.log").read_text().splitlines()
    (line,) = [each for each in lines if "ERROR:  program " in each]
    assert any(line in evidence for evidence in door["evidence"]), door["evidence"]
    assert any("scram-sha-256 in place of trust" in words for words in door["fix"])
