"""Real log files: large ones, and what an enemy puts in the place of one."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.collect.logs.flink import ENTRY_TIME, gaps, hits, hours, quiet, ran, read, reads, started

from davy.collect.logs import Budget
from davy.collect.logs.searching import Searching
from davy.collect.logs.signs import signs
from davy.host import DirectoryRoot
from davy.host.root import OpenFile
from davy.knowledge.services import LogFormat
from davy.model.logs import Span

pytestmark = pytest.mark.live

ENTRY = (started(ENTRY_TIME) + ran(ENTRY_TIME + 1)).encode()
AROUND = [Span(ENTRY_TIME - 60, ENTRY_TIME + 60)]
NAME = "flink-root-standalonesession-0-box.log"
PATH = f"/opt/flink/log/{NAME}"
LARGE = 300 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "opt/flink/log"
    folder.mkdir(parents=True)
    return folder / NAME


def root(log: Path) -> DirectoryRoot:
    return DirectoryRoot(str(log.parents[3]))


def write_large(log: Path, size: int) -> None:
    """A log in which somebody came in a third before its end."""
    hour = hours(0.0, 3600.0, 1.0).encode().replace(b"1970-01-01 00:", b"1234-12-12 12:")
    with log.open("wb") as out:
        written, at, came_in = 0, ENTRY_TIME - 3600 * 500, False
        while written < size:
            stamp = time.strftime("%Y-%m-%d %H:", time.gmtime(at)).encode()
            written += out.write(hour.replace(b"1234-12-12 12:", stamp))
            at += 3600
            if at > ENTRY_TIME and not came_in:
                came_in = True
                written += out.write(ENTRY)
    os.utime(log, (at, at))


def test_a_span_of_a_large_log_is_found_by_reading_little(log: Path) -> None:
    write_large(log, LARGE)
    found = read(root(log), AROUND, PATH)
    assert [hit.sign for hit in hits(found)] == ["program-started", "program-ran"]
    assert gaps(found) == []
    assert reads(found)[PATH].size >= LARGE
    assert reads(found)[PATH].read_bytes < 8 << 20


def test_a_large_log_is_read_as_a_whole_in_little_memory(log: Path) -> None:
    write_large(log, LARGE)
    code = (
        "import re, sys\n"
        "from tests.unit.collect.logs.flink import hits, read, reads\n"
        "from davy.collect.logs import Budget\n"
        "from davy.host import DirectoryRoot\n"
        "found = read(DirectoryRoot(sys.argv[1]), None, sys.argv[2], Budget(seconds=600, bytes=1 << 40))\n"
        "peak = re.search('VmHWM: *([0-9]+)', open('/proc/self/status').read().replace(chr(9), ' '))[1]\n"
        "print(len(hits(found)), reads(found)[sys.argv[2]].read_bytes, peak)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(log.parents[3]), PATH], cwd=Path(__file__).parents[3], capture_output=True,
        text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert int(out[0]) == 2
    assert int(out[1]) == log.stat().st_size
    assert int(out[2]) << 10 < 100 << 20


def test_a_line_of_two_gigabytes_is_passed_over_and_said(log: Path) -> None:
    with log.open("wb") as out:
        out.write(ENTRY + b"x")
        out.truncate(2 << 30)
    found = read(root(log), AROUND, PATH)
    assert [hit.sign for hit in hits(found)] == ["program-started", "program-ran"]
    with log.open("wb") as out:
        for _ in range(256):
            out.write(b"x" * (1 << 20))
    found = read(root(log), AROUND, PATH, Budget(bytes=64 << 20))
    assert hits(found) == []
    assert any("no line of it begins with a time" in one for one in gaps(found))
    assert any("the oldest, were not searched" in one for one in gaps(found))
    assert not reads(found)[PATH].whole


def test_an_entry_behind_a_hole_is_found(log: Path) -> None:
    with log.open("wb") as out:
        out.seek(1 << 30)
        out.write(hours(ENTRY_TIME - 7200, ENTRY_TIME).encode() + ENTRY)
    found = read(root(log), AROUND, PATH)
    assert [hit.sign for hit in hits(found)] == ["program-started", "program-ran"]


def test_a_fifo_is_never_opened(log: Path) -> None:
    os.mkfifo(log)
    found = read(root(log), AROUND, PATH)
    assert gaps(found) == [f"{PATH}: {PATH}: not a regular file"]


def test_a_device_is_never_opened(log: Path) -> None:
    os.mknod(log, 0o600 | 0o020000, os.makedev(1, 5))
    assert gaps(read(root(log), None, PATH)) == [f"{PATH}: {PATH}: not a regular file"]


def test_a_folder_is_no_log(log: Path) -> None:
    log.mkdir()
    assert gaps(read(root(log), None, PATH)) == [f"{PATH}: {PATH}: not a regular file"]


def test_a_link_out_of_the_root_leads_nowhere(log: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.log"
    outside.write_bytes(ENTRY)
    log.symlink_to(outside)
    found = read(root(log), None, PATH)
    assert hits(found) == []
    assert [one.startswith(f"{PATH}: a link that leads nowhere") for one in gaps(found)] == [True]
    log.unlink()
    log.symlink_to("../" * 20 + str(outside).lstrip("/"))
    assert hits(read(root(log), None, PATH)) == []


def test_older_files_that_are_a_fifo_or_a_link_out_do_no_harm(log: Path) -> None:
    log.write_bytes(ENTRY)
    os.mkfifo(f"{log}.1")
    os.symlink("/proc/self/mem", f"{log}.2")
    found = read(root(log), None, PATH)
    assert len(hits(found)) == 2
    assert f"{PATH}.1: {PATH}.1: not a regular file" in gaps(found)


def test_a_bomb_of_gigabytes_is_left_in_time(log: Path) -> None:
    log.write_bytes(quiet(ENTRY_TIME + 60).encode())
    with gzip.open(f"{log}.1.gz", "wb", compresslevel=1) as out:
        for _ in range(1024):
            out.write(bytes(1 << 20))
    found = read(root(log), None, PATH, Budget(unpacked=128 << 20))
    assert any(f"{PATH}.1.gz: only its first" in one for one in gaps(found))
    assert reads(found)[f"{PATH}.1.gz"].read_bytes < 160 << 20


class Shrinking:
    """A file that is truncated after so many reads."""

    def __init__(self, file: OpenFile, log: Path, reads_left: int) -> None:
        self._file, self._log, self._left = file, log, reads_left
        self.size = file.size
        self._lock = threading.Lock()

    def pread(self, size: int, offset: int) -> bytes:
        return self._file.pread(size, offset)

    def data(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        yield begin, end

    def fill(self, buffer: memoryview, offset: int) -> int:
        with self._lock:
            self._left -= 1
            if not self._left:
                os.truncate(self._log, 0)
        return self._file.fill(buffer, offset)


def test_a_log_that_is_emptied_while_it_is_read_is_said(log: Path) -> None:
    log.write_bytes(hours(ENTRY_TIME - 86400, ENTRY_TIME, 0.5).encode())
    with root(log).opened(PATH) as file:
        shrinking = Shrinking(file, log, 3)
        every = [*Searching(signs(LogFormat.LOG4J)).stretches(shrinking, 0, file.size, time.monotonic() + 60)]
    assert [stretch.why for stretch in every] == ["it became shorter while it was read"]


def test_a_hundred_thousand_equal_lines_are_one_hit_in_bounded_memory(log: Path) -> None:
    with log.open("wb") as out:
        for minute in range(1000):
            out.write(started(ENTRY_TIME + minute * 60).encode() * 100)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read(root(log), None, PATH, Budget(seconds=600.0))
    (hit,) = hits(found)
    assert hit.count == 100_000
    assert hit.last_time == ENTRY_TIME + 999 * 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_what_the_time_does_not_suffice_for_is_said(log: Path) -> None:
    log.write_bytes(ENTRY)
    found = read(root(log), None, PATH, Budget(seconds=0.0))
    assert gaps(found) == [f"{PATH}: not read: the time or the bytes for logs were used up"]
    assert hits(found) == []


def test_a_search_whose_time_is_over_says_how_far_it_came(log: Path) -> None:
    log.write_bytes(ENTRY * 1000)
    with root(log).opened(PATH) as file:
        (stretch,) = Searching(signs(LogFormat.LOG4J)).stretches(file, 0, file.size, time.monotonic() - 1)
    assert stretch.begin == stretch.end == file.size
    assert stretch.found == []


def test_a_log_that_was_emptied_is_told_from_one_that_has_always_been_empty(log: Path) -> None:
    log.touch()
    assert gaps(read(root(log), None, PATH)) == []
    log.write_bytes(ENTRY)
    os.utime(log, (0, 0))
    log.write_bytes(b"")
    os.utime(log, (ENTRY_TIME, ENTRY_TIME))
    assert gaps(read(root(log), None, PATH)) == []
