"""A clock that was set is told from wtmp and from the journal, and nobody may pretend it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from tests.unit.collect.logs.formats import journal_files
from tests.unit.collect.logs.formats.test_logins import record

from davy.collect.logs import log_facts
from davy.host import Entry, Host, MemoryRoot
from davy.model.logs import ClockStep, Span
from davy.model.services import Service

NOW = 1602904664.0
WTMP = "/var/log/wtmp"
JOURNAL = "/var/log/journal/m/system.journal"
CHRONYD = {"SYSLOG_IDENTIFIER": "chronyd", "_COMM": "chronyd", "_UID": "101", "_EXE": "/usr/sbin/chronyd", "_PID": "9"}
SSHD = {"SYSLOG_IDENTIFIER": "sshd", "_COMM": "sshd", "_UID": "0", "_PID": "8", "MESSAGE": "Server listening on ::1."}


def steps(files: dict[str, bytes], spans: list[Span] | None = None) -> list[tuple[str, float, float]]:
    root = MemoryRoot({path: Entry(content, mtime=NOW + 9e5) for path, content in files.items()})
    service = Service(kind="ssh", running=True, logs=(WTMP,))
    found = log_facts(Host(root), [service], spans)
    return [(one.path, one.before, round(one.after, 3)) for one in found if isinstance(one, ClockStep)]


def wtmp(*times: tuple[int, float]) -> bytes:
    login = record(7, NOW - 9e5, line=b"pts/0", user=b"ada", host=b"192.0.2.7", address="192.0.2.7")
    return login + b"".join(record(kind, time, line=b"~", user=b"date") for kind, time in times) + login


@pytest.mark.parametrize("spans", [None, [Span(NOW - 60, NOW + 60)]])
@pytest.mark.parametrize("old", [NOW + 7200, NOW - 7200])
def test_wtmp_tells_the_old_and_the_new_time(old: float, spans: list[Span] | None) -> None:
    assert steps({WTMP: wtmp((4, old), (3, NOW))}, spans) == [(WTMP, old, NOW)]


def test_of_other_times_it_is_not_told() -> None:
    assert steps({WTMP: wtmp((4, NOW), (3, NOW + 7200))}, [Span(NOW + 9000, NOW + 9999)]) == []


@pytest.mark.parametrize("times", [((3, NOW),), ((4, NOW - 10), (3, NOW)), ((4, NOW - 7200), (8, NOW), (3, NOW))])
def test_a_new_time_alone_and_a_small_correction_are_none(times: Iterable[tuple[int, float]]) -> None:
    assert steps({WTMP: wtmp(*times)}) == []


def chronyd(said: str, **fields: str) -> dict[str, bytes]:
    entries = [(NOW, {**CHRONYD, "MESSAGE": said, **fields}), (NOW + 60, SSHD)]
    return {JOURNAL: journal_files.journal(entries)}


@pytest.mark.parametrize("seconds", [3600.5, -3600.5])
def test_chrony_says_by_how_much_it_set_the_clock(seconds: float) -> None:
    files = chronyd(f"System clock was stepped by {seconds:.6f} seconds")
    assert steps(files, [Span(NOW - 60, NOW + 60)]) == [(JOURNAL, NOW - seconds, NOW)]


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("System clock was stepped by -3600.000000 seconds", {"_COMM": "logger", "_EXE": "/usr/bin/logger"}),
        ("System clock was stepped by -3600.000000 seconds", {"_EXE": "/tmp/chronyd"}),
        ("System clock was stepped by -0.900000 seconds", {}),
        ("System clock wrong by -3600.000000 seconds", {}),
    ],
)
def test_who_pretends_to_be_chrony_and_what_is_no_step_are_not_believed(said: str, fields: dict[str, str]) -> None:
    assert steps(chronyd(said, **fields)) == []


def test_the_journal_knows_that_the_time_of_day_went_back_while_the_host_went_on() -> None:
    writer = journal_files.Writer()
    for time, since_boot in ((NOW, 100.0), (NOW + 10, 110.0), (NOW - 7200, 120.0), (NOW - 7100, 220.0)):
        entry = writer.add(time, SSHD)
        writer.put(entry + 32, round(since_boot * 1e6))
    assert steps({JOURNAL: writer.file()}) == [(JOURNAL, NOW + 20, NOW - 7200)]


def test_a_host_that_slept_or_booted_has_set_no_clock() -> None:
    writer = journal_files.Writer()
    slept = ((NOW, 100.0, b"b" * 16), (NOW + 7200, 101.0, b"b" * 16), (NOW + 100, 5.0, b"c" * 16))
    for time, since_boot, boot in slept:
        entry = writer.add(time, SSHD)
        writer.put(entry + 32, round(since_boot * 1e6))
        writer.out[entry + 40 : entry + 56] = boot
    assert steps({JOURNAL: writer.file()}) == []
