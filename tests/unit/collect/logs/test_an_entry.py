"""A job that somebody submitted to Flink is told by its lines, and apart from what scanners cause."""

from __future__ import annotations

import pytest
from tests.unit.collect.logs.flink import (
    ENTRY_TIME,
    LOG,
    broken_off,
    facts,
    gaps,
    hits,
    hours,
    ran,
    reads,
    stamp,
    started,
)

from davy.collect.logs import log_facts
from davy.host import Entry, Host, MemoryRoot
from davy.model.logs import Shows, Span
from davy.model.services import Service

ASKED = (
    "2020-10-17 03:17:44,446 WARN  org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Configuring the "
    "job submission via query parameters is deprecated. Please migrate to submitting a JSON request instead.\n"
)
STATIC = "runtime.rest.handler.legacy.files.StaticFileServerHandler"
NIGHT = (
    broken_off(1602893380.372)
    + broken_off(1602893381.896, "ERROR", STATIC)
    + ASKED
    + started(ENTRY_TIME + 0.464)
    + ran(ENTRY_TIME + 0.486)
    + broken_off(1602915973.712)
    + broken_off(1602915975.227, "ERROR", STATIC)
    + broken_off(1602953249.283)
)
FILE = Entry(NIGHT.encode(), mtime=1602953249.3)


def test_the_night_of_a_session_cluster_is_told() -> None:
    told = [(hit.sign, hit.shows, hit.time, hit.count) for hit in hits(facts({LOG: FILE}))]
    assert told == [
        ("scanned", Shows.NOISE, 1602893380.372, 5),
        ("configured-by-query", Shows.ATTEMPT, ENTRY_TIME + 0.446, 1),
        ("program-started", Shows.SUCCESS, ENTRY_TIME + 0.464, 1),
        ("program-ran", Shows.SUCCESS, ENTRY_TIME + 0.486, 1),
    ]


def test_a_hit_has_its_line_as_it_stands_and_its_place() -> None:
    noise, _, hit, _ = hits(facts({LOG: FILE}))
    assert hit.text == started(ENTRY_TIME + 0.464).rstrip("\n")
    assert hit.offset == NIGHT.index(hit.text)
    assert hit.path == LOG
    assert noise.text.endswith("Unhandled exception")
    assert noise.last_time == 1602953249.283


def test_what_a_log_covers_is_told() -> None:
    read = reads(facts({LOG: FILE}))[LOG]
    assert (read.first, read.last) == (1602893380.372, 1602953249.283)
    assert read.size == read.read_bytes == len(NIGHT)
    assert read.whole
    assert read.format == "log4j"


def test_only_what_is_in_the_span_is_told() -> None:
    span = Span(ENTRY_TIME - 60, ENTRY_TIME + 60)
    assert [hit.sign for hit in hits(facts({LOG: FILE}, [span]))] == [
        "configured-by-query", "program-started", "program-ran",
    ]  # fmt: skip


def test_a_span_that_no_log_covers_is_a_gap() -> None:
    span = Span(1602892000.0, 1602893000.0)
    found = facts({LOG: FILE}, [span])
    assert hits(found) == []
    assert gaps(found) == [f"{LOG}: no log covers 2020-10-16 23:46:40 UTC to 2020-10-17 00:03:20 UTC"]


def test_a_program_that_ran_without_having_been_started_is_an_attempt() -> None:
    (hit,) = hits(facts({LOG: Entry(ran(ENTRY_TIME).encode(), mtime=ENTRY_TIME)}))
    assert (hit.sign, hit.shows) == ("program-ran", Shows.ATTEMPT)


def test_a_forerunner_counts_though_it_is_in_front_of_the_span() -> None:
    text = started(ENTRY_TIME - 100) + ran(ENTRY_TIME)
    found = hits(facts({LOG: Entry(text.encode(), mtime=ENTRY_TIME)}, [Span(ENTRY_TIME - 10, ENTRY_TIME + 10)]))
    assert [(hit.sign, hit.shows) for hit in found] == [("program-ran", Shows.SUCCESS)]


def test_what_a_line_imitates_within_another_is_not_taken_for_it() -> None:
    forged = "Starting program (detached: true)"
    line = f"2020-10-17 03:00:00,001 WARN  org.example.Access - GET /ClientUtils [] - {forged} HTTP/1.1\n"
    assert hits(facts({LOG: Entry(line.encode(), mtime=ENTRY_TIME)})) == []


def test_an_imitation_in_a_line_that_goes_on_is_not_taken_for_a_record() -> None:
    text = (
        "2020-10-17 03:00:00,001 WARN  org.example.Access - a name with a line feed\n"
        f" {started(ENTRY_TIME)}"
    )  # fmt: skip
    assert hits(facts({LOG: Entry(text.encode(), mtime=ENTRY_TIME)})) == []


def test_a_log_without_a_line_feed_at_its_end_is_read_to_its_end() -> None:
    text = (hours(ENTRY_TIME - 3600, ENTRY_TIME) + started(ENTRY_TIME)).rstrip("\n")
    (hit,) = hits(facts({LOG: Entry(text.encode(), mtime=ENTRY_TIME)}))
    assert hit.time == ENTRY_TIME


def test_a_file_that_two_services_take_for_different_logs_is_read_as_both() -> None:
    path = "/opt/flink/log/flink-root-standalonesession-0-box.log"
    text = started(ENTRY_TIME) + "1:M 17 Oct 2020 03:17:45.000 # Possible SECURITY ATTACK detected. It looks like\n"
    services = [Service(kind=kind, running=True, logs=(path,)) for kind in ("redis", "flink")]
    found = hits(list(log_facts(Host(MemoryRoot({path: Entry(text.encode(), mtime=ENTRY_TIME + 9)})), services, None)))
    assert [(hit.kind, hit.sign) for hit in found] == [
        ("flink", "program-started"), ("redis", "spoken-to-as-a-web-server"),
    ]  # fmt: skip


def test_zeros_that_truncation_left_in_front_are_no_part_of_a_line() -> None:
    text = b"\0" * 300_000 + started(ENTRY_TIME).encode()
    (hit,) = hits(facts({LOG: Entry(text, mtime=ENTRY_TIME)}))
    assert (hit.time, hit.text) == (ENTRY_TIME, started(ENTRY_TIME).rstrip())


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Shanghai"])
def test_times_are_in_the_zone_of_the_root(zone: str) -> None:
    with open(f"/usr/share/zoneinfo/{zone}", "rb") as file:
        data = file.read()
    (hit,) = hits(facts({LOG: Entry(started(ENTRY_TIME).encode(), mtime=ENTRY_TIME), "/etc/localtime": Entry(data)}))
    assert hit.time == ENTRY_TIME - {"Europe/Berlin": 2, "Asia/Shanghai": 8}[zone] * 3600


def test_a_zone_may_be_named_in_a_file() -> None:
    with open("/usr/share/zoneinfo/Asia/Tokyo", "rb") as file:
        data = file.read()
    files = {
        LOG: Entry(started(ENTRY_TIME).encode(), mtime=ENTRY_TIME), "/etc/timezone": Entry(b"Asia/Tokyo\n"),
        "/usr/share/zoneinfo/Asia/Tokyo": Entry(data),
    }  # fmt: skip
    (hit,) = hits(facts(files))
    assert hit.time == ENTRY_TIME - 9 * 3600


class Ending:
    """A clock that stands still for so many looks, and then is past every deadline."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def monotonic(self) -> float:
        self._looks -= 1
        return 0.0 if self._looks >= 0 else float("inf")


def test_hits_for_which_there_was_no_time_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(started(ENTRY_TIME + 1000 * number) for number in range(9))
    monkeypatch.setattr("davy.collect.logs.telling.time", Ending(4))
    found = facts({LOG: Entry(text.encode(), mtime=ENTRY_TIME + 9000)})
    assert [hit.time for hit in hits(found)] == [ENTRY_TIME + 1000 * number for number in range(4)]
    assert gaps(found) == [f"{LOG}: not all that was found in bytes 0 to {len(text):,} was looked at in time"]
    assert not reads(found)[LOG].whole


@pytest.mark.parametrize("named", ["JobGraph", "job"], ids=["1.17", "2.3"])
def test_a_program_that_submits_a_job_is_no_entry_and_one_beside_it_that_does_not_is(named: str) -> None:
    def submitted(at: float) -> str:
        dispatcher = "org.apache.flink.runtime.dispatcher.StandaloneDispatcher     [] - "
        return f"{stamp(at)} INFO  {dispatcher}Received {named} submission 'WordCount' ({'0a1b' * 8}).\n"

    honest = started(ENTRY_TIME) + submitted(ENTRY_TIME + 3) + started(ENTRY_TIME + 100) + submitted(ENTRY_TIME + 102)
    told = hits(facts({LOG: Entry(honest.encode(), mtime=ENTRY_TIME + 103)}))
    assert {hit.shows for hit in told} == {Shows.ATTEMPT}
    dropped = honest + started(ENTRY_TIME + 200) + ran(ENTRY_TIME + 201)
    told = hits(facts({LOG: Entry(dropped.encode(), mtime=ENTRY_TIME + 202)}))
    assert [hit.sign for hit in told if hit.shows is Shows.SUCCESS] == ["program-started", "program-ran"]
