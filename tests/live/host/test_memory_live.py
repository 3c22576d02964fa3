"""Memory is read whole where it can be, and in bounded time whatever lies in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.live.stratum.support import compiled, lacking, line_of, running

from davy.host.errors import Denied, Gone
from davy.host.memory import BLOCK, Limits, Reading, read_memory
from davy.host.procfs import LiveProcfs

pytestmark = pytest.mark.live
PATIENCE = 6.0
"""Seconds that a read bounded to one second may take where others use the machine, too."""


@pytest.fixture(scope="module")
def stalls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("stalls.c", tmp_path_factory.mktemp("stalls") / "stalls")


class Seen:
    """What a look was shown."""

    def __init__(self, needle: bytes = b"\0") -> None:
        self.needle, self.places, self.longest = needle, set[int](), 0

    def __call__(self, block: memoryview, address: int) -> None:
        at = bytes(block).find(self.needle)
        if at >= 0:
            self.places.add(address + at)
        self.longest = max(self.longest, len(block))


def read(pid: int, *looks: Seen, limits: Limits | None = None) -> Reading:
    return read_memory(LiveProcfs(), pid, looks or (Seen(), Seen()), limits or Limits())


def test_needle_anywhere_in_three_hundred_megabytes_is_found() -> None:
    code = (
        "import os\nx = [bytearray(b'ab' * 5_000_000) for _ in range(30)]\n"
        "for n in (3, 17, 29): x[n][n * 300_000 : n * 300_000 + 12] = b'nee' + b'dle' + b'%06d' % n\n"
        "print('ready', flush=True)\nimport time\ntime.sleep(600)"
    )
    with running(sys.executable, "-c", code) as process:
        assert line_of(process.stdout) == "ready"
        found = {number: Seen(b"needle%06d" % number) for number in (3, 17, 29)}
        for number, seen in found.items():
            reading = read(process.pid, seen, limits=Limits(seconds=20.0))
            assert seen.places, number
            assert reading.read > 300_000_000
            assert reading.left == 0


def test_needle_across_the_border_of_two_blocks_is_found() -> None:
    code = (
        f"import mmap\nm = mmap.mmap(-1, {4 * BLOCK}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        f"m[:] = b'x' * {4 * BLOCK}\n"
        f"for n in (1, 2, 3): m[n * {BLOCK} - 5 : n * {BLOCK} + 5] = b'across' + b'%04d' % n\n"
        "print('ready', flush=True)\nimport time\ntime.sleep(600)"
    )
    with running(sys.executable, "-c", code) as process:
        assert line_of(process.stdout) == "ready"
        for number in (1, 2, 3):
            first, second = Seen(b"across%04d" % number), Seen(b"across%04d" % number)
            read(process.pid, first, second, limits=Limits(seconds=20.0))
            assert first.places | second.places


@pytest.mark.parametrize("kind", ["sparse", "many", "denied", "missing", "flapping", "changing"])
def test_bad_memory_costs_bounded_time(stalls: Path, kind: str) -> None:
    with running(stalls, kind) as process:
        if line_of(process.stdout) != "ready":
            lacking("userfaultfd is refused")
        started = time.monotonic()
        reading = read(process.pid, Seen(), Seen())
        assert time.monotonic() - started < PATIENCE
        assert reading.read < 1 << 30
        if kind == "sparse":
            assert reading.read < 8 << 20
            assert not reading.left
        if kind == "missing":
            assert not reading.stuck, "no page that is not there is touched"
            assert reading.read < 8 << 20


def test_page_that_is_not_there_any_more_when_it_is_read_holds_up_nobody(stalls: Path, tmp_path: Path) -> None:
    """Asked for, found there, gone when read: the kernel answers for `/proc/PID/mem` without asking the userfaultfd."""
    script = tmp_path / "reader.py"
    script.write_text(
        "import sys, time\n"
        "from davy.host import memory\n"
        "from davy.host.procfs import LiveProcfs\n"
        "memory._PRESENT = bytes([1] * 256)\n"  # every page is said to be there
        "started = time.monotonic()\n"
        "found = memory.read_memory(LiveProcfs(), int(sys.argv[1]), [lambda b, a: None] * 2, memory.Limits())\n"
        "print(time.monotonic() - started, flush=True)\n"
    )
    with running(stalls, "missing") as process:
        if line_of(process.stdout) != "ready":
            lacking("userfaultfd is refused")
        done = subprocess.run(
            [sys.executable, str(script), str(process.pid)], capture_output=True, text=True, timeout=60, check=True
        )
        assert float(done.stdout) < PATIENCE
        assert process.poll() is None


class Silent(LiveProcfs):
    """A procfs whose answer about one process never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.silence = os.pipe()

    def read(self, path: str, limit: int = 4096) -> bytes:
        return os.read(self.silence[0], 1) if path.endswith("/maps") else super().read(path, limit)


def test_reader_that_waits_for_the_kernel_for_ever_is_left_behind() -> None:
    procfs = Silent()
    started = time.monotonic()
    reading = read_memory(procfs, os.getpid(), [Seen(), Seen()], Limits())
    assert time.monotonic() - started < PATIENCE
    assert reading.stuck
    for descriptor in procfs.silence:
        os.close(descriptor)


def test_limits_of_bytes_are_kept_and_told() -> None:
    with running(
        sys.executable, "-c", "x = b'ab' * 60_000_000\nprint('ready', flush=True)\nimport time\ntime.sleep(600)"
    ) as p:
        assert line_of(p.stdout) == "ready"
        seen = Seen()
        reading = read(p.pid, seen, limits=Limits(bytes=16 << 20, seconds=20.0))
        assert reading.read <= (16 << 20) + BLOCK + (1 << 20)
        assert reading.left > 80 << 20
        assert seen.longest <= BLOCK + 4096


def test_process_that_has_ended_is_gone() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    with pytest.raises(Gone):
        read(ended.pid)


def test_process_that_ends_while_it_is_read_is_no_error(stalls: Path) -> None:
    for _ in range(5):
        with running(stalls, "changing") as process:
            line_of(process.stdout)
            threading.Timer(0.005, process.send_signal, (signal.SIGKILL,)).start()
            with suppress(Gone):
                read(process.pid)


def test_another_users_memory_is_denied_to_who_is_not_root() -> None:
    with running("sleep", "600") as process:
        child = os.fork()
        if not child:
            os.setuid(65534)
            try:
                read(process.pid)
            except Denied:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
