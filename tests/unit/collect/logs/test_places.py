"""Which log of which service a file is."""

from __future__ import annotations

import pytest

from davy.collect.logs.places import watched
from davy.knowledge.services import LogFormat
from davy.model.services import Service, Setting, SettingSource


def of(kind: str, path: str, **settings: str) -> list[tuple[LogFormat, set[tuple[str, str]]]]:
    made = tuple(
        Setting(name=name.replace("_", "-"), value=value, source=SettingSource.FILE) for name, value in settings.items()
    )
    return [
        (one.form, set(one.uses))
        for one in watched([Service(kind=kind, running=True, logs=(path,), settings=made)])
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/opt/flink/log/flink-root-standalonesession-0-box.log",
        "/home/anna/flink-1.17/log/flink-anna-standalonesession-0-box.log",
        "/var/lib/docker/overlay2/0f/merged/opt/flink/log/flink-flink-standalonesession-0-x.log",
    ],
)
def test_a_usual_place_tells_which_log_it_is(path: str) -> None:
    assert of("flink", path) == [(LogFormat.LOG4J, {("flink", "session")})]


def test_two_logs_of_a_service_are_told_apart() -> None:
    assert of("apache-http", "/var/log/apache2/other_vhosts_access.log") == [
        (LogFormat.ACCESS, {("apache-http", "access")})
    ]  # fmt: skip
    assert of("apache-http", "/var/log/apache2/error.log") == [(LogFormat.APACHE_ERROR, {("apache-http", "error")})]


@pytest.mark.parametrize("value", ["/srv/logs/who.log", "/srv/logs"])
def test_a_setting_tells_which_log_it_is(value: str) -> None:
    assert of("apache-http", "/srv/logs/who.log", error_log=value) == [
        (LogFormat.APACHE_ERROR, {("apache-http", "error")})
    ]  # fmt: skip


def test_a_file_of_several_services_is_read_once() -> None:
    services = [Service(kind=kind, running=False, logs=("/var/log/messages",)) for kind in ("ssh", "kernel")]
    (one,) = watched(services)
    assert one.form is LogFormat.SYSLOG
    assert {kind for kind, _ in one.uses} == {"ssh", "kernel"}


def test_a_file_of_the_journal_is_known_by_its_name() -> None:
    assert of("ssh", "/var/log/journal/0a/system.journal")[0][0] is LogFormat.JOURNAL


def test_a_service_that_nobody_knows_has_no_logs() -> None:
    assert of("no-such-service", "/var/log/messages") == []
