"""A log is searched by time: bisected where its times ascend, and read anyway where they do not."""

from __future__ import annotations

import random
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.collect.logs.flink import (
    ENTRY_TIME,
    LOG,
    broken_off,
    facts,
    gaps,
    hits,
    hours,
    quiet,
    ran,
    reads,
    started,
    steps,
)  # fmt: skip

from davy.collect.logs import log_facts
from davy.collect.logs.formats.log4j import time_of
from davy.collect.logs.record import Clock
from davy.collect.logs.text import TimedText
from davy.collect.logs.window import order, stretches
from davy.host import Entry, Host, MemoryRoot
from davy.host.root import InMemory
from davy.model.logs import Span
from davy.model.services import Service

DAY = 86400.0
ENTRY = started(ENTRY_TIME) + ran(ENTRY_TIME + 1)
AROUND = [Span(ENTRY_TIME - 60, ENTRY_TIME + 60)]


def log(text: str) -> dict[str, Entry]:
    return {LOG: Entry(text.encode(), mtime=ENTRY_TIME + 9 * DAY)}


def test_little_of_a_large_log_is_read() -> None:
    text = hours(ENTRY_TIME - DAY, ENTRY_TIME, 1.0) + ENTRY + hours(ENTRY_TIME + 2, ENTRY_TIME + DAY, 1.0)
    found = facts(log(text), AROUND)
    assert len(hits(found)) == 2
    read = reads(found)[LOG]
    assert read.read_bytes < len(text) // 20
    assert read.whole
    assert gaps(found) == []


def test_an_entry_is_found_though_stack_traces_stand_around_it() -> None:
    noise = "".join(broken_off(ENTRY_TIME - 40 + at) for at in range(40))
    text = hours(ENTRY_TIME - DAY, ENTRY_TIME - 50, 1.0) + noise * 20 + ENTRY + hours(ENTRY_TIME + 2, ENTRY_TIME + DAY)
    assert {hit.sign for hit in hits(facts(log(text), AROUND))} == {"scanned", "program-started", "program-ran"}


def test_a_clock_set_back_is_told_and_the_entry_found_on_both_sides() -> None:
    for at in (0.2, 0.5, 0.9):
        before = hours(ENTRY_TIME, ENTRY_TIME + DAY, 3.0)
        after = hours(ENTRY_TIME - at * DAY, ENTRY_TIME, 3.0) + ENTRY + hours(ENTRY_TIME + 2, ENTRY_TIME + 2 * DAY, 3.0)
        found = facts(log(before + after), AROUND)
        assert [(step.before, step.after) for step in steps(found)] == [
            (ENTRY_TIME + DAY - 3, ENTRY_TIME - at * DAY)
        ]  # fmt: skip
        assert steps(found)[0].text == quiet(ENTRY_TIME - at * DAY).rstrip("\n")
        assert len(hits(found)) == 2
        assert reads(found)[LOG].read_bytes < len(before + after) // 2


def test_the_hour_that_stands_twice_when_summer_ends_is_no_step() -> None:
    with open("/usr/share/zoneinfo/Europe/Berlin", "rb") as file:
        zone = file.read()
    end = 1603587600.0 + 3600
    twice = hours(end - 2 * DAY, end + 3600, 3.0) + hours(end, end + DAY, 3.0)
    files = {**log(twice), "/etc/localtime": Entry(zone)}
    assert steps(facts(files, [Span(end - 60, end + 60)])) == []
    assert len(steps(facts(log(twice), [Span(end - 60, end + 60)]))) == 1


def test_a_log_whose_times_are_all_over_the_place_is_read_as_a_whole() -> None:
    chance = random.Random(3)
    lines = [quiet(ENTRY_TIME + chance.randrange(-(10**7), 10**7)) for _ in range(60_000)]
    lines.insert(31_000, ENTRY)
    found = facts(log("".join(lines)), AROUND)
    assert len(hits(found)) == 2
    assert gaps(found) == [f"{LOG}: its times go back again and again: it is read as a whole"]
    assert len(steps(found)) <= 16


def test_a_log_without_times_is_read_as_a_whole() -> None:
    text = "no time here\n" * 50_000 + ENTRY.replace("2020-", "x20-") + "nor here\n" * 50_000
    found = facts(log(text), AROUND)
    assert gaps(found) == [f"{LOG}: no line of it begins with a time: it is read as a whole"]
    assert reads(found)[LOG].read_bytes == len(text)
    assert not reads(found)[LOG].whole


def test_records_a_little_out_of_order_are_found() -> None:
    chance = random.Random(5)
    times = [ENTRY_TIME - 3600 + number * 0.1 + chance.uniform(-2, 2) for number in range(72_000)]
    lines = [quiet(at) for at in times]
    lines.insert(36_050, ENTRY)
    found = facts(log("".join(lines)), [Span(ENTRY_TIME - 2, ENTRY_TIME + 2)])
    assert len(hits(found)) == 2
    assert steps(found) == []


def test_a_line_of_megabytes_in_the_middle_does_not_hide_what_follows() -> None:
    text = hours(ENTRY_TIME - DAY, ENTRY_TIME - 3600, 5.0) + quiet(ENTRY_TIME - 3600).rstrip() + "x" * (20 << 20)
    text += "\n" + hours(ENTRY_TIME - 3000, ENTRY_TIME, 5.0) + ENTRY + hours(ENTRY_TIME + 2, ENTRY_TIME + DAY, 5.0)
    found = facts(log(text), AROUND)
    assert len(hits(found)) == 2
    assert gaps(found) == []


def test_a_record_that_crosses_parts_is_told_once() -> None:
    filler = hours(ENTRY_TIME - DAY, ENTRY_TIME, 0.5)
    text = filler + broken_off(ENTRY_TIME) + "x\n" * 20 + hours(ENTRY_TIME + 1, ENTRY_TIME + DAY, 0.5)
    size, at = len(text), text.index("Connection reset")
    for shift in (0, 15, 90):
        longer = text + "y" * ((at - shift) + (16 << 20) - size)
        (hit,) = hits(facts(log(longer)))
        assert (hit.count, hit.offset) == (1, len(filler))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3)), min_size=1, max_size=400),
    st.integers(0, 40_000), st.integers(0, 2000),
)  # fmt: skip
def test_a_span_of_an_ascending_log_is_never_missed(rows: list[tuple[int, int]], begin: int, length: int) -> None:
    at, lines, times = 0, [], []
    for apart, extra in rows:
        at += apart
        times.append(float(at))
        lines.append(quiet(at) + "\tat a.stack.trace\n" * extra * 40)
    data = "".join(lines).encode()
    text = TimedText(InMemory(data), time_of, Clock(UTC, float(at)))
    span = Span(float(begin), float(begin + length))
    found = order(text, [span])
    got = stretches(text, found.runs, [span])
    offset = 0
    for line, time in zip(lines, times, strict=True):
        if span.holds(time):
            assert any(first <= offset and offset + len(line) <= last for first, last in got)
        offset += len(line)


def test_a_zone_without_summer_time_has_no_hour_twice() -> None:
    data = (hours(1e9, 1e9 + DAY) + hours(1e9, 1e9 + DAY)).encode()
    assert len(order(TimedText(InMemory(data), time_of, Clock(ZoneInfo("Asia/Shanghai"), 1e9))).steps) == 1


@pytest.mark.parametrize("zone", ["+14:00", "-12:00", "Z"])
def test_times_at_the_end_of_all_calendars_do_no_harm(zone: str) -> None:
    lines = [f"{year}{zone} web sshd[8]: x\n" for year in ("9999-12-31T23:59:59", "0001-01-01T00:00:01")]
    text = "".join(lines * 3).encode()
    for mtime in (-1e18, 0.0, ENTRY_TIME, 1e18):
        service = Service(kind="ssh", running=True, logs=("/var/log/auth.log",))
        host = Host(MemoryRoot({"/var/log/auth.log": Entry(text, mtime=mtime)}))
        for spans in (None, AROUND):
            assert "/var/log/auth.log" in reads([*log_facts(host, [service], spans)])
