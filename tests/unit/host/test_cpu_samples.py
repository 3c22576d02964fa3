"""perf's records, and whatever else a ring may hold."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from davy.host.cpu_samples import IDLE, UNKNOWN, CpuShare, Samples, parse_samples

KERNEL, USER = 1, 2


def sample(pid: int, tid: int, mode: int = USER) -> bytes:
    return struct.pack("=IHHII", 9, mode, 16, pid, tid)


def test_samples_are_counted_by_thread_and_lost_ones_are_known() -> None:
    lost = struct.pack("=IHHQQ", 2, 0, 24, 7, 41)
    throttled = struct.pack("=IHHQQQ", 5, 0, 32, 1, 2, 3)
    data = sample(7, 8) + lost + sample(7, 9) + throttled + sample(7, 8, KERNEL) + sample(0, 0, KERNEL)
    assert parse_samples(data) == ({(7, 8): 2, (7, 9): 1, IDLE: 1}, 41)


def test_somebody_without_a_pid_here_is_not_idle() -> None:
    data = sample(0xFFFFFFFF, 0xFFFFFFFF, KERNEL) + sample(0, 0, USER)
    assert parse_samples(data)[0] == {UNKNOWN: 2}


@given(st.binary(max_size=400))
def test_whatever_comes_ends_in_counts(data: bytes) -> None:
    counts, lost = parse_samples(data)
    assert counts.total() <= len(data) // 8
    assert lost >= 0


@given(st.lists(st.tuples(st.integers(1, 1 << 22), st.integers(1, 1 << 22)), max_size=30), st.binary(max_size=15))
def test_what_follows_the_last_whole_record_changes_nothing(threads: list[tuple[int, int]], noise: bytes) -> None:
    counts, _ = parse_samples(b"".join(sample(*thread) for thread in threads) + noise)
    assert counts == {thread: threads.count(thread) for thread in threads}


def test_cores_are_samples_by_time_so_that_an_idle_cpu_needs_none() -> None:
    found = Samples(2.0, 100, {(5, 5): 150, (5, 6): 100, IDLE: 30}, (CpuShare(0, 250, 0), CpuShare(1, 0, 30)), 0)
    assert (found.busy_cores, found.cores(5), found.cores(6)) == (1.25, 1.25, 0.0)
    assert Samples(0.0, 100, {}, (), 0).busy_cores == 0.0
