"""Older files of a log are found by their names, read where they may be of the time, and missed where they are not."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from datetime import date

import pytest
from backports import zstd
from tests.unit.collect.logs.flink import ENTRY_TIME, LOG, facts, gaps, hits, hours, ran, reads, started

from davy.collect.logs import Budget
from davy.collect.logs.rotation import Older, missing, older
from davy.host import Entry, MemoryRoot
from davy.model.logs import Span

DAY = 86400.0
ENTRY = hours(ENTRY_TIME - 7200, ENTRY_TIME) + started(ENTRY_TIME) + ran(ENTRY_TIME + 1)
NOW = Entry(hours(ENTRY_TIME + 10, ENTRY_TIME + 7200).encode(), mtime=ENTRY_TIME + 7200)
OLD = ENTRY_TIME + 5
SPAN = [Span(ENTRY_TIME - 60, ENTRY_TIME + 60)]


def named(*names: str, path: str = "/v/x.log") -> list[str]:
    root = MemoryRoot({f"/v/{name}": b"" for name in names})
    return sorted(each.path.removeprefix("/v/") for each in older(root, path))


@pytest.mark.parametrize(
    "name",
    [
        "x.log.1", "x.log.2.gz", "x.log-20201017", "x.log-20201017.xz", "x-20201017.log", "x.2020-10-17.log.gz",
        "x.log.2020-10-17", "x-2020-10-17-1.log.gz", "x.log.old", "x.log.10.zst", "x.log.3.bz2", "x-20201017.log.xz",
        "x.log-20201017-1602904664.gz",
    ],
)  # fmt: skip
def test_older_files_are_known_by_their_names(name: str) -> None:
    assert named("x.log", name) == [name]


@pytest.mark.parametrize("name", ["y.log.1", "x.logs", "x.log.conf", "xx.log", "x.log.1.sh", "x.log.1.gz.tmp", "x.txt"])
def test_other_files_are_not(name: str) -> None:
    assert named("x.log", name) == []


def test_what_svlogd_left_is_beside_its_current_file() -> None:
    name = "@400000005f8a62d81ab2c3d4.s"
    assert named("current", name, "config", path="/v/current") == [name]


def test_a_log_without_an_ending_has_older_ones_too() -> None:
    assert named("secure", "secure-20201010", "secure.1", "secure2", path="/v/secure") == [
        "secure-20201010",
        "secure.1",
    ]


@pytest.mark.parametrize(
    ("ending", "packed"),
    [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress), (".zst", zstd.compress), ("", bytes)],
)
@pytest.mark.parametrize("spans", [SPAN, None], ids=["span", "all"])
def test_an_entry_is_found_in_an_older_file(
    ending: str, packed: Callable[[bytes], bytes], spans: list[Span] | None
) -> None:
    path = f"{LOG}.1{ending}"
    found = facts({LOG: NOW, path: Entry(packed(ENTRY.encode()), mtime=OLD)}, spans)
    assert [(hit.sign, hit.path, hit.time) for hit in hits(found)] == [
        ("program-started", path, ENTRY_TIME), ("program-ran", path, ENTRY_TIME + 1),
    ]  # fmt: skip
    assert hits(found)[0].offset == ENTRY.index(started(ENTRY_TIME))
    assert gaps(found) == []
    assert reads(found)[path].first == ENTRY_TIME - 7200


def test_files_that_are_older_than_the_span_are_not_read() -> None:
    files = {LOG: NOW, f"{LOG}.1": Entry(ENTRY.encode(), mtime=OLD)}
    for number in range(2, 6):
        end = ENTRY_TIME - DAY * number
        files[f"{LOG}.{number}.gz"] = Entry(gzip.compress(hours(end - 600, end).encode()), mtime=end)
    found = facts(files, SPAN)
    assert [*reads(found)] == [LOG, f"{LOG}.1"]
    assert len(hits(found)) == 2


def test_a_forged_time_of_change_does_not_hide_an_older_file() -> None:
    found = facts({LOG: NOW, f"{LOG}.1": Entry(ENTRY.encode(), mtime=ENTRY_TIME - 30 * DAY)}, SPAN)
    assert len(hits(found)) == 2


def test_members_of_a_gzip_file_follow_one_another() -> None:
    half = ENTRY.index("\n", len(ENTRY) // 2) + 1
    data = gzip.compress(ENTRY[:half].encode()) + gzip.compress(ENTRY[half:].encode())
    assert len(hits(facts({LOG: NOW, f"{LOG}.1.gz": Entry(data, mtime=OLD)}, SPAN))) == 2


def test_a_truncated_file_is_read_as_far_as_it_goes() -> None:
    data = gzip.compress((ENTRY + hours(ENTRY_TIME + 5, ENTRY_TIME + DAY, 1.0)).encode())
    found = facts({LOG: NOW, f"{LOG}.1.gz": Entry(data[: len(data) // 2], mtime=OLD + DAY)}, SPAN)
    assert len(hits(found)) == 2
    found = facts({LOG: NOW, f"{LOG}.1.gz": Entry(data[: len(data) // 2], mtime=OLD + DAY)})
    assert gaps(found) == [f"{LOG}.1.gz: it ends too early"]
    assert not reads(found)[f"{LOG}.1.gz"].whole


def test_a_damaged_file_is_a_gap() -> None:
    found = facts({LOG: NOW, f"{LOG}.1.xz": Entry(b"no xz at all", mtime=OLD)})
    assert [one.startswith(f"{LOG}.1.xz: it is damaged") for one in gaps(found)] == [True]


def test_a_bomb_is_unpacked_no_further_than_its_bounds() -> None:
    data = gzip.compress(b"\0" * (96 << 20)) + gzip.compress(ENTRY.encode())
    found = facts({LOG: NOW, f"{LOG}.1.gz": Entry(data, mtime=OLD)}, budget=Budget(unpacked=32 << 20))
    assert [one.startswith(f"{LOG}.1.gz: only its first 3") for one in gaps(found)] == [True]
    assert reads(found)[f"{LOG}.1.gz"].read_bytes <= 48 << 20


def test_a_missing_number_is_told() -> None:
    files = {f"{LOG}.{number}": Entry(hours(1e9 + number, 1e9 + 99).encode(), mtime=1e9) for number in (1, 4)}
    assert f"{LOG}: {LOG}.2, {LOG}.3: missing, though {LOG}.4 is there" in gaps(facts({LOG: NOW, **files}))


def test_a_missing_day_is_told() -> None:
    days = [date(2020, 10, day) for day in (10, 11, 12, 15, 16)]
    files = [Older(f"/v/x.log-{day:%Y%m%d}", day=day) for day in days]
    assert missing("/v/x.log", files) == [
        "nothing between 2020-10-12 and 2020-10-15, though one is left every day"
    ]  # fmt: skip
    assert missing("/v/x.log", files[:3]) == []


def test_a_hole_between_two_files_is_told() -> None:
    early = Entry(hours(ENTRY_TIME - 9 * DAY, ENTRY_TIME - 9 * DAY + 600).encode(), mtime=ENTRY_TIME - 9 * DAY + 600)
    found = facts({LOG: NOW, f"{LOG}.1": early}, SPAN)
    assert gaps(found) == [f"{LOG}: no log covers 2020-10-08 03:27:34 UTC to 2020-10-17 03:17:54 UTC"]


def test_an_emptied_log_is_told() -> None:
    found = facts({LOG: Entry(b"", mtime=ENTRY_TIME + 0.25)})
    assert gaps(found) == [f"{LOG}: it is empty since 2020-10-17 03:17:44 UTC, and rotation left nothing of that time"]


def test_a_log_that_an_image_has_empty_is_not_called_emptied() -> None:
    assert gaps(facts({LOG: Entry(b"", mtime=ENTRY_TIME)})) == []


def test_a_log_that_rotation_has_just_begun_is_not_called_emptied() -> None:
    found = facts({LOG: Entry(b"", mtime=OLD + 0.25), f"{LOG}.1": Entry(ENTRY.encode(), mtime=OLD)})
    assert gaps(found) == []
    assert len(hits(found)) == 2
