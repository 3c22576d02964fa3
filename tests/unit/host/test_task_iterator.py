"""The program that walks the task list, and what it writes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Refused
from davy.host.task_iterator import Task, parse_tasks, program

OFFSETS = {"pid": 1264, "tgid": 1268, "start_boottime": 1560, "flags": 44, "comm": 1752}


def test_a_written_task_is_read_back() -> None:
    written = struct.pack("=IIQI4x16s", 7, 5, 51_345_178_735, 0x208040, b"kworker/0:1\0rest")
    assert list(parse_tasks(written * 2 + written[:-1])) == [Task(7, 5, 51_345_178_735, 0x208040, "kworker/0:1")] * 2
    assert not Task(7, 5, 0, 0, "").leads


@given(st.binary(max_size=200))
def test_whatever_is_written_is_read(data: bytes) -> None:
    assert len(list(parse_tasks(data))) == len(data) // 40


def test_the_program_jumps_to_its_end_and_reads_where_the_kernel_keeps_it() -> None:
    code = list(struct.iter_unpack("=BBhi", program(OFFSETS)))
    test, exits = code[2], code[-1]
    assert (test[:2], exits[0]) == ((0x15, 0x07), 0x95)
    assert code[3 + test[2]] == (0xB7, 0, 0, 0)
    assert 3 + test[2] + 2 == len(code)
    reads = {offset for kind, registers, offset, _ in code if registers >> 4 == 7 and kind in (0x61, 0x79)}
    assert reads == {1264, 1268, 1560, 44, 1752, 1760}


@pytest.mark.parametrize("change", [{"comm": 40_000}, {"pid": -1}, {"tgid": None}])
def test_without_a_member_there_is_no_program(change: dict[str, int | None]) -> None:
    offsets = {name: offset for name, offset in {**OFFSETS, **change}.items() if offset is not None}
    with pytest.raises(Refused):
        program(offsets)
