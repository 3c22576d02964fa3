"""What runs as logs are rotated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.scheduled.logrotate import logrotate_entries, logrotate_scripts
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

SECTION = "/var/log/x {\n\tdaily\n\tpostrotate\n\t\t# open anew\n\t\t/usr/sbin/x --reopen\n\tendscript\n}\n"


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(logrotate_scripts(Host(MemoryRoot(files))))


def test_a_line_of_a_script_is_an_entry() -> None:
    path = "/etc/logrotate.d/x"
    assert read({path: Entry(SECTION.encode(), mtime=1.0)}) == [
        Autostart(
            kind=AutostartKind.LOGROTATE, path=path, line=5, text="\t\t/usr/sbin/x --reopen",
            command="/usr/sbin/x --reopen", schedule="rotation postrotate", user="root", programs=("/usr/sbin/x",),
            mtime=1.0, ctime=1.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("when", ["prerotate", "postrotate", "firstaction", "lastaction", "preremove"])
def test_every_script_is_read(when: str) -> None:
    (found,) = logrotate_entries(f"{when}\n/tmp/x\nendscript\n")
    assert (found.line, found.schedule) == (2, f"rotation {when}")


def test_compressors_are_programs_and_what_is_in_no_script_is_none() -> None:
    content = "/var/log/x {\ncompresscmd /usr/bin/xz\n#uncompresscmd /tmp/y\n/tmp/z\n}\n"
    assert [(entry.line, entry.command) for entry in logrotate_entries(content)] == [(2, "/usr/bin/xz")]


def test_scripts_run_as_the_user_of_their_own_section() -> None:
    script = "postrotate\n/tmp/x\nendscript\n"
    content = f"su adm adm\na {{\n{script}su ada ada\n}}\nb {{\n{script}}}\n"
    assert [entry.user for entry in logrotate_entries(content)] == ["ada", "adm"]
    assert [entry.user for entry in logrotate_entries(f"a {{\n{script}}}\n")] == ["root"]


def test_what_a_line_is_taken_out_of_stays_a_script() -> None:
    content = "a {\npostrotate\nif true; then\n  /tmp/x\nfi\n/tmp/y \\\n  --z\nendscript\n}\n"
    nested, long = logrotate_entries(content)
    assert (nested.line, nested.remains) == (4, "  :")
    assert (long.line, long.end_line, long.remains) == (6, 7, None)


def test_a_script_without_an_end_goes_to_the_end() -> None:
    assert [entry.line for entry in logrotate_entries("a {\npostrotate\n/tmp/x\n}\n/tmp/y\n")] == [3, 5]


def test_what_the_configuration_includes_is_read_once() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/etc/logrotate.conf": "include /etc/logrotate.d\ninclude /srv/rotate\ninclude /srv/one.conf\ninclude /no\n",
        "/etc/logrotate.d/x": SECTION,
        "/srv/rotate/y": SECTION,
        "/srv/one.conf": SECTION,
    }
    found = read(files)
    assert all(isinstance(fact, Autostart) for fact in found)
    assert {fact.path for fact in found if isinstance(fact, Autostart)} == {*files} - {"/etc/logrotate.conf"}
    assert len(found) == 3


def test_scripts_that_run_before_web_servers_logs_are_rotated_are_entries() -> None:
    path = "/etc/logrotate.d/httpd-prerotate/x"
    (found,) = read({path: Entry(b"#!/bin/sh", mode=0o100755)})
    assert isinstance(found, Autostart)
    assert (found.path, found.line, found.schedule) == (path, None, "rotation prerotate")


def test_a_fifo_is_a_gap() -> None:
    assert [type(fact) for fact in read({"/etc/logrotate.d/x": Entry(mode=0o010644)})] == [Gap]


@given(
    st.lists(
        st.sampled_from(["postrotate", "endscript", "a {", "}", "su x y", "\t/tmp/x", "if a; then", "fi", "'", "\r"])
    )
)
def test_any_text_is_read(lines: list[str]) -> None:
    for entry in logrotate_entries("\n".join(lines)):
        assert entry.line is not None
        whole = lines[entry.line - 1 : entry.end_line or entry.line]
        assert entry.text == "\n".join(line.removesuffix("\r") for line in whole)
