"""What systemd runs besides its units, and whose units start with the machine."""

from __future__ import annotations

import pytest

from davy.collect.autostarts.login.motd import motd_scripts
from davy.collect.autostarts.systemd.generators import generators, lingering, sleep_hooks
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

PROGRAM = Entry(b"#!/bin/sh\n", mode=0o100755, mtime=3.0)
Files = dict[str, bytes | str | Entry]


def host(files: Files) -> Host:
    return Host(MemoryRoot(files))


@pytest.mark.parametrize("top", ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"])
@pytest.mark.parametrize(
    ("folder", "schedule", "user"),
    [
        ("system-generators", "boot", "root"),
        ("system-environment-generators", "boot", "root"),
        ("user-generators", "login", None),
        ("user-environment-generators", "login", None),
    ],
)
def test_a_generator_is_told_with_whom_it_runs_as_and_when(
    top: str, folder: str, schedule: str, user: str | None
) -> None:
    path = f"{top}/{folder}/x"
    assert list(generators(host({path: PROGRAM}))) == [
        Autostart(
            kind=AutostartKind.GENERATOR, path=path, command=path, schedule=schedule, user=user, programs=(path,),
            mtime=3.0, ctime=3.0,
        )
    ]  # fmt: skip


def test_what_is_not_executable_or_masked_is_no_generator_and_a_folder_behind_a_link_is_read_once() -> None:
    files: Files = {
        "/lib": Entry(target="usr/lib"),
        "/usr/lib/systemd/system-generators/a": PROGRAM,
        "/etc/systemd/system-generators/a": Entry(target="/dev/null"),
        "/etc/systemd/system-generators/README": "x",
    }
    assert [fact.path for fact in generators(host(files)) if isinstance(fact, Autostart)] == [
        "/usr/lib/systemd/system-generators/a"
    ]


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        ("/etc/systemd/system-sleep/x", "sleep"),
        ("/usr/lib/systemd/system-sleep/x", "sleep"),
        ("/etc/pm/sleep.d/x", "sleep"),
        ("/etc/systemd/system-shutdown/x", "shutdown"),
        ("/usr/lib/systemd/system-shutdown/x", "shutdown"),
    ],
)
def test_hooks_of_sleep_and_shutdown_run_as_root(path: str, schedule: str) -> None:
    (found,) = sleep_hooks(host({path: PROGRAM}))
    assert isinstance(found, Autostart)
    assert (found.kind, found.path, found.schedule, found.user) == (AutostartKind.SLEEP_HOOK, path, schedule, "root")


def test_who_lingers_has_the_name_of_the_mark() -> None:
    (found,) = lingering(host({"/var/lib/systemd/linger/ada": ""}))
    assert isinstance(found, Autostart)
    assert (found.kind, found.user, found.command, found.schedule, found.programs) == (
        AutostartKind.LINGER,
        "ada",
        "the units of ada",
        "boot",
        (),
    )


def test_scripts_of_the_message_of_the_day_are_those_that_are_executable() -> None:
    files: Files = {"/etc/update-motd.d/10-uname": PROGRAM, "/etc/update-motd.d/README": "x"}
    (found,) = motd_scripts(host(files))
    assert isinstance(found, Autostart)
    assert (found.kind, found.path, found.user, found.schedule) == (
        AutostartKind.MOTD,
        "/etc/update-motd.d/10-uname",
        "root",
        "login",
    )
