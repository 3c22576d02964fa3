"""`davy harden` for a person and for a machine: all of it said, and in the contract's shape."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from rich.console import Console

from davy.harden.judge import hardening
from davy.harden.used import with_uses
from davy.model.containers import Container, PublishedPort
from davy.model.exposures import Exposure, LineChange, Severity
from davy.model.facts import Gap, Host
from davy.model.hardening import Hardening, Look
from davy.model.logs import LogHit, Shows
from davy.model.plan import FileIdentity, Left, LineSet, Plan, SetLines
from davy.model.services import Firewall, Listening, ReachedFrom, Service, Setting, SettingSource
from davy.model.snapshot import Snapshot
from davy.present.encoding import as_json
from davy.present.hardening import applied_object, hardening_object, show_applied, show_hardening, show_plan_of_lines
from davy.respond.carry_out import Carried

SCHEMAS = Path(__file__).parents[3] / "docs/schema"
SCHEMA = json.loads((SCHEMAS / "harden.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
RESOLVER = Registry().with_resource("", Resource.from_contents(SCHEMA)).resolver("")
NASTY = "/etc/redis/\udcff\x1b[31m\u202e.conf"


def reached(address: str, port: int, reached_from: ReachedFrom, source: str = "a socket of its own") -> Listening:
    return Listening(address=address, port=port, reached_from=reached_from, source=source)


REDIS = Service(
    kind="redis", running=True, pid=42, pids=(42,), user="redis", unit="redis.service", container="abc",
    program="/usr/bin/redis-server", files=(NASTY,), logs=("/var/log/redis.log",),
    listening=(reached("0.0.0.0", 6379, ReachedFrom.ANY, "docker publishes port 6379 of the container cache"),),
)  # fmt: skip
FINE = Service(kind="postgresql", running=True, pid=43, listening=(reached("127.0.0.1", 5432, ReachedFrom.LOOPBACK),))
STOPPED = Service(kind="flink", running=False, logs=("/opt/flink/log/flink-a-standalonesession-0-h.log",))
EXPOSURE = Exposure(
    id="0123abcd", kind="redis", opening="no-password", subject=REDIS.subject, service="Redis", address="0.0.0.0:6379",
    reached_from=ReachedFrom.ANY, severity=Severity.CRITICAL, summary="Redis: anybody may write files",
    evidence=(f"protected-mode no: {NASTY} line 4",), fix=("bind 127.0.0.1", "restart it"),
    change=LineChange(path=NASTY, line=3, before="bind 0.0.0.0", after="bind 127.0.0.1", restart="restart it"),
    references=("https://redis.io",), cves=("CVE-2022-0543",), container="cache of the image redis:7, run by docker",
)  # fmt: skip
HITS = tuple(
    LogHit(kind="redis", sign=sign, shows=shows, path=path, time=time, text=text, count=count, last_time=time)
    for sign, shows, path, time, text, count in (
        ("saved-where-programs-start", Shows.SUCCESS, "/var/log/redis.log", 1_600_000_000.0, "\x1b[31mone", 1),
        ("spoken-to-as-a-web-server", Shows.ATTEMPT, "/var/log/redis.log", 1_600_000_100.0, "two", 7),
        ("unknown", Shows.NOISE, "/var/log/redis.log", None, "three", 30),
        ("told", Shows.STATE, "/var/log/redis.log", None, "four", 1),
        ("other", Shows.SUCCESS, "/var/log/other.log", None, "of another service", 1),
    )
)


def found(*, services: tuple[Service, ...] = (FINE, STOPPED, REDIS), former: Look | None = None) -> Hardening:
    container = Container(
        runtime="docker", id="abc", name="cache",
        published=(PublishedPort(address="0.0.0.0", port=6379, container_port=6379),),
    )  # fmt: skip
    snapshot = Snapshot(
        host=Host(name="h", kernel="6.1", boot_time=1.0, boot_id=None, cpus=2), taken=1_700_000_000.0, live=True,
        services=services, containers=(container,), firewalls=(Firewall(name="ufw", path="/etc/ufw/ufw.conf"),),
        gaps=(Gap("services", NASTY, "not permitted"),), log_hits=HITS,
    )  # fmt: skip
    exposures = with_uses((EXPOSURE,), services, HITS) if REDIS in services else ()
    return hardening(snapshot, exposures, former)


def shown(one: Hardening) -> str:
    out = io.StringIO()
    show_hardening(Console(file=out, width=200, soft_wrap=True, highlight=False, markup=False, emoji=False), one)
    return out.getvalue()


@pytest.mark.parametrize("former", [None, Look(taken=1_690_000_000.0, score=40)])
def test_the_object_is_what_the_schema_says(former: Look | None) -> None:
    said = json.loads(as_json(hardening_object(found(former=former))))
    assert list(VALIDATOR.iter_errors(said)) == []
    assert [one["kind"] for one in said["services"]] == ["redis", "postgresql", "flink"]
    assert said["services"][0]["published"] == ["0.0.0.0:6379"]
    assert [hit["shows"] for hit in said["exposures"][0]["used"]] == ["noise", "success", "attempt"]
    assert said["score"] == 49
    assert list(VALIDATOR.iter_errors(json.loads(as_json(hardening_object(found(services=())))))) == []


def test_every_key_of_the_object_is_in_the_schema() -> None:
    said = json.loads(as_json(hardening_object(found())))
    assert said.keys() == SCHEMA["properties"].keys()
    assert said["services"][0].keys() == SCHEMA["$defs"]["service"]["properties"].keys()
    assert said["exposures"][0].keys() == SCHEMA["$defs"]["exposure"]["properties"].keys()


def test_an_exposure_is_the_same_in_a_scan() -> None:
    assert SCHEMA["$defs"]["exposure"] == json.loads((SCHEMAS / "scan.json").read_text())["$defs"]["exposure"]


def test_all_of_an_open_door_is_said() -> None:
    text = shown(found(former=Look(taken=1_690_000_000.0, score=40)))
    for words in (
        "score 49 of 100, was 40 on 2023-07-2",
        "1. CRITICAL  Redis on 0.0.0.0:6379, from anywhere",
        "Redis: anybody may write files",
        "although ufw is on: Docker publishes it before the firewall's rules are asked",
        "protected-mode no",
        "fix       1. bind 127.0.0.1",
        "davy harden --apply 0123abcd   sets line 3 of",
        "CVE-2022-0543",
        "https://redis.io",
        "tried: a browser or a scanner spoke to it as to a web server",
        "told apart, 30 times",
        "PostgreSQL on 127.0.0.1:5432: this host only",
        "Apache Flink: not running",
        "not seen: services",
    ):
        assert words in text
    assert "of another service" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_what_only_this_host_reaches_is_said_with_what_anybody_on_it_may_do() -> None:
    trusts = Setting(name="hba", value="host all all 0.0.0.0/0 trust", source=SettingSource.FILE)
    one = found(services=(msgspec.structs.replace(FINE, settings=(trusts,), user="postgres"),))
    (said,) = [line for line in shown(one).split("\n") if "PostgreSQL" in line]
    assert said.startswith("   PostgreSQL on 127.0.0.1:5432: this host only; anybody on it may come in as any role")
    assert "this host only\n" in shown(found(services=(FINE,)))
    assert one.exposures == ()
    assert hardening_object(one)["services"][0]["anybody_here"].startswith("may come in as any role")


def test_a_service_whose_settings_nobody_knows_is_not_fine() -> None:
    hidden = msgspec.structs.replace(
        FINE, listening=(reached("0.0.0.0", 5433, ReachedFrom.ANY),), unread="it names no file"
    )
    text = shown(found(services=(hidden, STOPPED)))
    unknown, _, fine = text.partition("fine\n")
    assert "PostgreSQL on 0.0.0.0:5433, from anywhere: it names no file; davy harden --probe asks it" in unknown
    assert "PostgreSQL" not in fine
    assert "Apache Flink: not running" in fine
    answer = Setting(name="probe", value="closed", source=SettingSource.PROBE)
    answered = shown(found(services=(msgspec.structs.replace(hidden, settings=(answer,)),)))
    assert "fine\n   PostgreSQL on 0.0.0.0:5433: from anywhere, and nothing of it is known to be open" in answered


def test_a_service_that_a_compose_file_is_to_start_is_told_by_it() -> None:
    file = "/srv/shop\x1b:8/compose.yaml"
    planned = Service(
        kind="redis",
        running=False,
        composed=f"{file}:cache",
        listening=(reached("127.0.0.1", 6379, ReachedFrom.LOOPBACK),),
    )
    words = "in compose file /srv/shop\\x1b:8/compose.yaml, service cache, not started yet"
    assert f"Redis: {words}" in shown(found(services=(planned,)))
    exposure = msgspec.structs.replace(EXPOSURE, subject=planned.subject, container=None)
    snapshot = Snapshot(host=Host(name="h"), taken=1.0, live=True, services=(planned,))
    said = shown(hardening(snapshot, (exposure,)))
    assert words in said
    assert "as it comes" not in said


def test_a_host_without_services_says_so() -> None:
    assert "no service is known to listen" in shown(found(services=()))


def test_a_host_on_which_nothing_stands_open_says_so() -> None:
    text = shown(found(services=(FINE,)))
    assert "nothing stands open" in text
    assert "CRITICAL" not in text


PLAN = Plan(
    incidents=(),
    boot_id=None,
    steps=(
        SetLines(
            file=FileIdentity(path=b"/etc/r\xff.conf", device=1, inode=2, size=3, mtime_ns=4, sha256="0"),
            lines=(
                LineSet(number=3, before=b"bind 0.0.0.0", after=b"bind 127.0.0.1"),
                LineSet(number=9, before=None, after=b"x \x1b[31m"),
            ),
            closes=("0123abcd",),
            restart="systemctl restart redis",
        ),
    ),
    left=(Left("PostgreSQL", "its fix is not one line"),),
)  # fmt: skip
CARRIED = Carried(done=("set line 3",), left=(Left("it", "changed since the plan"),), ended=0)


def test_a_plan_and_what_came_of_it_are_what_the_schema_says() -> None:
    for carried, after in ((None, None), (CARRIED, found())):
        said = json.loads(as_json(applied_object(PLAN, carried, after)))
        assert list(VALIDATOR.descend(said, SCHEMA["$defs"]["applied"], resolver=RESOLVER)) == []
        assert said["files"][0]["lines"][1]["before"] is None


def test_a_plan_shows_each_line_and_what_is_left_to_the_person() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, soft_wrap=True, highlight=False, markup=False, emoji=False)
    show_plan_of_lines(console, PLAN)
    show_applied(console, PLAN, CARRIED, found())
    text = out.getvalue()
    for words in (
        "3 - bind 0.0.0.0",
        "3 + bind 127.0.0.1",
        "9 + x ",
        "then, by you: systemctl restart redis",
        "left alone: PostgreSQL: its fix is not one line",
        "still needed",
        "1 exposure is still open",
        "davy undo",
    ):
        assert words in text
    assert "\x1b" not in text
