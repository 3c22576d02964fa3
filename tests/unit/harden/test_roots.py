"""What a tree of files says: of a service that is gone its logs, of one that is composed its file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from davy.harden.look import look
from davy.host import at
from davy.model.exposures import Severity
from davy.model.hardening import Hardening
from davy.model.logs import Shows
from davy.present.hardening import uses_in_words

RESET = (
    "{} WARN  org.apache.flink.runtime.dispatcher.DispatcherRestEndpoint   [] - Unhandled exception\n"
    "java.io.IOException: Connection reset by peer\n"
    "\tat sun.nio.ch.FileDispatcherImpl.read0(Native Method) ~[?:?]\n"
)
FLINK = (
    RESET.format("2020-10-17 00:09:40,372")
    + "2020-10-17 03:17:44,446 WARN  org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Configuring the "
    "job submission via query parameters is deprecated. Please migrate to submitting a JSON request instead.\n"
    "2020-10-17 03:17:44,464 INFO  org.apache.flink.client.ClientUtils                          [] - Starting program "
    "(detached: true)\n"
    "2020-10-17 03:17:44,486 ERROR org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Exception "
    "occurred in REST handler: No jobs included in application.\n" + RESET.format("2020-10-17 06:26:13,712")
)
COMPOSE = """services:
  cache:
    image: redis:7
    ports:
      - "6379:6379"
"""


def seen(root: Path, files: dict[str, str]) -> Hardening:
    for path, content in {"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/localtime": "", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return look(at(str(root)))[1]


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_flink_of_which_only_its_log_is_left_is_named_with_its_submissions_and_the_fix(tmp_path: Path) -> None:
    found = seen(tmp_path, {"opt/flink/log/flink-ada-standalonesession-0-host.log": FLINK})
    (exposure,) = found.exposures
    (door,) = [one for one in found.doors if one.exposures]
    assert (door.name, door.service.running) == ("Apache Flink", False)
    assert exposure.severity is Severity.CRITICAL
    assert found.score == 50
    came = [hit for hit in exposure.used if hit.shows is Shows.SUCCESS]
    assert [hit.sign for hit in came] == ["program-started", "program-ran"]
    assert came[1].time is not None
    assert came[0].time is not None
    assert round(came[1].time - came[0].time, 3) == 0.022
    assert any("rest.bind-address" in line for line in exposure.fix)
    assert any("web.submit.enable" in line for line in exposure.fix)
    said = list(uses_in_words(exposure.used))
    assert said[0].startswith("2020-10-17 03:17:44  the main method of the uploaded jar ran")
    assert any(line.startswith("told apart, 2 times: a connection was broken off") for line in said)


def test_a_flink_whose_log_tells_of_nobody_who_came_in_is_no_exposure(tmp_path: Path) -> None:
    found = seen(
        tmp_path, {"opt/flink/log/flink-ada-standalonesession-0-host.log": RESET.format("2020-10-17 00:09:40,372")}
    )
    assert found.exposures == ()
    assert [door.name for door in found.doors if door.service.kind == "flink"] == ["Apache Flink"]


def test_a_composed_redis_without_a_password_is_flagged_though_nothing_runs(tmp_path: Path) -> None:
    found = seen(tmp_path, {"srv/app/docker-compose.yml": COMPOSE})
    (exposure,) = found.exposures
    assert (exposure.kind, exposure.address) == ("redis", "0.0.0.0:6379")
    assert exposure.severity is Severity.CRITICAL
    assert any("publish" in line for line in exposure.fix)


@pytest.mark.parametrize(
    "closed",
    [
        COMPOSE.replace('"6379:6379"', '"127.0.0.1:6379:6379"'),
        COMPOSE + "    command: redis-server --requirepass something-long\n",
    ],
)
def test_a_composed_redis_that_is_closed_is_fine(tmp_path: Path, closed: str) -> None:
    found = seen(tmp_path, {"srv/app/docker-compose.yml": closed})
    assert found.exposures == ()
    assert "redis" in {door.service.kind for door in found.doors}


def test_an_empty_tree_is_fine_but_for_what_could_not_be_read(tmp_path: Path) -> None:
    found = seen(tmp_path, {})
    assert (found.exposures, found.doors, found.score) == ((), (), 100)


def test_what_only_a_unit_of_systemd_names_is_seen_by_its_unusual_file(tmp_path: Path) -> None:
    unit = "[Service]\nExecStart=/usr/bin/redis-server /data/shop/r.conf\n"
    settings = "bind 0.0.0.0\nprotected-mode no\nport 7777\n"
    found = seen(tmp_path, {"etc/systemd/system/shop-cache.service": unit, "data/shop/r.conf": settings})
    (exposure,) = found.exposures
    (door,) = [one for one in found.doors if one.exposures]
    assert (door.service.kind, door.service.unit, door.service.running) == ("redis", "shop-cache.service", False)
    assert exposure.address == "0.0.0.0:7777"
    assert any("/data/shop/r.conf line 2" in words for words in exposure.evidence)
