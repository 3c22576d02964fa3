"""Sweeps: the native steps and those in Python give the same answers, are bounded, and leave nothing behind."""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.host import steps as pure
from davy.host import sweeps

NATIVE = None if sweeps.steps is pure else sweeps.steps
IN_CI = os.environ.get("CI") == "true"
TWO_BLOCKS = 6000
"""So many short names fill more than one block of getdents64."""


def native() -> sweeps.Steps:
    if NATIVE is None:
        if IN_CI:
            pytest.fail("the native steps were not compiled")
        pytest.skip("the native steps were not compiled: there was no compiler when Davy was installed")
    return NATIVE


@pytest.fixture(params=["native", "pure"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> sweeps.Steps:
    """The steps that the sweeps are made of while the test runs."""
    chosen: sweeps.Steps = native() if request.param == "native" else pure
    monkeypatch.setattr(sweeps, "steps", chosen)
    return chosen


either = pytest.mark.usefixtures("steps")
"""The test holds with either kind of steps."""


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def child() -> Iterator[int]:
    """The pid of a child that has stopped itself; it is killed and reaped at the end."""
    process = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 19)"])
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        yield process.pid
    finally:
        process.kill()
        process.wait()


# The pid space


@either
def test_a_sweep_finds_every_process_that_lives_throughout() -> None:
    listed = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    living = sweeps.living_pids(1, sweeps.PID_LIMIT)
    still = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    assert os.getpid() in living.pids
    assert listed & still <= set(living.pids)
    assert living.pids == sorted(set(living.pids))
    assert living.end == sweeps.PID_LIMIT + 1


@either
def test_a_thread_is_told_from_a_process() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert thread.native_id is not None
        living = sweeps.living_pids(thread.native_id, thread.native_id)
        assert (living.pids, living.threads) == ([], [thread.native_id])
    finally:
        done.set()
        thread.join()


@either
def test_a_process_that_waits_to_be_reaped_is_found_and_a_reaped_one_is_not() -> None:
    with child() as pid:
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert sweeps.living_pids(pid, pid).pids == [pid]
    assert sweeps.living_pids(pid, pid).pids == []


@either
def test_the_ranges_of_several_steps_join_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "MOST_PIDS", 7)
    me = os.getpid()
    for first in range(me - 9, me + 1):
        living = sweeps.living_pids(first, me + 20)
        assert me in living.pids
        assert living.pids == sorted(set(living.pids))
        assert living.end == me + 21


@either
def test_a_deadline_ends_a_sweep_and_how_far_it_came_is_said() -> None:
    assert sweeps.living_pids(1, sweeps.PID_LIMIT, time.monotonic()) == ([], [], 1)
    cut = sweeps.living_pids(1, sweeps.PID_LIMIT, time.monotonic() + 0.02)
    assert 1 < cut.end <= sweeps.PID_LIMIT
    assert all(pid < cut.end for pid in cut.pids + cut.threads)


@either
def test_an_interrupt_is_heard_while_a_sweep_goes_on() -> None:
    class Heard(Exception):
        pass

    def handler(_number: int, _frame: object) -> None:
        raise Heard

    def again_and_again() -> None:
        for _ in range(50):
            sweeps.living_pids(1, sweeps.PID_LIMIT)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        with pytest.raises(Heard):
            again_and_again()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("first", "last"), [(0, 5), (-1, 5), (5, 4), (1, sweeps.PID_LIMIT + 1), (1, 1 << 40)])
@either
def test_ids_that_no_kernel_hands_out_are_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no range of pids"):
        sweeps.living_pids(first, last)


@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 4), (1, pure.MOST_PIDS + 1), ((1 << 31) - 5, (1 << 31) - 1)])
def test_a_step_bounds_its_range(steps: sweeps.Steps, first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no range of pids"):
        steps.living(first, last)


def test_a_sweep_without_a_descriptor_left_fails_instead_of_finding_nobody(steps: sweeps.Steps) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            steps.living(os.getpid(), os.getpid())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Listings

NAMES = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=255).filter(lambda name: not set(name) & {0, 47} and name not in (b".", b"..")),
        st.integers(0, 1 << 70).map(lambda number: b"%d" % number),
        st.sampled_from([b"007", b"...", b".x", "²".encode(), b"+1", b"-1", b" 1", b"1_0", b"9" * 18, b"9" * 19]),
    ),
    unique=True,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_any_names_are_listed_as_they_are(names: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for at, name in enumerate(names):
            path = os.path.join(os.fsencode(folder), name)
            if at % 3 == 0:
                os.mkdir(path)
            elif at % 3 == 1:
                os.symlink(b"nowhere", path)
            else:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        expected = sorted((os.fsencode(entry.name), entry.inode()) for entry in os.scandir(folder))
        numbers = sorted(int(name) for name in names if len(name) <= 18 and not set(name) - set(b"0123456789"))
        answers = []
        with opened(folder) as descriptor:
            for chosen in (pure, NATIVE or pure):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(sweeps, "steps", chosen)
                    listing = sweeps.folder_entries(descriptor)
                    assert listing.complete
                    assert sorted((entry.name, entry.inode) for entry in listing.entries) == expected
                    assert sorted(sweeps.numbered(descriptor)) == numbers
                    answers.append(listing)
        assert answers[0] == answers[1]


@either
def test_a_folder_of_several_blocks_is_listed_whole(tmp_path: Path) -> None:
    for number in range(TWO_BLOCKS):
        (tmp_path / str(number)).touch()
    with opened(tmp_path) as descriptor:
        assert sorted(sweeps.numbered(descriptor)) == list(range(TWO_BLOCKS))
        listing = sweeps.folder_entries(descriptor)
        assert listing.complete
        assert len(listing.entries) == TWO_BLOCKS


@either
def test_a_listing_stops_at_its_limit_and_says_so(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).touch()
    with opened(tmp_path) as descriptor:
        assert [len(sweeps.folder_entries(descriptor, limit).entries) for limit in (0, 3, 10, 11)] == [0, 3, 10, 10]
        assert [sweeps.folder_entries(descriptor, limit).complete for limit in (0, 9, 10)] == [False, False, True]


@either
def test_the_kinds_of_entries_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    with opened(tmp_path) as descriptor:
        kinds = {entry.name: entry.kind for entry in sweeps.folder_entries(descriptor).entries}
    assert kinds == {b"folder": 4, b"file": 8, b"link": 10, b"pipe": 1}


@either
def test_the_folder_of_a_process_that_has_gone_fails_as_gone() -> None:
    with child() as pid:
        descriptor = os.open(f"/proc/{pid}/task", os.O_RDONLY | os.O_DIRECTORY)
        assert sweeps.numbered(descriptor) == [pid]
    try:
        for sweep in (sweeps.numbered, sweeps.folder_entries):
            with pytest.raises(FileNotFoundError):
                sweep(descriptor)
    finally:
        os.close(descriptor)


def test_what_is_no_folder_is_refused(steps: sweeps.Steps) -> None:
    descriptor = os.open("/proc/self/stat", os.O_RDONLY)
    try:
        for step in (steps.entries, steps.numbers):
            with pytest.raises(NotADirectoryError):
                step(descriptor)
    finally:
        os.close(descriptor)
    for step in (steps.entries, steps.numbers):
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            step(-1)


# Many small files


def test_files_of_a_live_procfs_are_read_alike() -> None:
    chosen = native()
    with child() as pid, opened("/proc") as descriptor:
        names = ("status", "cmdline", "cgroup", "comm", "limits", "environ", "task", "exe", "nothing")
        paths = [os.fsencode(f"{pid}/{name}") for name in names] + [b"version", b"self", b"filesystems"]
        assert chosen.contents(descriptor, paths, 16_384) == pure.contents(descriptor, paths, 16_384)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=5000), min_size=1, max_size=8),
    st.lists(st.integers(0, 12), max_size=40),
    st.integers(1, 6000),
)
def test_files_are_read_to_the_limit_whatever_their_length(contents: list[bytes], order: list[int], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(contents):
            Path(folder, str(number)).write_bytes(content)
        expected = [contents[at][:limit] if at < len(contents) else errno.ENOENT for at in order]
        with opened(folder) as descriptor:
            for chosen in (pure, NATIVE or pure):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(sweeps, "steps", chosen)
                    assert sweeps.read_files(descriptor, [b"%d" % at for at in order], limit) == expected


@either
def test_more_files_than_one_step_takes_are_read_in_order(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_text(f"file {number}")
    paths = [b"%d" % (number % 50) for number in range(2000)]
    with opened(tmp_path) as descriptor:
        assert sweeps.read_files(descriptor, paths) == [b"file %s" % path for path in paths]
        assert sweeps.read_files(descriptor, paths[:60], 1 << 23) == [b"file %s" % path for path in paths[:60]]
        assert sweeps.read_files(descriptor, []) == []


@either
def test_what_is_no_small_file_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "silent")
    os.mkfifo(tmp_path / "held")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "shut").mkdir()
    with opened(tmp_path) as descriptor:
        writer = os.open(tmp_path / "held", os.O_RDWR)
        try:
            assert sweeps.read_files(descriptor, [b"silent", b"held", b"link", b"shut", b"n" * 300, b""]) == [
                b"", errno.EAGAIN, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT,
            ]  # fmt: skip
        finally:
            os.close(writer)


@either
def test_a_process_that_has_gone_is_an_errno_in_its_place() -> None:
    with child() as gone:
        pass
    with opened("/proc") as descriptor:
        missing, me = sweeps.read_files(descriptor, [b"%d/stat" % gone, b"%d/stat" % os.getpid()])
    assert missing == errno.ENOENT
    assert isinstance(me, bytes)
    assert me.startswith(b"%d (" % os.getpid())


BAD_READS: list[tuple[list[object], int, type[Exception]]] = [
    (["text"], 10, TypeError),
    ([b"a\0b"], 10, ValueError),
    ([None], 10, TypeError),
    ([b"a"], 0, ValueError),
    ([b"a"], -1, ValueError),
    ([b"a"], pure.MOST_BYTES + 1, ValueError),
    ([b"a", b"b"], pure.MOST_BYTES, ValueError),
    ([b"a"] * (pure.MOST_PATHS + 1), 1, ValueError),
    ([], 1, ValueError),
]


@pytest.mark.parametrize(("paths", "limit", "error"), BAD_READS)
def test_a_reading_step_refuses_what_it_cannot_bound(
    steps: sweeps.Steps, tmp_path: Path, paths: list[bytes], limit: int, error: type[Exception]
) -> None:
    with opened(tmp_path) as descriptor, pytest.raises(error):
        steps.contents(descriptor, paths, limit)


@pytest.mark.parametrize("limit", [0, -1, pure.MOST_BYTES + 1])
@either
def test_a_limit_that_is_none_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="no limit of bytes"):
        sweeps.read_files(0, [b"x"], limit)


# What only the native steps can get wrong


def test_the_native_steps_refuse_arguments_of_other_kinds() -> None:
    chosen = native()
    for call in (chosen.living, chosen.entries, chosen.numbers, chosen.contents):
        for arguments in ((), (None,), ("1", "2"), (1 << 40, 1 << 40), (1, 2, 3, 4)):
            with pytest.raises((TypeError, OverflowError)):
                call(*arguments)
    with pytest.raises(TypeError):
        chosen.contents(0, 5, 10)  # type: ignore[arg-type]


def native_calls(descriptor: int) -> dict[str, Callable[[], object]]:
    """A call of each step, rewound where it is a listing."""
    chosen = native()

    def rewound(step: Callable[[int], object]) -> Callable[[], object]:
        def call() -> object:
            os.lseek(descriptor, 0, os.SEEK_SET)
            return step(descriptor)

        return call

    paths = [b"self/stat", b"self/nothing", b"self/status"] * 20
    return {
        "living": lambda: chosen.living(1, 4000),
        "entries": rewound(chosen.entries),
        "numbers": rewound(chosen.numbers),
        "contents": lambda: chosen.contents(descriptor, paths, 4096),
    }


@pytest.mark.parametrize("name", ["living", "entries", "numbers", "contents"])
def test_other_threads_run_while_a_step_is_in_the_kernel(name: str) -> None:
    with opened("/proc") as descriptor:
        call = native_calls(descriptor)[name]
        started, progressed = threading.Event(), threading.Event()

        def other() -> None:
            started.wait()
            progressed.set()

        thread = threading.Thread(target=other)
        thread.start()
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)  # nobody takes the GIL from this thread; it runs on until it gives it
        try:
            started.set()
            deadline = time.monotonic() + 20
            while not progressed.is_set() and time.monotonic() < deadline:
                call()
            assert progressed.is_set()
        finally:
            sys.setswitchinterval(interval)
            thread.join()


def _bytes_of_memory() -> tuple[int, int]:
    """Of address space, and resident."""
    size, resident = Path("/proc/self/statm").read_text().split()[:2]
    page = resource.getpagesize()
    return int(size) * page, int(resident) * page


def test_the_native_steps_leave_no_memory_reference_or_descriptor_behind() -> None:
    chosen = native()
    path, bad = b"self/stat" + bytes([120]), [b"self/stat", "no bytes"]

    def everything(descriptor: int) -> None:
        for call in native_calls(descriptor).values():
            call()
        chosen.contents(descriptor, [path] * 5, 4096)
        for refused in (
            lambda: chosen.contents(descriptor, bad, 1 << 20),  # type: ignore[arg-type]
            lambda: chosen.contents(-1, [path], 0),
            lambda: chosen.living(5, 4),
            lambda: chosen.entries(-1),
            lambda: chosen.numbers(-1),
        ):
            with pytest.raises((TypeError, ValueError, OSError)):
                refused()

    with opened("/proc") as descriptor:
        for _ in range(20):
            everything(descriptor)
        references = [sys.getrefcount(thing) for thing in (path, bad[1], bad)]
        gc.collect()  # what earlier tests left is no loss, and no gain, of these rounds
        blocks, descriptors = sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))
        size, resident = _bytes_of_memory()
        for _ in range(300):
            everything(descriptor)
        gc.collect()
        grown_size, grown_resident = (
            now - then for now, then in zip(_bytes_of_memory(), (size, resident), strict=True)
        )
        assert [sys.getrefcount(thing) for thing in (path, bad[1], bad)] == references
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert sys.getallocatedblocks() - blocks < 300
        # A block that is lost in each round is 300 times 16 KiB at the least.
        assert grown_resident < 4 << 20
        assert grown_size < 4 << 20
