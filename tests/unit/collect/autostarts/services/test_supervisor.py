"""What supervisord keeps running."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.services.supervisor import program_entries, sections, supervised_programs

CONF = """\
[supervisord]
user=root

[program:web]
command=/srv/web/run --a ; a comment
  --b
user=www-data
; what comes next
[program:x]
command = /bin/sh -c "x;y" # z
autostart=false

[group:all]
programs=web,x
"""


def test_a_program_is_its_section() -> None:
    web, other = found(supervised_programs, {"/etc/supervisor/conf.d/x.conf": CONF})
    assert (web.line, web.end_line, web.command, web.user, web.schedule) == (
        4, 7, "/srv/web/run --a --b", "www-data", "boot",
    )  # fmt: skip
    assert (other.line, other.end_line, other.command, other.user, other.schedule) == (
        9, 11, '/bin/sh -c "x;y"', "root", "manual",
    )  # fmt: skip


@pytest.mark.parametrize("chosen", [[0], [1], [0, 1]])
def test_what_is_left_without_a_program_is_valid(chosen: list[int]) -> None:
    entries = found(supervised_programs, {"/etc/supervisord.conf": CONF})
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(without(CONF, [entries[index] for index in chosen]))
    kept = [f"program:{name}" for index, name in enumerate(("web", "x")) if index not in chosen]
    assert parser.sections() == ["supervisord", *kept, "group:all"]
    assert parser["supervisord"]["user"] == "root"


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("[program:x]\ncommand=/a", ["/a"]),
        ("[program:x]\n  command=/a\n  user=b", ["/a"]),
        ("[program:x]\ncommand: /a", ["/a"]),
        ("[program:x]\nCommand=\n ; c\n\n  /a", ["/a"]),
        ("[eventlistener:x]\ncommand=/a", ["/a"]),
        ("[fcgi-program:x]\ncommand=/a", ["/a"]),
        ("[program:x]\n;command=/a", []),
        ("[program:x]\nuser=a", []),
        ("[rpcinterface:x]\ncommand=/a", []),
    ],
)
def test_every_way_to_write_a_program_is_understood(text: str, commands: list[str]) -> None:
    assert [entry.command for entry in program_entries(text)] == commands


NAMES = st.sampled_from(["a", "b", "command"])
PIECES = st.lists(st.sampled_from(["x", " y", ";z", " ;z", "#", "  ", "\n ", "\n\n ", "="]), max_size=4).map("".join)


@given(st.lists(st.tuples(NAMES, PIECES), max_size=4, unique_by=lambda pair: pair[0]))
def test_settings_are_read_as_the_parser_reads_them(pairs: list[tuple[str, str]]) -> None:
    text = "[program:x]\n" + "".join(f"{key}={value}\n" for key, value in pairs)
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    (section,) = sections(text)
    expected = {key: " ".join((value or "").split()) for key, value in parser["program:x"].items()}
    assert {key: " ".join(value.split()) for key, value in section.settings.items()} == expected


def test_files_that_are_included_are_read() -> None:
    entries = found(supervised_programs, {
        "/etc/supervisord.conf": "[include]\nfiles = more/*.cfg /srv/%(here)s/x\n",
        "/etc/more/a.cfg": "[program:a]\ncommand=/a\n",
        "/etc/other/a.cfg": "[program:a]\ncommand=/no\n",
    })  # fmt: skip
    assert [(entry.path, entry.command) for entry in entries] == [("/etc/more/a.cfg", "/a")]
