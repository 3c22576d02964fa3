"""Logs that no service names itself: what a container wrote to its output, and the journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.collect.logs.flink import ENTRY_TIME, ran, started
from tests.unit.collect.logs.formats.journal_files import journal

from davy.collect.logs import USUAL, log_facts
from davy.host import Entry, Host, MemoryRoot
from davy.model.facts import Gap
from davy.model.logs import LogHit, LogRead, Span
from davy.model.services import Service

ID = "4f" * 32
DOCKER = f"/var/lib/docker/containers/{ID}/{ID}-json.log"
JOURNAL = "/var/log/journal/5f8a62d81ab2c3d4/system.journal"


def found(files: dict[str, Entry], *services: Service, spans: list[Span] | None = None) -> list[LogHit]:
    facts = log_facts(Host(MemoryRoot({**files})), services, spans, budget=USUAL)
    return [fact for fact in facts if isinstance(fact, LogHit)]


def docker(line: str) -> str:
    return json.dumps({"log": line, "stream": "stdout", "time": "2020-10-17T03:17:44.5Z"}) + "\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (DOCKER, docker(started(ENTRY_TIME)) + docker(ran(ENTRY_TIME))),
        (
            f"/var/lib/containers/storage/overlay-containers/{ID}/userdata/ctr.log",
            f"2020-10-17T03:17:44.5+00:00 stdout F {started(ENTRY_TIME)}"
            f"2020-10-17T03:17:44.6+00:00 stdout F {ran(ENTRY_TIME)}",
        ),
        (
            f"/var/log/containers/flink-0_default_jobmanager-{ID}.log",
            f"2020-10-17T03:17:44.5Z stdout F {started(ENTRY_TIME)}2020-10-17T03:17:44.6Z stdout F {ran(ENTRY_TIME)}",
        ),
    ],
    ids=["docker", "podman", "kubernetes"],
)
@pytest.mark.parametrize("spans", [None, [Span(ENTRY_TIME - 9, ENTRY_TIME + 9)]], ids=["all", "span"])
def test_what_a_container_wrote_is_read_by_the_signs_of_its_service(
    path: str, text: str, spans: list[Span] | None
) -> None:
    hits = found(
        {path: Entry(text.encode(), mtime=ENTRY_TIME)}, Service(kind="flink", running=True, container=ID), spans=spans
    )
    assert [(hit.sign, hit.path) for hit in hits] == [("program-started", path), ("program-ran", path)]
    assert hits[0].time == ENTRY_TIME + 0.5
    assert hits[0].text == started(ENTRY_TIME).rstrip("\n")


def test_what_the_container_of_another_service_wrote_is_not() -> None:
    files = {DOCKER: Entry(docker(started(ENTRY_TIME)).encode(), mtime=ENTRY_TIME)}
    assert found(files, Service(kind="redis", running=True, container=ID)) == []


def test_what_a_client_had_a_container_write_is_no_line_of_its_own() -> None:
    forged = docker("GET /?" + '"}\\n' + started(ENTRY_TIME))
    files = {DOCKER: Entry(forged.encode(), mtime=ENTRY_TIME)}
    assert found(files, Service(kind="flink", running=True, container=ID)) == []


MESSAGE = "Failed password for root from {address} port 40000 ssh2"


def entry(at: float, who: str, comm: str = "", address: str = "192.0.2.7") -> tuple[float, dict[str, str]]:
    return at, {
        "SYSLOG_IDENTIFIER": who, "_COMM": comm or who, "_PID": "42", "_UID": "1000" if comm else "0",
        "MESSAGE": MESSAGE.format(address=address),
    }  # fmt: skip


OLDER = journal([entry(1e6 + number, "sshd") for number in range(30)])
NEWER = journal(
    [
        *(entry(2e6 + number, "sshd") for number in range(20)),
        entry(2e6 + 30, "cooker", address="198.51.100.9"),
        entry(2e6 + 31, "sshd", "logger", address="198.51.100.9"),
    ]
)
ARCHIVED = JOURNAL.replace("system.", "system@0005b1d8a1b2c3d4-1234.")
ROOT = MemoryRoot({JOURNAL: Entry(NEWER, mtime=2e6 + 40), ARCHIVED: Entry(OLDER, mtime=1e6 + 40)})
SSH = Service(kind="ssh", running=True)


def test_a_journal_is_read_for_whom_wrote_it() -> None:
    facts = list(log_facts(Host(ROOT), [SSH], None))
    hits = [fact for fact in facts if isinstance(fact, LogHit) and fact.sign == "failed-password"]
    assert [(hit.path, hit.count, hit.address) for hit in hits] == [
        (ARCHIVED, 30, "192.0.2.7"), (JOURNAL, 20, "192.0.2.7"),
    ]  # fmt: skip
    reads = [fact for fact in facts if isinstance(fact, LogRead)]
    assert [(read.kind, read.path, read.first) for read in reads] == [("ssh", JOURNAL, 2e6), ("ssh", ARCHIVED, 1e6)]


def test_a_journal_is_not_read_where_no_service_writes_to_it() -> None:
    assert list(log_facts(Host(ROOT), [Service(kind="flink", running=True)], None)) == []


def test_files_of_a_journal_that_ended_before_the_span_are_not_read() -> None:
    for begin, expected in ((9e5, {JOURNAL, ARCHIVED}), (1.5e6, {JOURNAL})):
        facts = log_facts(Host(ROOT), [SSH], [Span(begin, 3e6)])
        assert {fact.path for fact in facts if isinstance(fact, LogRead)} == expected


def test_times_that_no_file_of_a_journal_covers_are_told() -> None:
    facts = log_facts(Host(ROOT), [SSH], [Span(1.2e6, 3e6)])
    assert [fact.why for fact in facts if isinstance(fact, Gap)] == [
        "no log covers 1970-01-14 21:20:00 UTC to 1970-01-24 03:33:20 UTC"
    ]  # fmt: skip


ENDLESS = Path("/usr/share/zoneinfo/Europe/Berlin").read_bytes().rstrip(b"\n")
"""A zone without the line feed at its end."""
MERGED = "/var/lib/docker/overlay2/x/merged"


@pytest.mark.parametrize(
    ("log", "hours"), [(f"{MERGED}/opt/flink/log/flink-a.log", -2), ("/srv/flink/log/flink-a.log", 0)]
)
def test_a_log_within_a_container_has_the_zone_of_its_files(log: str, hours: int) -> None:
    files = {
        "/etc/localtime": Entry(Path("/usr/share/zoneinfo/Asia/Tokyo").read_bytes()),
        f"{MERGED}/etc/localtime": Entry(Path("/usr/share/zoneinfo/Europe/Berlin").read_bytes()),
        log: Entry(started(ENTRY_TIME).encode(), mtime=ENTRY_TIME),
    }
    hits = found(files, Service(kind="flink", running=True, container=ID, logs=(log,)))
    assert [hit.time for hit in hits] == [ENTRY_TIME + hours * 3600]


@pytest.mark.parametrize("content", [b"", b"TZif", b"x" * 9000, b"TZif2" + b"\xff" * 400, ENDLESS])
def test_a_zone_that_is_none_is_utc(content: bytes) -> None:
    log = f"{MERGED}/opt/flink/log/flink-a.log"
    files = {f"{MERGED}/etc/localtime": Entry(content), log: Entry(started(ENTRY_TIME).encode(), mtime=ENTRY_TIME)}
    hits = found(files, Service(kind="flink", running=True, container=ID, logs=(log,)))
    assert [hit.time for hit in hits] == [ENTRY_TIME]
