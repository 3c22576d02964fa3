"""Which memory is read: what a process keeps for itself, and of that only pages that are there."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import memory
from davy.host.errors import Gone
from davy.host.memory import Limits, Region, _Work, parse_maps, read_memory
from davy.host.procfs import RecordedProcfs

MAPS = b"""\
55d0c0a00000-55d0c0a02000 r--p 00000000 08:01 1234                       /usr/bin/cat
55d0c0a02000-55d0c0a07000 r-xp 00002000 08:01 1234                       /usr/bin/cat
55d0c0a09000-55d0c0a0b000 rw-p 00008000 08:01 1234                       /usr/bin/cat
55d0c1b00000-55d0c1b21000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000021000 rw-p 00000000 00:00 0
7f0000100000-7f0000200000 rw-s 00000000 00:01 99                         /memfd:x (deleted)
7f0000200000-7f0000300000 r-xp 00000000 00:01 98                         /tmp/a b (deleted)
7f0000300000-7f0000400000 rw-s 00000000 08:01 97                         /var/lib/db/data.mdb
7f0000400000-7f0000500000 rw-s 00000000 00:06 96                         /dev/dri/renderD128
7f0000500000-7f0000600000 ---p 00000000 00:00 0
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
7ffd00100000-7ffd00104000 r--p 00000000 00:00 0                          [vvar]
7ffd00104000-7ffd00106000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


def test_what_a_process_keeps_for_itself_is_read_and_files_and_devices_are_not() -> None:
    read = [region.path for region in parse_maps(MAPS) if region.of_interest]
    assert read == ["/usr/bin/cat", "[heap]", "", "/memfd:x (deleted)", "/tmp/a b (deleted)", "[stack]"]


@given(st.binary(max_size=500))
def test_any_maps_are_read(data: bytes) -> None:
    list(parse_maps(data))
    list(parse_maps(MAPS[:200] + data))


@pytest.mark.parametrize("chunk", [8, 24, 1 << 18])
@given(states=st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=60))
def test_spans_are_the_pages_that_are_there_however_they_are_asked_for(chunk: int, states: Sequence[int]) -> None:
    entries = b"".join(struct.pack("<Q", (0, 1 << 63, 1 << 62)[state]) for state in states)
    pagemap = os.memfd_create("pagemap")
    before, memory._PAGEMAP_CHUNK = memory._PAGEMAP_CHUNK, chunk  # type: ignore[misc]
    try:
        os.write(pagemap, entries)
        work = _Work(RecordedProcfs({}), 1, Limits())
        found = list(work._present(pagemap, Region(0, len(states) * 4096, "rw-p", ""), 4096))
    finally:
        memory._PAGEMAP_CHUNK = before  # type: ignore[misc]
        os.close(pagemap)
    place, wanted = 0, []
    for state, group in itertools.groupby(states):
        length = len(list(group))
        if state == 1:
            wanted.append((place * 4096, (place + length) * 4096))
        place += length
    assert [tuple(span) for span in found] == wanted
    assert work.reading().swapped == states.count(2) * 4096


def test_process_of_a_recording_has_no_memory() -> None:
    with pytest.raises(Gone):
        read_memory(RecordedProcfs({"1/maps": MAPS}), 1, [lambda *_: None], Limits())


def test_error_of_a_look_is_not_swallowed() -> None:
    def fails(_block: memoryview, _address: int) -> None:
        raise ValueError("look")

    from davy.host.procfs import LiveProcfs

    with pytest.raises(ValueError, match="look"):
        read_memory(LiveProcfs(), os.getpid(), [fails, fails], Limits(seconds=5.0))
