"""Logs that one service writes and that would tell of many say nothing of those that are not there."""

from __future__ import annotations

from tests.unit.correlate.stories import ENTRY, HOUR, host, incident_at, known, line, read
from tests.unit.snapshots import process

from davy.correlate.uncovered import uncovered
from davy.model.logs import Shows, Span
from davy.model.services import Service

ACCESS = "/var/log/nginx/access.log"
NGINX = process(100, "/usr/sbin/nginx", user="root", age=2 * 86_400)
KINSING = process(200, "/var/tmp/kinsing", user="www-data")
MINER = process(201, "/tmp/kdevtmpfsi", user="www-data", ppid=200, cores=1.0)
HERE = known("nginx", NGINX, logs=(ACCESS,))
PAGES = Service(kind="phpunit", running=False, logs=(ACCESS,))
READ = read("nginx", ACCESS, ENTRY - 60.0, ENTRY + 60.0)


def test_pages_of_which_only_a_web_server_s_log_would_tell_are_neither_ruled_out_nor_missed_in_it() -> None:
    of = host(NGINX, KINSING, MINER, services=[HERE, PAGES], reads=[READ])
    found = incident_at(of)
    assert "PHPUnit in a web root" not in {one.service for one in found.ruled_out}
    assert not any("PHPUnit" in one.what for one in found.timeline)
    assert {one.kind for one in uncovered(of, [Span(ENTRY - HOUR, ENTRY)])} == {"nginx"}


def test_a_web_server_s_line_that_tells_of_them_names_them() -> None:
    text = (
        '192.0.2.7 - - [17/Oct/2020:03:17:44 +0000] "POST /vendor/phpunit/src/Util/PHP/eval-stdin.php HTTP/1.1" 200 3'
    )
    came = line("phpunit", "code-taken", Shows.SUCCESS, text=text, path=ACCESS, address="192.0.2.7")
    found = incident_at(host(NGINX, KINSING, MINER, services=[HERE, PAGES], reads=[READ], hits=[came]))
    assert found.door is not None
    assert found.door.kind == "phpunit"
    assert text in found.door.evidence


def test_what_left_a_log_of_its_own_is_told_of() -> None:
    gone = Service(kind="redis", running=False, logs=("/var/log/redis/redis-server.log",))
    found = incident_at(host(NGINX, KINSING, MINER, services=[HERE, gone], reads=[READ]))
    assert "Redis" in {one.service for one in found.ruled_out}
