"""Of a line in the preload file only the guilty entries go; a line that names nothing else goes whole."""

from __future__ import annotations

import pytest

from davy.respond.hiders import without_entries


@pytest.mark.parametrize(
    ("line", "guilty", "remains"),
    [
        (b"/x.so", {b"/x.so"}, b""),
        (b"/x.so # ours", {b"/x.so"}, b""),
        (b"/x.so:/y.so", {b"/x.so", b"/y.so"}, b""),
        (b"/x.so:/good.so", {b"/x.so"}, b"/good.so"),
        (b"/good.so:/x.so # both", {b"/x.so"}, b"/good.so # both"),
        (b"/good.so /x.so /fine.so", {b"/x.so"}, b"/good.so /fine.so"),
        (b"  /x.so\t/good.so\r", {b"/x.so"}, b"\t/good.so"),
        (b"/x.so.1:/x.so", {b"/x.so"}, b"/x.so.1"),
        (b"/good.so # /x.so", {b"/x.so"}, b"/good.so #"),
        (b"# /x.so", {b"/x.so"}, b""),
    ],
)
def test_what_remains_of_a_line(line: bytes, guilty: set[bytes], remains: bytes) -> None:
    assert without_entries(line, guilty) == remains
