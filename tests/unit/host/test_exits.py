"""What the kernel writes when a thread ends, as it was recorded, and whatever else comes."""

from __future__ import annotations

import base64
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host.exits import cpu_list, parse_exit


def recorded(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))


# Linux 6.18, a process of two threads that took 5 ms each: the second thread's end, and then the first's.
THREAD = recorded(
    "c-jkLVqlPGU|=XWV*mptMg|54CKd(`21bVBas~zyCT0c!22{WdrEP1O8HfU$wqR<upAVQ$DlN)mAOV2fQ3%9;x3gt~_$x(F<rnZntwGb*Cj_CdFM`lVSRwQVO"
    "$O3{0Cr&}2JG&D`IiuY`3D^ol|$$Taj3vQ2qnKjnJ9C=<w4@bosVHa008B87zq"
)
LAST = recorded(
    "c-ou7!oVQUz`!8n%m4;Vj0_A8Oe_o>42%p#<qQlaOw0@d5Ge))D9y}3A`q$qQ+0kmU^=O^D328FAa@i3@!#!i*&zNb4ODptc?fL*<ugKQZe0ky-W4KpgcZWy"
    "pb1sLL%?DI?7~bql*8Ns^DiL)^A9%vqWJS4gpyyN%rF#y0~0GS{V-vq9~fYR(zdlkrX=a@U`lfC463-#-WHYrK##uR!$cq*!TdW?0RYmL8?6"
)
HEADS = 36


def of_version(version: int, size: int, *, flags: int = 0, tgid_at: int | None = None, shift: int = 0) -> bytes:
    """A record as another kernel writes it: struct taskstats of ``size`` bytes, fields after the delays shifted."""
    stats = bytearray(size)
    struct.pack_into("=H", stats, 0, version)
    struct.pack_into("=B", stats, 8, flags)
    struct.pack_into("=Q", stats, 72 + shift, 1_500_000_000)
    struct.pack_into("=32s", stats, 80 + shift, b"kworker\0rest")
    struct.pack_into("=III4xQQQ", stats, 128 + shift, 77, 2, 1_700_000_000, 3_000_000, 1_000_000, 400_000)
    if tgid_at is not None:
        struct.pack_into("=I", stats, tgid_at, 70)
    heads = struct.pack("=HHHHIHH", 16 + size, 4, 8, 1, 77, 4 + size, 3)
    return struct.pack("=IHHIIBBH", 20 + len(heads) + size, 31, 0, 0, 0, 2, 1, 0) + heads + stats


def test_a_thread_that_was_not_the_last_is_told_from_its_process() -> None:
    record = parse_exit(THREAD)
    assert record is not None
    assert (record.tid, record.tgid, record.ppid, record.name) == (30579, 30578, 30577, "burn")
    assert (record.cpu_seconds, record.ticked_seconds, record.elapsed_seconds) == (0.005000859, 0.004, 0.005289)
    assert (record.last, record.group_cpu_seconds, record.started) == (False, None, 1795602429)


def test_the_last_thread_brings_the_sum_of_all() -> None:
    record = parse_exit(memoryview(LAST))
    assert record is not None
    assert (record.tid, record.tgid, record.last, record.group_cpu_seconds) == (30578, 30578, True, 0.010001689)


@pytest.mark.parametrize(
    ("message", "tgid", "last"),
    [
        (of_version(8, 328), None, None),
        (of_version(10, 352), None, None),
        (of_version(12, 400, tgid_at=368, flags=0x20), 70, True),
        (of_version(13, 416, tgid_at=368), 70, False),
        (of_version(15, 560, tgid_at=464, shift=48, flags=0x22), 70, True),
        (of_version(17, 700, tgid_at=368), 70, False),
    ],
)
def test_every_kernel_since_4_18_is_understood(message: bytes, tgid: int | None, last: bool | None) -> None:
    record = parse_exit(message)
    assert record is not None
    assert (record.tid, record.ppid, record.name) == (77, 2, "kworker")
    assert (record.cpu_seconds, record.ticked_seconds, record.elapsed_seconds) == (1.5, 1.4, 3.0)
    assert (record.tgid, record.last) == (tgid, last)


def test_a_struct_whose_pid_is_elsewhere_is_not_guessed_at() -> None:
    assert parse_exit(of_version(17, 700, shift=8)) is None


def test_what_a_thread_took_at_most_is_a_tick_more_than_was_counted_or_all_its_life() -> None:
    thread = parse_exit(THREAD)
    assert thread is not None
    tick = time.clock_getres(6)
    assert thread.most_seconds == 0.005289
    assert thread._replace(elapsed_seconds=9.0).most_seconds == 0.005000859 + tick
    assert thread._replace(elapsed_seconds=9.0, cpu_seconds=0.0).most_seconds == tick
    assert thread._replace(elapsed_seconds=9.0, cpu_seconds=0.0, last=None).most_seconds == 9.0


@given(st.binary(max_size=700))
def test_whatever_comes_is_a_record_or_none(data: bytes) -> None:
    assert parse_exit(data) is None


@given(st.integers(0, len(LAST) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_record_is_a_record_or_none(at: int, noise: bytes) -> None:
    record = parse_exit(LAST[:at] + noise + LAST[at + len(noise) :])
    assert record is None or record.tid == struct.unpack_from("=I", LAST[:at] + noise + LAST[at + len(noise) :], 28)[0]
    assert parse_exit(LAST[:at]) is None or at >= len(THREAD)


@given(st.sets(st.integers(0, 200)))
def test_a_set_of_cpus_is_written_as_the_kernel_reads_it(cpus: set[int]) -> None:
    written = cpu_list(cpus)
    read = [part.split("-") for part in written.split(",") if part]
    assert {cpu for part in read for cpu in range(int(part[0]), int(part[-1]) + 1)} == cpus
    assert cpu_list([0, 1, 2, 5]) == "0-2,5"
