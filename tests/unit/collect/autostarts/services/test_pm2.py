"""What pm2 brings back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.services.pm2 import dump_entries, pm2_programs

APPS = [
    {"name": "web", "status": "online", "pm_exec_path": "/srv/w/index.js", "exec_interpreter": "node", "args": ["-q"]},
    {"name": "x", "pm_exec_path": "/tmp/x", "exec_interpreter": "none", "env": {"status": "online"}, "status": "x"},
    {"name": "y", "pm_exec_path": "/usr/bin/bash", "args": "-c /tmp/y", "pm_cwd": "/tmp", "cron_restart": "0 * * * *"},
    {"name": "off", "status": "stopped", "pm_exec_path": "/tmp/no"},
]  # fmt: skip
PATH = "/home/ada/.pm2/dump.pm2"


def test_each_program_that_would_start_is_an_entry() -> None:
    entries = found(pm2_programs, {PATH: json.dumps(APPS, indent=2)})
    assert [(entry.command, entry.user, entry.schedule, entry.programs) for entry in entries] == [
        ("node /srv/w/index.js -q", "ada", "boot", ("/srv/w/index.js",)),
        ("/tmp/x", "ada", "boot", ("/tmp/x",)),
        ("/usr/bin/bash -c /tmp/y", "ada", "boot; cron=0 * * * *", ("/usr/bin/bash", "/tmp/y")),
    ]


@pytest.mark.parametrize("chosen", [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]])
def test_what_is_left_is_a_list_in_which_the_others_still_start(chosen: list[int]) -> None:
    text = json.dumps(APPS, indent=2)
    entries = found(pm2_programs, {PATH: text})
    after = without(text, [entries[index] for index in chosen])
    assert [each["name"] for each in json.loads(after)] == ["web", "x", "y", "off"]
    assert [entry.command for entry in dump_entries(after)] == [
        entry.command for index, entry in enumerate(entries) if index not in chosen
    ]


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_the_same_holds_for_a_list_in_one_line(chosen: int) -> None:
    text = json.dumps(APPS)
    entries = found(pm2_programs, {PATH: text})
    assert len({entry.subject for entry in entries}) == 3
    commands = [entry.command for entry in dump_entries(without(text, [entries[chosen]]))]
    assert commands == [entry.command for index, entry in enumerate(entries) if index != chosen]


def test_a_list_that_is_cut_off_is_read_as_far_as_it_goes() -> None:
    assert [entry.command for entry in dump_entries(json.dumps(APPS)[:-40])] == [
        "node /srv/w/index.js -q", "/tmp/x", "/usr/bin/bash -c /tmp/y",
    ]  # fmt: skip


@given(
    st.recursive(
        st.none() | st.text("ab/"),
        lambda inside: (
            st.lists(inside)
            | st.dictionaries(
                st.sampled_from(["pm_exec_path", "args", "exec_interpreter", "status", "cron_restart", "pm_cwd"]),
                inside,
            )
        ),
    )
)
def test_whatever_stands_in_the_list_nothing_is_raised(tree: object) -> None:  # fmt: skip
    for entry in dump_entries(json.dumps([tree])):
        assert entry.command
