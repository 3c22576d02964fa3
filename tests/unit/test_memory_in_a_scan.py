"""What the memory says comes into the snapshot as facts: judged with it, counted, and replayed from a capsule."""

from __future__ import annotations

from pathlib import Path

import pytest

from davy import capsule
from davy.host import at
from davy.journal import Journal, seen
from davy.journal.state import State
from davy.model.autostarts import AutostartCount, News
from davy.model.facts import Gap
from davy.model.snapshot import Snapshot
from davy.scan import autostart_gaps, autostarts_of, replay, scan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc/cron.d").mkdir(parents=True)
    (root / "etc/cron.d/own").write_text("0 3 * * * root /opt/backup\n")
    return root


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(State(str(tmp_path / "state")))


def news(snapshot: Snapshot) -> dict[str, News | None]:
    return {each.command: each.news for each in snapshot.autostarts}


def test_news_is_marked_counted_weighed_and_replayed(root: Path, journal: Journal, tmp_path: Path) -> None:
    host = at(str(root))
    first, judged = scan(host)
    assert news(first) == {"/opt/backup": None}
    assert first.autostarts[0].first_seen is None
    assert judged.autostarts == AutostartCount(seen=1)
    seen.keep(journal, first.autostarts, first.taken, autostart_gaps(first))
    (root / "etc/cron.d/own").write_text("0 3 * * * root /opt/backup\n* * * * * root /tmp/kdevtmpfsi\n")
    second, judged = scan(host, seen=seen.recalled(journal, first.taken + 60))
    assert news(second) == {"/opt/backup": None, "/tmp/kdevtmpfsi": News.NEW}
    assert second.autostarts[0].first_seen == first.taken
    assert judged.autostarts == AutostartCount(seen=2, new=1)
    (incident,) = judged.incidents
    assert "persistence.new-autostart" in {finding.rule for finding in incident.findings}
    file = str(tmp_path / "host.davy")
    capsule.write(second, file)
    replayed, again = replay(file)
    assert news(replayed) == news(second)
    assert again == judged


def test_an_autostart_alone_that_is_new_is_no_incident(root: Path, journal: Journal) -> None:
    host = at(str(root))
    seen.keep(journal, (), 1.0)
    found, judged = scan(host, seen=seen.recalled(journal, 2.0))
    assert news(found) == {"/opt/backup": News.NEW}
    assert judged.incidents == judged.considered == ()


def test_a_memory_that_cannot_be_read_is_a_gap_and_the_scan_goes_on(root: Path, journal: Journal) -> None:
    seen.keep(journal, autostarts_of(at(str(root)))[0], 1.0)
    with journal.transaction() as db:
        db.execute("UPDATE autostarts SET seen = X'ff'")
    (gap,) = seen.recalled(journal, 2.0)
    assert isinstance(gap, Gap)
    found, judged = scan(at(str(root)), seen=(gap,))
    assert gap in found.gaps
    assert news(found) == {"/opt/backup": None}
    assert judged.autostarts.seen == 1


def test_a_look_at_the_autostarts_alone_sees_what_a_scan_sees(root: Path) -> None:
    (root / "etc/cron.d/own").chmod(0o644)
    found, gaps = autostarts_of(at(str(root)))
    snapshot, _ = scan(at(str(root)))
    assert [each.subject for each in found] == [each.subject for each in snapshot.autostarts]
    assert gaps == autostart_gaps(snapshot)
