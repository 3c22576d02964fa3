"""Type information as the kernel lays it out, and whatever else a file may hold."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Gone, Refused
from davy.host.btf import FUNCTION, STRUCT, Btf

STRINGS = b"\0int\0pid\0tgid\0task\0comm\0flags\0walk\0bits\0"
NAMES = {name.decode(): STRINGS.index(b"\0" + name + b"\0") + 1 for name in STRINGS.split(b"\0") if name}


def kind(number: int, members: int = 0, bit_fields: int = 0) -> int:
    return bit_fields << 31 | number << 24 | members


def words(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}I", *numbers)


def btf(*types: bytes, strings: bytes = STRINGS) -> bytes:
    body = b"".join(types)
    return struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings)) + body + strings


INTEGER = words(NAMES["int"], kind(1), 4, 0x20)
FORWARD = words(NAMES["task"], kind(7), 0)
INNER = words(0, kind(STRUCT, 2), 24) + words(NAMES["comm"], 1, 0) + words(NAMES["flags"], 1, 128)
TASK = (
    words(NAMES["task"], kind(STRUCT, 4, 1), 64)
    + words(NAMES["pid"], 1, 32)
    + words(NAMES["tgid"], 1, 64)
    + words(NAMES["bits"], 1, 3 << 24 | 96)
    + words(0, 3, 256)
)
PROTOTYPE = words(0, kind(13, 1), 0) + words(0, 1)
WALK = words(NAMES["walk"], kind(FUNCTION, 1), 5)
WHOLE = btf(INTEGER, FORWARD, INNER, TASK, PROTOTYPE, WALK)


def test_a_type_is_found_by_name_and_kind() -> None:
    types = Btf(WHOLE)
    assert (types.number("task", STRUCT), types.number("walk", FUNCTION)) == (4, 6)
    for name, of in (("task", FUNCTION), ("pid", STRUCT), ("nobody", STRUCT), ("alk", FUNCTION)):
        with pytest.raises(Gone):
            types.number(name, of)


def test_members_of_unnamed_structs_are_members_and_bit_fields_are_not() -> None:
    assert Btf(WHOLE).offsets("task") == {"pid": 4, "tgid": 8, "comm": 32, "flags": 48}


def test_a_struct_that_holds_itself_unnamed_ends() -> None:
    endless = words(NAMES["task"], kind(STRUCT, 2), 8) + words(0, 1, 8) + words(NAMES["pid"], 1, 0)
    assert Btf(btf(endless)).offsets("task")["pid"] <= 8


@pytest.mark.parametrize("data", [b"", WHOLE[:20], WHOLE[:-1], b"\0" + WHOLE[1:], b"x" * 4096])
def test_what_is_no_btf_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        Btf(data)


def asked(data: bytes) -> None:
    try:
        types = Btf(data)
    except Refused:
        return
    for ask in (lambda: types.offsets("task"), lambda: types.number("walk", FUNCTION)):
        try:
            ask()
        except (Gone, Refused):
            continue


@given(st.binary(max_size=200))
def test_types_that_make_no_sense_end_in_an_answer(body: bytes) -> None:
    asked(btf(body[: len(body) - len(body) % 4]))


@given(st.integers(24, len(WHOLE) - 1), st.binary(min_size=1, max_size=6))
def test_a_damaged_table_ends_in_an_answer(at: int, noise: bytes) -> None:
    asked(WHOLE[:at] + noise + WHOLE[at + len(noise) :])
