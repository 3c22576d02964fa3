"""The journal's files: every layout, found by time, and whatever an enemy makes of them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.collect.logs.formats import journal_files as files

from davy.collect.logs.formats import BINARY, journal
from davy.collect.logs.formats.journal import compressed
from davy.collect.logs.record import Clock, Record
from davy.host.root import MemoryRoot
from davy.knowledge.services import LogFormat
from davy.model.facts import Gap
from davy.model.logs import ClockStep, Span

START = 1602904664.0
SSHD = {"_TRANSPORT": "syslog", "SYSLOG_IDENTIFIER": "sshd", "_COMM": "sshd", "_UID": "0", "_EXE": "/usr/sbin/sshd"}


class Counted:
    """A file that remembers how much of it was read."""

    def __init__(self, content: bytes) -> None:
        self.content, self.size, self.bytes_read = content, len(content), 0

    def pread(self, size: int, offset: int) -> bytes:
        data = self.content[offset : offset + size]
        self.bytes_read += len(data)
        return data


def read(content: bytes, span: Span | None = None, *sources: str) -> list[Record | ClockStep | Gap]:
    return in_order(journal.records_of(Counted(content), len(content), span, frozenset(sources)))


def in_order(found: Iterable[Record | ClockStep | Gap]) -> list[Record | ClockStep | Gap]:
    """As they were written; what comes in is the last first."""
    every = list(found)
    records = [each for each in every if isinstance(each, Record)]
    assert [each.offset for each in records] == sorted((each.offset for each in records), reverse=True)
    return [*reversed(records), *(each for each in every if not isinstance(each, Record))]


def texts(found: list[Record | ClockStep | Gap]) -> list[str]:
    return [each.text for each in found if isinstance(each, Record)]


def many(count: int, **options: object) -> bytes:
    names = ("sshd", "cron", "redis-server")
    return files.journal(
        (
            (
                START + number,
                {"SYSLOG_IDENTIFIER": names[number % 3], "_SYSTEMD_UNIT": f"{names[number % 3]}.service",
                 "_PID": str(number % 7), "MESSAGE": f"message {number}"},
            )
            for number in range(count)
        ),
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("compression", [0, files.XZ, files.LZ4, files.ZSTD])
def test_a_record_is_who_speaks_and_what(compact: bool, compression: int) -> None:
    long = "Accepted password for ada from 192.0.2.7 port 50312 ssh2 " + "x" * 3000
    content = files.journal(
        [(START + 0.25, {**SSHD, "_PID": "8421", "SYSLOG_PID": "1", "MESSAGE": long}),
         (START + 1, {"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel", "MESSAGE": "audit: x"}),
         (START + 2, {"_COMM": "java", "SYSLOG_PID": "77", "MESSAGE": b"two\nlines \x1b[31m\xff"}),
         (START + 3, {"PRIORITY": "6", "MESSAGE": "nobody"})],
        compact=compact, compression=compression,
    )  # fmt: skip

    found = read(content)

    assert [(each.time, each.text) for each in found if isinstance(each, Record)] == [
        (START + 0.25, f"sshd[8421]: {long}"),
        (START + 1, "kernel: audit: x"),
        (START + 2, "java[77]: two\nlines \x1b[31m\udcff"),
        (START + 3, "unknown: nobody"),
    ]
    assert len(found) == 4
    assert journal.covers(Counted(content), len(content)) == Span(START + 0.25, START + 3)


def test_the_journal_is_a_format_of_the_collector() -> None:
    root = MemoryRoot({"/var/log/journal/1/system.journal": many(3)})

    with root.opened("/var/log/journal/1/system.journal") as file:
        found = in_order(BINARY[LogFormat.JOURNAL](file, file.size, Clock(UTC, START), None))

    assert texts(found) == ["sshd[0]: message 0", "cron[1]: message 1", "redis-server[2]: message 2"]


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize(
    ("begin", "end"), [(-5, 2), (0, 0), (500, 510), (998, 2000), (999.5, 1000), (-9, -1), (0, 999)]
)
def test_a_span_holds_what_was_written_in_it(compact: bool, begin: float, end: float) -> None:
    found = read(many(1000, compact=compact), Span(START + begin, START + end))

    assert texts(found) == [
        f"{('sshd', 'cron', 'redis-server')[number % 3]}[{number % 7}]: message {number}"
        for number in range(1000)
        if begin <= number <= end
    ]


def test_little_is_read_of_a_long_journal() -> None:
    content = many(30_000)
    file = Counted(content)

    found = list(journal.records_of(file, file.size, Span(START + 20_000, START + 20_009), frozenset()))

    assert len(found) == 10
    assert file.bytes_read < len(content) / 8


def test_one_program_or_unit_is_found_by_its_own_entries() -> None:
    content = many(30_000)
    for source in ("cron", "cron.service"):
        file = Counted(content)
        found = in_order(journal.records_of(file, file.size, Span(START + 20_000, START + 20_009), frozenset({source})))

        assert texts(found) == [f"cron[{number % 7}]: message {number}" for number in (20_002, 20_005, 20_008)]
        assert file.bytes_read < len(content) / 8
    both = read(content, Span(START + 3, START + 8), "cron", "sshd.service", "sshd", "absent")
    assert texts(both) == [f"{('sshd', 'cron')[n % 3]}[{n % 7}]: message {n}" for n in (3, 4, 6, 7)]
    assert read(content, None, "absent") == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"_UID": "1000", "_COMM": "logger", "_EXE": "/usr/bin/logger"}, "logger as sshd[7]: x"),
        ({"_UID": "1000", "_COMM": "sshd", "_EXE": "/tmp/sshd"}, "sshd as sshd[7]: x"),
        ({"_UID": "1000", "_COMM": "sshd"}, "sshd as sshd[7]: x"),
        ({"_UID": "1000"}, "somebody as sshd[7]: x"),
        ({"_UID": "1000", "_COMM": "sshd", "_EXE": "/usr/sbin/sshd"}, "sshd[7]: x"),
        ({"_UID": "0", "_COMM": "sshd"}, "sshd[7]: x"),
        ({}, "sshd[7]: x"),
    ],
)
def test_who_pretends_to_be_sshd_is_named(fields: dict[str, str], text: str) -> None:
    content = files.journal([(START, {"SYSLOG_IDENTIFIER": "sshd", "_PID": "7", "MESSAGE": "x", **fields})])

    assert texts(read(content)) == [text]
    assert texts(read(content, None, "sshd")) == [text]


def test_what_sshd_says_as_the_user_who_leaves_is_its_own() -> None:
    said = "Disconnected from user ada 192.0.2.7 port 50312"
    content = files.journal(
        [(START, {"SYSLOG_IDENTIFIER": "sshd", "_PID": "7", "_COMM": "sshd", "_UID": "1000", "MESSAGE": said})]
    )

    assert texts(read(content)) == [f"sshd[7]: {said}"]


def test_the_kernel_does_not_speak_through_syslog() -> None:
    content = files.journal(
        [(START, {"_TRANSPORT": "syslog", "SYSLOG_IDENTIFIER": "kernel", "_COMM": "logger", "MESSAGE": "x"})]
    )

    assert texts(read(content)) == ["logger as kernel: x"]


def test_a_clock_that_was_set_back_for_some_entries_hides_none_of_the_span() -> None:
    times = [*range(100), 5000, 5001, 5002, *range(100, 200)]
    content = files.journal([(START + time, {"MESSAGE": f"{time}"}) for time in times])

    assert texts(read(content, Span(START + 90, START + 110))) == [f"unknown: {time}" for time in range(90, 111)]


def test_entries_that_are_not_written_yet_are_left_out() -> None:
    writer = files.Writer()
    for number in range(10):
        writer.add(START + number, {"MESSAGE": str(number)})
    content = bytearray(writer.file())
    struct.pack_into("<Q", content, 152, 12)

    assert texts(read(bytes(content))) == [f"unknown: {number}" for number in range(10)]
    assert texts(read(bytes(content), Span(START + 8, START + 99))) == ["unknown: 8", "unknown: 9"]


def test_seals_between_the_entries_are_passed_over() -> None:
    writer = files.Writer()
    for number in range(50):
        writer.add(START + number, {"MESSAGE": str(number)})
        if number % 10 == 0:
            writer.seal()
    content = bytearray(writer.file())
    struct.pack_into("<I", content, 8, 1)

    assert texts(read(bytes(content))) == [f"unknown: {number}" for number in range(50)]


def test_a_damaged_entry_is_a_gap_and_the_others_are_read() -> None:
    writer = files.Writer()
    at = [writer.add(START + number, {"MESSAGE": str(number)}) for number in range(100)]
    content = bytearray(writer.file())
    for broken in (50, 51, 52):
        content[at[broken]] = 1

    found = read(bytes(content), Span(START + 45, START + 55))

    assert texts(found) == [f"unknown: {number}" for number in (45, 46, 47, 48, 49, 53, 54, 55)]
    assert [each.why for each in found if isinstance(each, Gap)] == [f"no entry stands at {at[50]}"]


def test_arrays_that_lead_back_are_not_followed() -> None:
    writer = files.Writer()
    for number in range(100):
        writer.add(START + number, {"MESSAGE": str(number)})
    content = bytearray(writer.file())
    first, second = writer.main.arrays[0][0], writer.main.arrays[1][0]
    struct.pack_into("<Q", content, second + 16, first)
    struct.pack_into("<Q", content, 152, 1 << 60)

    found = read(bytes(content))

    assert len(texts(found)) == writer.main.arrays[0][1] + writer.main.arrays[1][1]
    assert [each.why for each in found if isinstance(each, Gap)] == ["its arrays of entries lead back"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no journal"),
        (b"LPKSHHRH", "it is no journal"),
        (b"not a journal" * 100, "it is no journal"),
        (many(1)[:12] + struct.pack("<I", 0x80) + many(1)[16:], "it is of a newer format (flags 0x80)"),
    ],
)
def test_what_is_no_journal_is_a_gap(content: bytes, why: str) -> None:
    assert read(content) == [Gap("logs", "journal", why)]
    assert journal.covers(Counted(content), len(content)) is None


def test_a_journal_that_was_cut_off_tells_what_is_left() -> None:
    content = many(1000)

    found = read(content[: len(content) // 2])

    assert len(texts(found)) > 300
    assert any(isinstance(each, Gap) for each in found)


def test_a_value_of_which_a_library_is_missing_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    content = files.journal(
        [(START, {"MESSAGE": "x" * 500}), (START + 1, {"MESSAGE": "short"})], compression=files.ZSTD
    )
    monkeypatch.setitem(__import__("sys").modules, "backports.zstd", None)

    assert read(content) == [
        Record(START + 1, read(content)[0].offset, "unknown: short"),  # type: ignore[union-attr]
        Gap("logs", "journal", "zstd is not installed"),
    ]


WHOLE = many(60)


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 8), st.integers(0, 2**64 - 1)), min_size=1, max_size=6),
    span=st.one_of(st.none(), st.builds(Span, st.floats(START - 10, START + 70), st.floats(START - 10, START + 70))),
    sources=st.sampled_from([(), ("cron",), ("sshd.service", "sshd")]),
)
def test_any_damage_comes_to_records_and_gaps(
    changes: list[tuple[int, int]], span: Span | None, sources: tuple[str, ...]
) -> None:
    content = bytearray(WHOLE)
    for at, number in changes:
        struct.pack_into("<Q", content, at, number)

    assert all(isinstance(each, Record | ClockStep | Gap) for each in read(bytes(content), span, *sources))


@given(st.binary(max_size=300), st.sampled_from([1, 2, 4, 3, 7]))
def test_any_compressed_bytes_come_to_a_value_or_are_damaged(data: bytes, flags: int) -> None:
    with suppress(compressed.DamagedError):
        assert len(compressed.unpacked(flags, data, 1000)) <= 1000


@given(st.binary(max_size=3000), st.integers(0, 300), st.integers(0, 4000))
def test_what_lz4_packed_comes_out_as_far_as_is_wanted(data: bytes, run: int, limit: int) -> None:
    whole = data + b"z" * run
    if whole:
        assert compressed.unpacked(files.LZ4, files.packed(files.LZ4, whole), limit) == whole[:limit]
