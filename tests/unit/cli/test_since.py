"""What ``--since`` may be, and what it is refused for: before anything is looked at, in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cli.options import CannotError
from davy.cli.since import asked, changes_since, check_since
from davy.journal import Journal, seen
from davy.journal.state import State
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Host
from davy.model.snapshot import Snapshot

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
OLD, RECENT = (
    Autostart(
        kind=AutostartKind.CRON_SCRIPT, path=f"/etc/cron.daily/{name}", command=name, mtime=NOW - age, birth=NOW - age
    )
    for name, age in (("old", 86_400.0 * 40), ("recent", 7_200.0))
)  # fmt: skip


def snapshot(*autostarts: Autostart) -> Snapshot:
    return Snapshot(host=Host(name=None), taken=NOW, live=False, autostarts=autostarts)


@pytest.mark.parametrize(
    ("when", "finds"),
    [
        ("1h", []), ("3h", ["recent"]), ("180min", ["recent"]), ("3d", ["recent"]), ("9w", ["old", "recent"]),
        ("10000s", ["recent"]), ("2026-11-25T11:00:00Z", []), ("2026-11-25T09:00:00Z", ["recent"]),
        ("2026-11-25T13:00:00+03:00", []), ("2026-11-20", ["recent"]), ("20261120", ["recent"]),
        ("2026-11-20 06:00", ["recent"]), ("2026-01-01", ["old", "recent"]),
    ],
)  # fmt: skip
def test_a_time_is_a_duration_a_date_or_rfc_3339(when: str, finds: list[str]) -> None:
    check_since(when, this_host=False)
    found = changes_since(snapshot(OLD, RECENT), when, None)
    assert [each.command for each in found.new] == finds
    assert found.by_times


@pytest.mark.parametrize(
    "when",
    ["", "yesterday", "3", "-3d", "3 fortnights", "1.5h", "2026-13-01", "9999999d", "99:99", "host.davy", "--json",
     "0001-01-01", "²h", "\x1b[2J", "2026-11-25T12:00:00\x00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(when: str) -> None:
    with pytest.raises(CannotError, match="is no time"):
        check_since(when, this_host=True)


@given(st.text(alphabet="0123456789-:TZ+. hdwmins\x00\udcff"))
def test_anything_is_a_time_or_refused(when: str) -> None:
    try:
        check_since(when, this_host=False)
    except CannotError:
        return
    assert changes_since(snapshot(OLD), when, None).by_times


@pytest.mark.parametrize("when", ["last", "baseline"])
def test_another_host_is_not_in_the_memory_of_this_one(when: str) -> None:
    check_since(when, this_host=True)
    with pytest.raises(CannotError, match="this host's own memory"):
        check_since(when, this_host=False)


def test_without_a_memory_last_and_baseline_are_refused_and_a_time_is_not(tmp_path: Path) -> None:
    empty = Journal(State(str(tmp_path)))
    for journal in (None, empty):
        with pytest.raises(CannotError, match="no earlier scan"):
            asked(journal, "last", NOW)
        with pytest.raises(CannotError, match="no baseline"):
            asked(journal, "baseline", NOW)
        assert asked(journal, "3d", NOW) is None


def test_the_memory_is_asked_where_it_goes_back_so_far(tmp_path: Path) -> None:
    journal = Journal(State(str(tmp_path)))
    seen.keep(journal, (OLD,), NOW - 3600)
    memory = asked(journal, "10min", NOW)
    found = changes_since(snapshot(RECENT), "10min", memory)
    assert ([each.command for each in found.new], [each.command for each in found.gone]) == (["recent"], ["old"])
    assert not found.by_times
    assert asked(journal, "2h", NOW) is None
