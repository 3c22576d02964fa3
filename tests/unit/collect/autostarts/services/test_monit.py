"""What monit runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.services.monit import monit_entries, monit_programs


@pytest.mark.parametrize(
    ("text", "command", "user", "left"),
    [
        ('start program = "/a b"', "/a b", None, ""),
        ("start program '/a \"b\"'", '/a "b"', None, ""),
        ('START PROGRAM="/a" AS UID "ada" AND GID users WITH TIMEOUT 60 SECONDS', "/a", "ada", ""),
        ('stop "/a"', "/a", None, ""),
        ("restart program = /a", "/a", None, ""),
        ('if failed port 80 then exec "/a"', "/a", None, "if failed port 80 then alert"),
        ('if cpu > 90% for 2 cycles then exec "/a" as uid ada repeat every 5 cycles', "/a", "ada",
         "if cpu > 90% for 2 cycles then alert"),
        ('check program x with path "/a" every 2 cycles', "/a", None,
         'check program x with path "/bin/true" every 2 cycles'),
        ('start program = "/a" stop program = "/b"', "/a", None, ' stop program = "/b"'),
    ],
)  # fmt: skip
def test_a_program_is_found_and_what_is_left_is_valid(text: str, command: str, user: str | None, left: str) -> None:
    first, *_ = monit_entries(text)
    assert (first.command, first.user) == (command, user)
    assert text[: first.start] + first.instead + text[first.end :] == left


@pytest.mark.parametrize(
    "text",
    ['# start program = "/a"', "if failed port 80 then restart", 'check process x with pidfile "/run/x.pid"',
     'set alert ada@example.org', 'if match "then exec" then alert', "set httpd port 2812 and start"],
)  # fmt: skip
def test_what_runs_nothing_is_no_entry(text: str) -> None:
    assert list(monit_entries(text)) == []


def test_a_statement_may_take_several_lines() -> None:
    content = 'check process x\n  start program\n    = "/a"\n    as uid ada\n  if 3 restarts\n'
    (entry,) = found(monit_programs, {"/etc/monit/conf.d/x": content})
    assert (entry.line, entry.end_line, entry.user) == (2, 4, "ada")
    assert without(content, [entry]) == "check process x\n  if 3 restarts\n"


def test_files_that_are_included_are_read() -> None:
    entries = found(monit_programs, {"/etc/monitrc": "include /srv/monit/*\n", "/srv/monit/x": 'start program "/a"\n'})
    assert [(entry.path, entry.user) for entry in entries] == [("/srv/monit/x", "root")]


@given(
    st.lists(
        st.sampled_from(["start", "program", "=", '"/a"', "exec", "'", '"', "#", "\n", "as uid", "check", "with path"])
    )
)
def test_whatever_the_text_nothing_is_raised(words: list[str]) -> None:  # fmt: skip
    text = " ".join(words)
    for entry in monit_entries(text):
        assert 0 <= entry.start < entry.end <= len(text)
