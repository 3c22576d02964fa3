"""Logs that no service names itself: what a container wrote to its output, and the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.unit.collect.logs.flink import ENTRY_TIME, ran, started

from davy.collect.logs import USUAL, log_facts
from davy.collect.logs.record import Clock, Record
from davy.host import Entry, Host, MemoryRoot
from davy.host.root import OpenFile
from davy.knowledge.services import LogFormat
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


FAILED = "sshd[{pid}]: Failed password for root from 192.0.2.7 port 40000 ssh2"
RECORDS = [
    *(Record(1000.0 + pid, pid, FAILED.format(pid=pid)) for pid in range(30)),
    Record(1031.0, 31, "cooker[9]: Failed password for root from 198.51.100.9 port 1 ssh2"),
    Record(1032.0, 32, "no identifier: Failed password for root from 198.51.100.9 port 1 ssh2"),
]


def told(_file: OpenFile, _size: int, _clock: Clock, span: Span | None) -> Iterator[Record | Gap]:
    for record in RECORDS:
        if span is None or record.time is None or span.holds(record.time):
            yield record


def test_a_journal_is_read_for_whom_wrote_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.collect.logs.BINARY", {LogFormat.JOURNAL: told})
    root = MemoryRoot({JOURNAL: Entry(b"LPKSHHRH", mtime=2000.0)})
    facts = list(log_facts(Host(root), [Service(kind="ssh", running=True)], None))
    hits = [fact for fact in facts if isinstance(fact, LogHit)]
    assert sum(hit.count for hit in hits if hit.sign == "failed-password") == 30
    assert {hit.address for hit in hits} == {"192.0.2.7"}
    (read,) = [fact for fact in facts if isinstance(fact, LogRead)]
    assert (read.kind, read.path, read.first, read.last) == ("ssh", JOURNAL, 1000.0, 1032.0)


def test_a_journal_is_not_read_where_no_service_writes_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.collect.logs.BINARY", {LogFormat.JOURNAL: told})
    files = {JOURNAL: Entry(b"LPKSHHRH", mtime=2000.0)}
    assert found(files, Service(kind="flink", running=True)) == []


def test_files_of_a_journal_that_ended_before_the_span_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.collect.logs.BINARY", {LogFormat.JOURNAL: told})
    archived = JOURNAL.replace("system.", "system@0005b1d8a1b2c3d4-1234.")
    root = MemoryRoot({JOURNAL: Entry(b"LPKSHHRH", mtime=2e6), archived: Entry(b"LPKSHHRH", mtime=1e6)})
    for begin, expected in ((9e5, {JOURNAL, archived}), (1.5e6, {JOURNAL})):
        facts = log_facts(Host(root), [Service(kind="ssh", running=True)], [Span(begin, 2e6)])
        assert {fact.path for fact in facts if isinstance(fact, LogRead)} == expected
