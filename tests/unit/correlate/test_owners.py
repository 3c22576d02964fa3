"""An owner's own miner: named as such, and what the owner allowed makes no incident, while all of it is as it was."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.detect.samples_verdict import CLIENT, CLIENT_DETAIL, WORK
from tests.unit.snapshots import (
    TAKEN,
    TTY,
    Fact,
    connection,
    cron,
    detail,
    executable,
    hidden,
    incident_of,
    judged,
    process,
    service,
    snapshot,
)

from davy.model.allowance import Allowance, unit_of
from davy.model.concealment import View
from davy.model.facts import Process, ProcessDetail
from davy.model.incidents import Role, Verdict

POOL = ("101.32.166.253", 3333)
UNIT = "/system.slice/xmrig.service"
PACKAGED = process(100, "/usr/bin/xmrig", "-c", "/etc/xmrig/config.json", cores=1.0, cgroup=UNIT, user="ada")
PACKAGED_DETAIL = detail(PACKAGED, program=executable("/usr/bin/xmrig", owner_package="xmrig"))
OWN = process(101, "/usr/local/bin/xmrig", "--config=/etc/xmrig.json", cores=1.0, cgroup=UNIT, user="ada")
OWN_UNIT = service("/usr/local/bin/xmrig --config=/etc/xmrig.json", unit="xmrig.service", user="ada")
ALLOWED = Allowance(
    id=3, sha256="0" * 64, path="/usr/local/bin/xmrig", unit="xmrig.service", user="ada", reason="my own",
    since=TAKEN - 86_400, by="ada",
)  # fmt: skip


def _mining(of: Process) -> Fact:
    return connection(of, *POOL)


def test_a_packaged_miner_is_suspect_at_most_and_may_be_its_owners_own() -> None:
    found = incident_of(snapshot(PACKAGED, PACKAGED_DETAIL, _mining(PACKAGED)))
    assert found.verdict is Verdict.SUSPECT
    assert found.owners == "XMRig, of the installed package xmrig, unmodified"
    assert "may be its owner's own: davy allow" in found.summary


def test_a_miner_that_a_package_owns_but_is_another_is_confirmed() -> None:
    forged = detail(PACKAGED, program=executable("/usr/bin/xmrig", owner_package="xmrig", unmodified=False))
    found = incident_of(snapshot(PACKAGED, forged, _mining(PACKAGED)))
    assert (found.verdict, found.owners) == (Verdict.CONFIRMED, None)


def test_a_unit_of_its_own_name_with_its_settings_in_the_open_is_an_owners_hand() -> None:
    found = incident_of(snapshot(OWN, OWN_UNIT, _mining(OWN)))
    assert (found.verdict, found.owners) == (
        Verdict.SUSPECT,
        "XMRig, run by xmrig.service, with its settings in the open",
    )


def test_a_person_who_starts_a_miner_in_a_terminal_may_own_it() -> None:
    shell = process(107, "-bash", exe="/usr/bin/bash", user="ada", tty=TTY, session=107)
    miner = process(108, "/opt/xmrig/xmrig", ppid=107, user="ada", tty=TTY, session=107, cores=1.0)
    found = incident_of(snapshot(shell, miner, _mining(miner)))
    assert (found.verdict, found.owners) == (Verdict.SUSPECT, "XMRig, started from a person's shell")


@pytest.mark.parametrize(
    ("what", "facts"),
    [
        ("no unit and no package", (process(101, "/usr/local/bin/xmrig", cores=1.0),)),
        ("a unit of another name", (msgspec.structs.replace(OWN, cgroup="/system.slice/net.service"), OWN_UNIT)),
        ("settings on the command line", (msgspec.structs.replace(OWN, cmdline=("/usr/local/bin/xmrig",)), OWN_UNIT)),
        ("a cron line beside the unit", (OWN, OWN_UNIT, cron("/usr/local/bin/xmrig"))),
        ("a process that hides", (OWN, OWN_UNIT, hidden(OWN, View.LISTING))),
        ("an odd place", (process(101, "/tmp/xmrig", "-c", "/etc/x.json", cores=1.0, cgroup=UNIT), OWN_UNIT)),
    ],
)  # fmt: skip
def test_whoever_copies_a_name_or_a_path_earns_nothing(what: str, facts: tuple[Fact, ...]) -> None:
    miner = next(fact for fact in facts if isinstance(fact, Process))
    found = incident_of(snapshot(*facts, _mining(miner)))
    assert (found.verdict, found.owners) == (Verdict.CONFIRMED, None), what


def test_volunteer_computing_is_clean_and_named_as_what_it_is() -> None:
    found = judged(snapshot(CLIENT, CLIENT_DETAIL, WORK, detail(WORK)))
    assert found.verdict is Verdict.CLEAN
    considered = next(row for row in found.considered if row.subject == WORK.subject)
    assert any("BOINC" in finding.summary for finding in considered.findings)


def test_what_is_allowed_makes_no_incident_and_is_told_with_its_cost() -> None:
    found = judged(snapshot(OWN, OWN_UNIT, _mining(OWN), ALLOWED))
    assert (found.verdict, found.incidents) == (Verdict.CLEAN, ())
    (told,) = found.allowed
    assert told.pids == (101,)
    assert told.differs == ()
    assert told.cpu_hours
    assert told.burning_cores == 1.0
    assert told.findings, "what is found of it is kept"
    assert all(row.subject != OWN.subject for row in found.considered)


def test_the_unit_of_what_is_allowed_is_no_incident_of_its_own() -> None:
    loud = service("/usr/local/bin/xmrig -o stratum+tcp://192.0.2.1:3333 --donate-level 1", unit="xmrig.service")
    assert judged(snapshot(OWN, loud, ALLOWED)).incidents == ()


def _other(program: str = "/usr/local/bin/xmrig", **changes: object) -> ProcessDetail:
    return detail(OWN, program=msgspec.structs.replace(executable(program), **changes))


@pytest.mark.parametrize(
    ("said", "miner", "allowance", "facts"),
    [
        ("its sha256 is ffffffffffff", OWN, {}, (_other(sha256="f" * 64),)),
        ("not in other.service", OWN, {"unit": "other.service"}, ()),
        ("it runs in xmrig.service, not in none", OWN, {"unit": None}, ()),
        ("it runs as ada, not as root", OWN, {"user": "root"}, ()),
        ("it hides", OWN, {}, (hidden(OWN, View.LISTING),)),
        ("its program was deleted", process(101, "/usr/local/bin/xmrig", cores=1.0, cgroup=UNIT, user="ada",
                                            deleted=True), {}, ()),
        ("lies where anyone may write", process(101, "/tmp/xmrig", cores=1.0, cgroup=UNIT, user="ada"), {}, ()),
        ("exists in memory only", process(101, "/memfd:xmrig", cores=1.0, cgroup=UNIT, user="ada", memory_only=True),
         {}, ()),
        ("anyone may write to", OWN, {}, (_other(mode=0o100777),)),
    ],
)  # fmt: skip
def test_an_allowance_counts_for_the_same_content_unit_and_user_alone(
    said: str, miner: Process, allowance: dict[str, object], facts: tuple[Fact, ...]
) -> None:
    changed = msgspec.structs.replace(ALLOWED, **allowance)
    found = judged(snapshot(miner, _mining(miner), changed, *facts))
    assert [one.verdict for one in found.incidents] != []
    (told,) = found.allowed
    assert told.pids == ()
    assert any(said in words for words in told.differs), told.differs


def test_what_is_allowed_is_told_while_it_does_not_run() -> None:
    (told,) = judged(snapshot(ALLOWED)).allowed
    assert (told.pids, told.differs, told.cpu_hours) == ((), (), None)


def test_an_allowance_excuses_no_other_miner_beside_it() -> None:
    intruder = process(102, "/tmp/abcd", cores=1.0)
    found = judged(snapshot(OWN, OWN_UNIT, _mining(OWN), intruder, _mining(intruder), ALLOWED))
    (incident,) = found.incidents
    assert {actor.pid for actor in incident.actors if actor.role is Role.MINER} == {102}


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("/system.slice/xmrig.service", "xmrig.service"),
        ("/system.slice/xmrig.service/inner", "xmrig.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "user@1000.service/x.service"),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", None),
        ("/user.slice/user-1000.slice/session-3.scope", None),
        ("/", None),
        (None, None),
    ],
)
def test_a_control_group_tells_the_unit(cgroup: str | None, unit: str | None) -> None:
    assert unit_of(cgroup) == unit
