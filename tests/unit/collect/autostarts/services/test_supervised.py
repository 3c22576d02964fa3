"""Service folders of runit, s6 and daemontools."""

from __future__ import annotations

import pytest
from tests.unit.collect.autostarts.taking_out import facts, found

from davy.collect.autostarts.services.supervised import supervised_services
from davy.host import Entry
from davy.model.autostarts import AutostartKind
from davy.model.facts import Gap

RUN = Entry(b"#!/bin/sh\nexec /tmp/x\n", mode=0o100755, mtime=4.0)


def test_a_service_is_its_programs_and_the_links_that_enable_its_folder() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/etc/sv/x/run": RUN,
        "/etc/sv/x/log/run": RUN,
        "/etc/sv/x/conf": "A=b\n",
        "/etc/sv/y/run": RUN,
        "/etc/sv/z/run": Entry(b"#!/bin/sh\n", mode=0o100644),
        "/etc/runit/runsvdir/default/x": Entry(target="/etc/sv/x"),
        "/etc/runit/runsvdir/current": Entry(target="default"),
        "/var/service": Entry(target="/etc/runit/runsvdir/current"),
    }
    entries = found(supervised_services, files)
    link = ("/etc/runit/runsvdir/default/x",)
    assert [(entry.path, entry.schedule, entry.links) for entry in entries] == [
        ("/etc/sv/x/run", "boot", link),
        ("/etc/sv/x/log/run", "boot", link),
        ("/etc/sv/y/run", "", ()),
    ]
    assert {(entry.kind, entry.command, entry.programs) for entry in entries} == {
        (AutostartKind.RUNIT, entry.path, (entry.path,)) for entry in entries
    }
    assert entries[0].mtime == 4.0


@pytest.mark.parametrize(
    "path",
    ["/service/x/run", "/etc/service/x/run", "/etc/service/x/finish", "/etc/services.d/x/run", "/run/service/x/run",
     "/etc/cont-init.d/x", "/etc/runit/1", "/etc/service/x/control/t"],
)  # fmt: skip
def test_every_place_is_read(path: str) -> None:
    assert [(entry.path, entry.schedule) for entry in found(supervised_services, {path: RUN})] == [(path, "boot")]


def test_a_line_of_s6_rc_is_the_command_itself() -> None:
    (entry,) = found(supervised_services, {"/etc/s6-overlay/s6-rc.d/x/up": "/tmp/x -a\n"})
    assert (entry.line, entry.command, entry.programs) == (None, "/tmp/x -a", ("/tmp/x",))


def test_links_that_go_round_are_a_gap() -> None:
    files = {"/etc/service/x": Entry(target="y"), "/etc/service/y": Entry(target="x"), "/etc/service/z/run": RUN}
    read = facts(supervised_services, {**files})
    assert {fact.what for fact in read if isinstance(fact, Gap)} == {"/etc/service/x", "/etc/service/y"}
    assert [fact.path for fact in read if not isinstance(fact, Gap)] == ["/etc/service/z/run"]
