"""What git runs by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.programs.git import git_entries, git_hooks, git_settings
from davy.host import Entry

SETTINGS = """\
[user]
\tname = "Ada # not a comment" ; a comment
[core] pager = less -R # c
\tfsmonitor = "/tmp/x \\"a\\"" \\
  -b
\tsshcommand
[filter "a.b"]
\tclean=/tmp/y
"""


def test_settings_are_read_as_git_reads_them() -> None:
    assert [(each.key, each.value) for each in git_settings(SETTINGS)] == [
        ("user.name", "Ada # not a comment"),
        ("core.pager", "less -R"),
        ("core.fsmonitor", '/tmp/x "a"   -b'),
        ("filter.a.b.clean", "/tmp/y"),
    ]


@pytest.mark.skipif(shutil.which("git") is None, reason="no git on this machine")
def test_git_itself_reads_the_same_and_what_is_left(tmp_path: Path) -> None:
    def git(text: str) -> set[tuple[str, str]]:
        path = tmp_path / "config"
        path.write_text(text)
        shown = subprocess.run(["git", "config", "-z", "-f", path, "-l"], check=True, capture_output=True, text=True)
        rows = (row.partition("\n") for row in shown.stdout.split("\0") if "\n" in row)
        return {(key, " ".join(value.split())) for key, _, value in rows}

    read = {(each.key, " ".join(each.value.split())) for each in git_settings(SETTINGS)}
    assert read == git(SETTINGS)
    for entry in found(git_hooks, {"/etc/gitconfig": SETTINGS}):
        gone = {(key, value) for key, value in read if f"git: {key}" == entry.schedule}
        assert len(gone) == 1
        assert git(without(SETTINGS, [entry])) == read - gone


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("[core]\nhooksPath = /x", "/x"),
        ("[core]\nfsmonitor = true", None),
        ("[core]\nfsmonitor = /tmp/x", "/tmp/x"),
        ("[CORE]\nsshCommand = /tmp/x -i k", "/tmp/x -i k"),
        ("[alias]\nst = status", None),
        ("[alias]\nst = !sh -c x", "sh -c x"),
        ("[credential]\nhelper = store", None),
        ("[credential]\nhelper = !/tmp/x", "/tmp/x"),
        ('[credential "https://example.org"]\nhelper = /tmp/x', "/tmp/x"),
        ('[diff "x"]\ntextconv = /tmp/x', "/tmp/x"),
        ("[diff]\nexternal = /tmp/x", "/tmp/x"),
        ("[init]\ntemplateDir = /tmp/x", "/tmp/x"),
        ('[merge "x"]\ndriver = /tmp/x %O', "/tmp/x %O"),
        ("[user]\nname = /tmp/x", None),
        ("[core]\nautocrlf = input", None),
        ("[pager]\nlog = false", None),
    ],
)
def test_only_settings_that_run_something_are_entries(setting: str, command: str | None) -> None:
    assert [entry.command for entry in git_entries(setting)] == ([command] if command else [])


@pytest.mark.parametrize(
    "place",
    [
        "/etc/.git", "/srv/x/.git", "/opt/x/.git", "/var/www/x/.git", "/home/ada/.git", "/home/ada/x/.git",
        "/srv/git/x.git",
    ],
)  # fmt: skip
def test_repositories_are_looked_for_in_every_place(place: str) -> None:
    files: dict[str, bytes | str | Entry] = {
        f"{place}/config": "[core]\n\tfsmonitor = /tmp/x\n",
        f"{place}/hooks/post-merge": Entry(b"#!/bin/sh\n", mode=0o100755),
        f"{place}/hooks/pre-commit.sample": Entry(b"#!/bin/sh\n", mode=0o100755),
        f"{place}/hooks/pre-push": Entry(b"#!/bin/sh\n", mode=0o100644),
    }
    assert [(entry.path, entry.line) for entry in found(git_hooks, files)] == [
        (f"{place}/config", 2),
        (f"{place}/hooks/post-merge", None),
    ]


def test_folders_of_hooks_that_settings_name_are_read_once() -> None:
    hook = Entry(b"#!/bin/sh\n", mode=0o100755)
    files: dict[str, bytes | str | Entry] = {
        "/etc/gitconfig": "[core]\nhooksPath = /usr/share/hooks\n[init]\ntemplateDir = /usr/share/template\n",
        "/home/ada/.gitconfig": "[core]\nhooksPath = ~/hooks\n[include]\npath = more\n",
        "/home/ada/more": "[core]\nhooksPath = /usr/share/hooks\n",
        "/usr/share/hooks/a": hook,
        "/usr/share/template/hooks/b": hook,
        "/home/ada/hooks/c": hook,
    }
    entries = found(git_hooks, files)
    assert [(entry.path, entry.user) for entry in entries if entry.line is None] == [
        ("/usr/share/hooks/a", None),
        ("/usr/share/template/hooks/b", None),
        ("/home/ada/hooks/c", "ada"),
    ]
    assert [entry.path for entry in entries if entry.line] == [
        "/etc/gitconfig", "/etc/gitconfig", "/home/ada/.gitconfig", "/home/ada/more",
    ]  # fmt: skip


@given(st.text(st.sampled_from('[core]pager = "\\#;\n\t\0!')))
def test_whatever_the_text_settings_are_parts_of_it(text: str) -> None:
    for setting in git_settings(text):
        assert 0 <= setting.start < setting.end <= len(text)
