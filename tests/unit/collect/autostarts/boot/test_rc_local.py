"""Command lines of rc.local, and of inittab."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.boot.rc_local import RC_FILES, inittab_entries, inittab_lines, rc_local_lines
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

Files = dict[str, bytes | str | Entry]


def lines(files: Files) -> list[Autostart]:
    return [fact for fact in rc_local_lines(Host(MemoryRoot(files))) if isinstance(fact, Autostart)]


@pytest.mark.parametrize("path", RC_FILES)
def test_each_command_line_is_an_entry_that_root_runs(path: str) -> None:
    content = b"#!/bin/sh -e\n# none\nif [ -x /a ]; then\n\t/a -d &\nfi\nexit 0\n"
    (found,) = lines({path: Entry(content, mode=0o100755, mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.RC_LOCAL, path=path, line=4, text="\t/a -d &", remains="\t:", command="/a -d &",
        schedule="shutdown" if "shutdown" in path or "halt" in path else "boot", user="root", programs=("/a",),
        mtime=2.0, ctime=2.0,
    )  # fmt: skip


def test_one_that_is_not_executable_starts_nothing() -> None:
    assert [(fact.command, fact.schedule) for fact in lines({"/etc/rc.local": "/a\n"})] == [("/a", "")]


@pytest.mark.parametrize("content", [b"#!/usr/bin/python3\nimport os\n", b"#!/usr/bin/env perl\n", b"\x7fELF\x02\n\n"])
def test_what_no_shell_reads_is_an_entry_as_a_whole(content: bytes) -> None:
    (found,) = lines({"/etc/rc.local": Entry(content, mode=0o100755)})
    assert (found.line, found.command, found.programs) == (None, "/etc/rc.local", ("/etc/rc.local",))


def test_debians_link_to_the_old_place_is_one_file() -> None:
    files: Files = {"/etc/rc.d/rc.local": "/a\n", "/etc/rc.local": Entry(target="rc.d/rc.local")}
    assert [fact.path for fact in lines(files)] == ["/etc/rc.d/rc.local"]


def test_processes_of_an_inittab_are_entries_with_action_and_runlevels() -> None:
    content = (
        "# x:1:wait:/a\nid:2:initdefault:\nx1:2345:respawn:/sbin/getty 38400 tty1\n::sysinit:+/etc/rcS\nx:1:off:/b\n"
    )
    found = [fact for fact in inittab_lines(Host(MemoryRoot({"/etc/inittab": content}))) if isinstance(fact, Autostart)]
    assert [(fact.line, fact.schedule, fact.command, fact.user, fact.programs) for fact in found] == [
        (3, "respawn 2345", "/sbin/getty 38400 tty1", "root", ("/sbin/getty",)),
        (4, "sysinit", "/etc/rcS", "root", ("/etc/rcS",)),
    ]
    assert {fact.kind for fact in found} == {AutostartKind.INITTAB}


@given(st.text(alphabet=st.sampled_from("ab:#+ \n\r\0é"), max_size=100))
def test_any_inittab_is_read(content: str) -> None:
    rows = content.split("\n")
    for entry in inittab_entries(content):
        assert rows[entry.line - 1].removesuffix("\r") == entry.text
        assert entry.command in entry.text
