"""Scripts of System V's init, of OpenRC and their like."""

from __future__ import annotations

import pytest

from davy.collect.autostarts.boot.init_scripts import LINKS_LIMIT, init_scripts, init_settings
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PROGRAM = Entry(b"#!/bin/sh\n", mode=0o100755, mtime=3.0)
Files = dict[str, bytes | str | Entry]


def scripts(files: Files) -> dict[str, Autostart]:
    found = list(init_scripts(Host(MemoryRoot(files))))
    assert [fact for fact in found if isinstance(fact, Gap)] == []
    by_path = {fact.path: fact for fact in found if isinstance(fact, Autostart)}
    assert len(by_path) == len(found)
    return by_path


def link(target: str) -> Entry:
    return Entry(target=target)


def test_an_init_script_is_told_with_the_links_of_its_runlevels() -> None:
    files: Files = {
        "/etc/init.d/ssh": PROGRAM,
        "/etc/rc2.d/S01ssh": link("../init.d/ssh"),
        "/etc/rc0.d/K01ssh": link("/etc/init.d/ssh"),
        "/etc/rc2.d/README": "x",
        "/etc/init.d/README": "x",
    }
    assert scripts(files) == {
        "/etc/init.d/ssh": Autostart(
            kind=AutostartKind.INIT_SCRIPT, path="/etc/init.d/ssh", command="/etc/init.d/ssh", schedule="boot",
            user="root", links=("/etc/rc0.d/K01ssh", "/etc/rc2.d/S01ssh"), programs=("/etc/init.d/ssh",), mtime=3.0,
            ctime=3.0,
        )
    }  # fmt: skip


@pytest.mark.parametrize("line", ["DAEMON=/dev/shm/.k/x", 'command="/dev/shm/.k/x"', "daemon='/dev/shm/.k/x' # it"])
def test_the_daemon_that_a_script_names_is_among_its_programs(line: str) -> None:
    script = Entry(f"#!/bin/sh\n{line}\nPROG=x\n".encode(), mode=0o100755)
    assert scripts({"/etc/init.d/x": script})["/etc/init.d/x"].programs == ("/etc/init.d/x", "/dev/shm/.k/x")


def test_one_that_no_runlevel_starts_has_no_schedule() -> None:
    files: Files = {"/etc/init.d/a": PROGRAM, "/etc/init.d/b": PROGRAM, "/etc/rc6.d/K01b": link("../init.d/b")}
    assert {path: fact.schedule for path, fact in scripts(files).items()} == {"/etc/init.d/a": "", "/etc/init.d/b": ""}


def test_red_hats_folders_are_the_same_behind_links() -> None:
    files: Files = {
        "/etc/init.d": link("rc.d/init.d"),
        "/etc/rc3.d": link("rc.d/rc3.d"),
        "/etc/rc.d/init.d/network": PROGRAM,
        "/etc/rc.d/rc3.d/S10network": link("../init.d/network"),
    }
    assert {path: fact.links for path, fact in scripts(files).items()} == {
        "/etc/rc.d/init.d/network": ("/etc/rc.d/rc3.d/S10network",)
    }


def test_openrcs_runlevels_and_local_scripts_start_with_the_machine() -> None:
    files: Files = {
        "/etc/init.d/chronyd": PROGRAM,
        "/etc/runlevels/default/chronyd": link("/etc/init.d/chronyd"),
        "/etc/local.d/x.start": PROGRAM,
        "/etc/local.d/x.stop": PROGRAM,
        "/etc/local.d/README": "x",
    }
    assert {path: (fact.schedule, fact.links) for path, fact in scripts(files).items()} == {
        "/etc/init.d/chronyd": ("boot", ("/etc/runlevels/default/chronyd",)),
        "/etc/local.d/x.start": ("boot", ()),
        "/etc/local.d/x.stop": ("shutdown", ()),
    }


def test_a_script_that_lies_in_a_runlevel_or_elsewhere_is_told_under_its_own_path() -> None:
    files: Files = {
        "/etc/rc2.d/S99x": PROGRAM,
        "/etc/rc2.d/S98y": link("/tmp/.x/y"),
        "/tmp/.x/y": PROGRAM,
        "/etc/rc2.d/S97z": link("/gone"),
    }
    assert {path: (fact.schedule, fact.links) for path, fact in scripts(files).items()} == {
        "/etc/rc2.d/S99x": ("boot", ()),
        "/tmp/.x/y": ("boot", ("/etc/rc2.d/S98y",)),
    }


def test_rc_local_is_another_kind() -> None:
    assert scripts({"/etc/init.d/rc.local": PROGRAM, "/etc/rc.d/rc.local": PROGRAM}) == {}


def test_runlevels_with_very_many_links_are_read_in_part_and_a_gap_says_so() -> None:
    class Crowded(MemoryRoot):
        def names(self, path: str) -> list[str]:
            return (
                [f"S{n % 100:02}x{n}" for n in range(LINKS_LIMIT + 1)] if path == "/etc/rc2.d" else super().names(path)
            )

    found = list(init_scripts(Host(Crowded({"/etc/rc2.d/S00": "x"}))))
    assert [type(fact) for fact in found] == [Gap]


@pytest.mark.parametrize("path", ["/etc/default/x", "/etc/sysconfig/x", "/etc/conf.d/x", "/etc/rc.conf"])
def test_lines_that_run_something_in_what_init_scripts_read_are_entries(path: str) -> None:
    content = "# x\nDAEMON_OPTS='-a'\nhost=$(hostname)\nLD_PRELOAD=/x.so\n/tmp/x &\n"
    found = [fact for fact in init_settings(Host(MemoryRoot({path: content}))) if isinstance(fact, Autostart)]
    assert [(fact.kind, fact.path, fact.line, fact.command, fact.user) for fact in found] == [
        (AutostartKind.INIT_SCRIPT, path, 3, "host=$(hostname)", "root"),
        (AutostartKind.INIT_SCRIPT, path, 5, "/tmp/x &", "root"),
    ]
