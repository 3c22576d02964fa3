"""What the kernel counts for the whole machine, and files that only pretend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Refused
from davy.host.totals import CpuTimes, parse_load, parse_totals

STAT = b"""\
cpu  67087 5 23633 364653 999 3 156 81 7 1
cpu0 32842 0 12032 183168 106 0 25 38 0 0
cpu3 34244 5 11600 181484 893 3 130 43 7 1
intr 1 2 3
ctxt 2286301
btime 1795600776
processes 89435
procs_running 6
procs_blocked 0
softirq 778599 0 101226
"""


def test_totals_of_the_machine_and_of_each_cpu_that_is_on() -> None:
    totals = parse_totals(STAT)
    assert totals.whole == CpuTimes(67087, 5, 23633, 364653, 999, 3, 156, 81, 7, 1)
    assert (totals.whole.tasks, totals.whole.interrupts) == (67087 + 5 + 23633, 159)
    assert totals.whole.passed == 67087 + 5 + 23633 + 364653 + 999 + 3 + 156 + 81
    assert list(totals.cpus) == [0, 3]
    assert (totals.switches, totals.boot_time, totals.forks, totals.running) == (2286301, 1795600776, 89435, 6)


def test_an_older_kernel_has_fewer_columns() -> None:
    assert parse_totals(b"cpu 1 2 3 4\ncpu0 1 2 3 4\n").whole == CpuTimes(1, 2, 3, 4, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("text", [b"", b"cpu 1 2 3\ncpu0 1 2 3\n", b"cpu 1 2 3 4\n", b"cpu 1 2 3 x\ncpu0 1 2 3 4\n",
                                  b"cpu 1 2 3 4\ncpu0 1 2 3 -4\n", b"cpu 1 2 3 4\ncpu0 1 2 3 4\nctxt many\n",
                                  b"cpu 1 2 3 4\ncpux 1 2 3 4\n", "cpu 1 2 3 \u00b2\n".encode()])  # fmt: skip
def test_a_file_that_is_no_stat_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        parse_totals(text)


def test_load_tells_threads_and_the_last_pid() -> None:
    load = parse_load(b"2.39 1.67 0.89 5/169 24647\n")
    assert (load.averages, load.running, load.threads, load.last_pid) == ((2.39, 1.67, 0.89), 5, 169, 24647)


@pytest.mark.parametrize("text", [b"", b"1 2 3", b"1 2 3 4 5", b"a b c 1/2 3", b"1 2 3 1/2 -3"])
def test_a_file_that_is_no_loadavg_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        parse_load(text)


@given(st.binary(max_size=120), st.sampled_from([b"", b"cpu ", b"cpu0 1 2 3 4\ncpu 1 2 3 4\n", b"1 2 3 4/5 "]))
def test_whatever_comes_is_understood_or_refused(data: bytes, head: bytes) -> None:
    for parse in (parse_totals, parse_load):
        try:
            parse(head + data)
        except Refused:
            continue
