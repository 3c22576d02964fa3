"""The memory of the host: what is new, changed and gone since any look, whatever an enemy writes or sets back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.journal import Journal, comparing, seen
from davy.journal.comparing import changes, changes_by_times, with_news
from davy.journal.state import State, StateError
from davy.model.autostarts import Autostart, AutostartKind, News
from davy.model.facts import Gap
from davy.model.memory import Changes, Memory

DAY = 86_400.0
START = 1_790_000_000.0
TABLE = "/var/spool/cron/crontabs/root"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(State(str(tmp_path / "state")))


def line(number: int, command: str, schedule: str = "0 3 * * *", path: str = TABLE) -> Autostart:
    return Autostart(
        kind=AutostartKind.CRON, path=path, line=number, text=f"{schedule} {command}", command=command,
        schedule=schedule, user="root", mtime=START,
    )  # fmt: skip


def script(name: str, *, ctime: float = START, mtime: float = START, owner: str | None = None) -> Autostart:
    path = f"/etc/cron.daily/{name}"
    return Autostart(
        kind=AutostartKind.CRON_SCRIPT, path=path, command=path, schedule="daily", user="root", mtime=mtime,
        ctime=ctime, owner_package=owner, unmodified=True if owner else None,
    )  # fmt: skip


def unit(name: str, *, links: tuple[str, ...] = (), command: str = "/opt/x") -> Autostart:
    return Autostart(
        kind=AutostartKind.SERVICE, path=f"/etc/systemd/system/{name}", command=command, unit=name, links=links
    )


def container(name: str) -> Autostart:
    return Autostart(kind=AutostartKind.CONTAINER, path="/var/lib/containers/storage/db.sql", within=name, command="x")


def looked(journal: Journal, autostarts: Sequence[Autostart], now: float) -> None:
    seen.keep(journal, tuple(autostarts), now)


def told(found: Changes) -> tuple[list[str], list[str], list[str]]:
    return (
        [each.command for each in found.new],
        [each.now.command for each in found.changed],
        [each.command for each in found.gone],
    )


def since_last(journal: Journal, autostarts: Sequence[Autostart]) -> tuple[list[str], list[str], list[str]]:
    memory = seen.last(journal)
    assert memory is not None
    return told(changes(tuple(autostarts), memory))


def news(journal: Journal, autostarts: Sequence[Autostart], now: float) -> list[News | None]:
    memory = seen.usual(journal, now)
    assert memory is not None
    return [each.news for each in with_news(tuple(autostarts), memory, now)]


def test_without_a_look_nothing_is_remembered(journal: Journal) -> None:
    assert seen.last(journal) is seen.usual(journal, START) is seen.at_time(journal, START) is None
    assert seen.at_baseline(journal) is None


def test_what_is_the_same_is_no_news(journal: Journal) -> None:
    first = [line(1, "/a"), script("b"), unit("c.service")]
    looked(journal, first, START)
    assert since_last(journal, first) == ([], [], [])
    assert news(journal, first, START + 5) == [None, None, None]


def test_new_and_gone_ones_are_told(journal: Journal) -> None:
    looked(journal, [line(1, "/a"), script("b")], START)
    assert since_last(journal, [line(1, "/a"), unit("c.service", command="/c")]) == (
        ["/c"], [], ["/etc/cron.daily/b"],
    )  # fmt: skip


def test_a_line_that_only_moved_is_the_same_and_its_twin_is_new(journal: Journal) -> None:
    looked(journal, [line(1, "/a"), line(2, "/b")], START)
    assert since_last(journal, [line(4, "/b"), line(9, "/a")]) == ([], [], [])
    assert since_last(journal, [line(1, "/a"), line(2, "/b"), line(3, "/b")]) == (["/b"], [], [])


def test_an_edited_line_is_known_by_its_command_or_its_number(journal: Journal) -> None:
    looked(journal, [line(1, "/a"), line(2, "/b")], START)
    rescheduled, rewritten = line(7, "/a", "* * * * *"), line(2, "/evil")
    memory = seen.last(journal)
    assert memory is not None
    found = changes((rescheduled, rewritten), memory)
    assert told(found) == ([], ["/a", "/evil"], [])
    assert [each.before.schedule for each in found.changed if each.before] == ["0 3 * * *", "0 3 * * *"]
    assert [each.before.command for each in found.changed if each.before] == ["/a", "/b"]


def test_a_line_of_another_file_stands_for_none_that_is_gone(journal: Journal) -> None:
    looked(journal, [line(1, "/a")], START)
    assert since_last(journal, [line(1, "/a", path="/etc/cron.d/x")]) == (["/a"], [], ["/a"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (unit("x.service"), unit("x.service", command="/evil")),
        (unit("x.service"), unit("x.service", links=("/etc/systemd/system/multi-user.target.wants/x.service",))),
        (script("x"), script("x", ctime=START + 1)),
        (msgspec.structs.replace(script("x"), ctime=None), script("x", mtime=START + 1)),
        (script("x"), msgspec.structs.replace(script("x"), user="nobody")),
        (script("x", owner="p"), msgspec.structs.replace(script("x", owner="p", ctime=9.0), unmodified=False)),
    ],
)
def test_what_has_the_same_place_and_another_content_is_changed(
    journal: Journal, before: Autostart, after: Autostart
) -> None:
    looked(journal, [before], START)
    assert since_last(journal, [after]) == ([], [after.command], [])


def test_a_packages_own_script_after_an_upgrade_is_the_same(journal: Journal) -> None:
    looked(journal, [script("x", owner="p")], START)
    upgraded = script("x", owner="p", ctime=START + 9, mtime=START + 9)
    assert since_last(journal, [upgraded]) == ([], [], [])
    looked(journal, [upgraded], START + 10)
    assert since_last(journal, [msgspec.structs.replace(upgraded, owner_package=None)]) == ([], [], [])


def test_containers_of_one_database_are_known_by_their_names(journal: Journal) -> None:
    one, other = container("one"), container("other")
    looked(journal, [one, other], START)
    assert since_last(journal, [other, one]) == ([], [], [])
    changed = msgspec.structs.replace(other, command="other command")
    assert since_last(journal, [container("third"), one, changed]) == (["x"], ["other command"], [])
    assert since_last(journal, [one]) == ([], [], ["x"])


def test_it_is_known_since_when_each_was_seen(journal: Journal) -> None:
    looked(journal, [line(1, "/a")], START)
    looked(journal, [line(1, "/a"), line(2, "/b")], START + 10)
    memory = seen.usual(journal, START + 20)
    assert memory is not None
    marked = with_news((line(1, "/a", "* * * * *"), line(2, "/b"), line(3, "/c")), memory, START + 20)
    assert [each.first_seen for each in marked] == [START, START + 10, START + 20]
    assert [each.news for each in marked] == [News.CHANGED, News.NEW, News.NEW]


def test_news_lasts_a_day_so_that_an_eviction_judges_as_the_scan_before_it(journal: Journal) -> None:
    looked(journal, [], START - 3 * DAY)
    new = [line(1, "/evil")]
    for hours in (0, 1, 12, 23):
        assert news(journal, new, START + hours * 3600) == [News.NEW]
        looked(journal, new, START + hours * 3600)
    assert news(journal, new, START + 25 * 3600) == [None]
    assert since_last(journal, new) == ([], [], [])


def test_what_an_eviction_took_and_an_undo_put_back_is_no_news(journal: Journal) -> None:
    own, evil = line(1, "/own"), line(2, "/evil")
    looked(journal, [own, evil], START)
    looked(journal, [own], START + 60)
    assert news(journal, [own], START + 70) == [None]
    assert news(journal, [own, evil], START + 80) == [None, None]


def test_a_baseline_is_what_news_is_told_against_from_then_on(journal: Journal) -> None:
    looked(journal, [line(1, "/a")], START)
    both = [line(1, "/a"), line(2, "/b")]
    looked(journal, both, START + 10)
    assert news(journal, both, START + 20) == [None, News.NEW]
    seen.record_baseline(journal, START + 20)
    assert news(journal, both, START + 30) == [None, None]
    looked(journal, [line(1, "/a")], START + 40)
    memory = seen.at_baseline(journal)
    assert memory is not None
    assert told(changes((line(1, "/a"),), memory)) == ([], [], ["/b"])
    assert memory.taken == START + 20
    assert seen.clear_baseline(journal)
    assert not seen.clear_baseline(journal)
    assert seen.at_baseline(journal) is None


def test_the_state_at_any_time_is_known(journal: Journal) -> None:
    for number in range(1, 6):
        looked(journal, [line(each, f"/{each}") for each in range(1, number + 1)], START + number * DAY)
    present = tuple(line(each, f"/{each}") for each in range(1, 6))
    for number in range(1, 6):
        memory = seen.at_time(journal, START + number * DAY + 60)
        assert memory is not None
        assert told(changes(present, memory))[0] == [f"/{each}" for each in range(number + 1, 6)]
    assert seen.at_time(journal, START) is None


def test_looks_that_saw_the_same_take_no_room_and_tell_when_the_last_was(journal: Journal) -> None:
    for second in range(50):
        looked(journal, [line(1, "/a")], START + second)
    with journal.transaction() as db:
        assert db.execute("SELECT COUNT(*), MAX(until) FROM looks").fetchall() == [(1, START + 49)]
        assert db.execute("SELECT COUNT(*) FROM autostarts").fetchall() == [(1,)]


def test_a_clock_that_is_set_back_hides_nothing(journal: Journal) -> None:
    looked(journal, [line(1, "/a")], START)
    looked(journal, [line(1, "/a")], START + DAY)
    looked(journal, [line(1, "/a"), line(2, "/evil")], START - 365 * DAY)
    looked(journal, [line(1, "/a"), line(2, "/evil"), line(3, "/more")], START + 2 * DAY)
    present = (line(1, "/a"), line(2, "/evil"), line(3, "/more"))
    assert seen.at_time(journal, START - DAY) is None
    for days, new in ((0.5, ["/evil", "/more"]), (1.5, ["/evil", "/more"]), (2.5, [])):
        memory = seen.at_time(journal, START + days * DAY)
        assert memory is not None
        assert told(changes(present, memory))[0] == new


def test_what_could_not_be_read_is_not_gone(journal: Journal) -> None:
    looked(journal, [line(1, "/a"), script("b")], START)
    memory = seen.last(journal)
    assert memory is not None
    for gap in (Gap("cron", "/var/spool/cron/crontabs", "no"), Gap("cron", f"the rest of {TABLE}", "large")):
        assert told(changes((script("b"),), memory, (gap,))) == ([], [], [])
    assert told(changes((), memory, (Gap("cron", "the rest", "took longer than 10 s"),))) == ([], [], [])
    seen.keep(journal, (script("b"),), START + 1, (Gap("cron", TABLE, "no"),))
    assert since_last(journal, [line(1, "/a"), script("b")]) == ([], [], [])
    assert told(changes((script("b"),), memory, (Gap("cron", "/var/spool/c", "no"),)))[2] == ["/a"]


def test_a_kind_that_an_older_davy_did_not_read_is_no_news(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(seen, "__version__", "0.0.1")
        looked(journal, [line(1, "/a")], START)
    assert since_last(journal, [line(1, "/a"), line(2, "/b"), unit("x.service", command="/x")]) == (["/b"], [], [])


def test_the_past_is_bounded_and_the_baseline_is_kept(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "_PAST_KEPT", 30)
    good = [line(each, f"/good{each}") for each in range(10)]
    looked(journal, good, START)
    seen.record_baseline(journal, START)
    for turn in range(20):
        looked(journal, [unit(f"{turn}-{each}.service") for each in range(10)], START + 60 * (turn + 1))
    with journal.transaction() as db:
        (rows,) = db.execute("SELECT COUNT(*) FROM autostarts").fetchone()
        (looks,) = db.execute("SELECT COUNT(*) FROM looks").fetchone()
    assert rows <= 30 + 10 + 10
    assert looks <= 6
    memory = seen.at_baseline(journal)
    assert memory is not None
    assert told(changes(tuple(good), memory)) == ([], [], [])
    late = seen.at_time(journal, START + 60 * 18)
    assert late is not None
    assert len(told(changes((), late))[2]) == 10


def test_more_than_is_kept_of_one_look_is_neither_new_nor_gone(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (seen, comparing):
        monkeypatch.setattr(module, "AUTOSTARTS_KEPT", 5)
    many = [unit(f"{each}.service") for each in range(20)]
    looked(journal, many, START)
    assert news(journal, many, START + 1) == [None] * 20
    assert since_last(journal, many) == ([], [], [])


def test_what_is_never_readable_again_does_not_pile_up(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "AUTOSTARTS_KEPT", 10)
    monkeypatch.setattr(seen, "_PAST_KEPT", 10)
    for turn in range(20):
        many = tuple(unit(f"{turn}-{each}.service") for each in range(10))
        seen.keep(journal, many, START + turn, (Gap("systemd", "the rest of the units", "too many"),))
    with journal.transaction() as db:
        (rows,) = db.execute("SELECT COUNT(*) FROM autostarts").fetchone()
    assert rows <= 40


def test_hostile_names_are_kept_and_known_again(journal: Journal) -> None:
    hostile = [
        line(1, "/tmp/\udcff\x1b[2J\x00x" + "y" * 100_000, path="/etc/cron.d/\udcfe\n"),
        unit("\ud800'; DROP TABLE autostarts; --.service", command="\x00"),
    ]
    looked(journal, hostile, START)
    assert since_last(journal, hostile) == ([], [], [])
    gone = since_last(journal, [])[2]
    assert len(gone) == 2
    assert max(map(len, gone)) < 1_000


TEXT = st.text(alphabet="a/ \x00\udcff\n", max_size=4)
AUTOSTARTS = st.lists(
    st.builds(
        Autostart, kind=st.sampled_from([AutostartKind.CRON, AutostartKind.SERVICE]), path=TEXT, command=TEXT,
        line=st.none() | st.integers(1, 3), text=TEXT, schedule=TEXT, unit=st.none() | TEXT, links=st.tuples(TEXT),
        mtime=st.none() | st.floats(0, 2), ctime=st.none() | st.floats(0, 2),
    ),
    max_size=8,
)  # fmt: skip


@given(AUTOSTARTS, AUTOSTARTS)
def test_every_autostart_is_the_same_new_or_changed_and_what_is_left_is_gone(
    before: list[Autostart], now: list[Autostart]
) -> None:
    memory = Memory(
        taken=START,
        davy=comparing.__version__,
        seen={seal.identity: comparing.seen(each, seal.content, START)
              for each, seal in zip(before, comparing.seals(before), strict=True)},
        first_seen={},
    )  # fmt: skip
    assert told(changes(tuple(before), memory)) == ([], [], [])
    found = changes(tuple(now), memory)
    assert len(before) - len(found.gone) == len(now) - len(found.new)


def test_without_a_memory_the_files_tell_by_their_times() -> None:
    made = msgspec.structs.replace(script("made"), birth=START + 1)
    touched = script("touched", mtime=0.0, ctime=START + 1)
    old = msgspec.structs.replace(script("old"), birth=START - 1)
    found = changes_by_times([made, touched, old], START)
    assert told(found) == (["/etc/cron.daily/made"], ["/etc/cron.daily/touched"], [])
    assert found.by_times


def test_what_is_damaged_is_one_clear_error(journal: Journal) -> None:
    looked(journal, [line(1, "/a")], START)
    with sqlite3.connect(journal.state.journal) as db:
        db.execute("UPDATE autostarts SET seen = ?", (os.urandom(20),))
    with pytest.raises(StateError, match="damaged"):
        seen.last(journal)


def test_a_look_that_cannot_be_written_changes_nothing(journal: Journal) -> None:
    looked(journal, [line(1, "/a")], START)
    with sqlite3.connect(journal.state.journal) as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON autostarts BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(StateError, match="full"):
        looked(journal, [line(2, "/b")], START + 1)
    assert since_last(journal, [line(1, "/a")]) == ([], [], [])


def test_a_journal_of_an_older_davy_gets_a_memory(journal: Journal) -> None:
    with sqlite3.connect(journal.state.journal) as db:
        db.executescript("DROP TABLE looks; DROP TABLE autostarts")
    fresh = Journal(journal.state)
    looked(fresh, [line(1, "/a")], START)
    assert since_last(fresh, [line(1, "/a")]) == ([], [], [])
