"""What a person reads: answers in the order of the questions, on one screen, and nothing that a terminal obeys."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import msgspec
import pytest
from rich.console import Console
from tests.unit.snapshots import process_table

from davy.journal import Entry, Eviction, Progress
from davy.model.autostarts import Autostart, AutostartCount, AutostartKind, News
from davy.model.facts import Gap, Host
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Actor, Considered, Happening, Incident, Judgement, Kind, Role, Slowed, Verdict
from davy.model.plan import FileIdentity, Freeze, Kill, Left, Plan, Quarantine, RemoveLines, Target, Unmount
from davy.model.snapshot import Snapshot
from davy.model.undo import FileAttributes, FrozenGroup, MovedFile, Unmounted
from davy.present.terminal import (
    console,
    show_considered,
    show_explanation,
    show_judgement,
    show_left,
    show_outcome,
    show_plan,
    show_undo,
    show_undoing,
    since,
)
from davy.respond import Outcome
from davy.respond.verify import Return

NOW = 1_700_000_000.0
HOSTILE = "/tmp/\udcff\x1b[2J\x1b]0;x\x07\n1. CLEAN\r\u202e\u009b[/]miner"
SHOWN = r"/tmp/\xff\x1b[2J\x1b]0;x\x07\x0a1. CLEAN\x0d\u202e\x9b[/]miner"


def actor(role: Role, pid: int, path: str, *, ppid: int = 1, detail: str = "its detail") -> Actor:
    return Actor(
        role=role, kind=Kind.PROCESS, subject=f"process:{pid}:{pid}", name=path.rpartition("/")[2], detail=detail,
        pid=pid, ppid=ppid, start_time=NOW - 7200, start_ticks=pid, user="nobody", cmdline=f"{path} -c x", path=path,
        files=(path,),
    )  # fmt: skip


AUTOSTART = Actor(
    role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject="autostart:/var/spool/cron/crontabs/nobody:3", name="cron nobody",
    detail="starts it", user="nobody", path="/var/spool/cron/crontabs/nobody", line=3, command="/var/tmp/kinsing",
    autostart=Autostart(
        kind=AutostartKind.CRON, path="/var/spool/cron/crontabs/nobody", line=3, command="/var/tmp/kinsing",
        schedule="*/5 * * * *", user="nobody", first_seen=NOW - 7200, news=News.NEW,
    ),
)  # fmt: skip
FILE = Actor(
    role=Role.DROPPER, kind=Kind.FILE, subject="file:/tmp/zzz", name="zzz", detail="lies on disk", path="/tmp/zzz",
    files=("/tmp/zzz",),
)  # fmt: skip
FINDINGS = (
    Finding(
        rule="behaviour.cpu-load", aspect=Aspect.BEHAVIOUR, bits=2.0, subject="process:11:11",
        summary="burns 1.0 cores", evidence=("0.99 cores over 1.0 s",),
    ),
    Finding(
        rule="identity.family", aspect=Aspect.IDENTITY, bits=5.0, subject="process:11:11", summary="its name is known",
    ),
    Finding(
        rule="trust.person", aspect=Aspect.TRUST, bits=-3.0, subject="process:11:11", summary="started from a shell",
    ),
)  # fmt: skip


def incident(miner: str = "/tmp/kdevtmpfsi", verdict: Verdict = Verdict.CONFIRMED) -> Incident:
    return Incident(
        id="1b3636ce", verdict=verdict, bits=17.0, confidence=0.999, family="kinsing",
        summary=f"A miner runs: {miner} (nobody)",
        actors=(
            actor(Role.MINER, 11, miner, ppid=10), actor(Role.GUARDIAN, 10, "/var/tmp/kinsing"), AUTOSTART, FILE,
        ),
        timeline=(Happening(NOW - 7300, f"{miner} was created", "birth time"), Happening(1e18, "far off", "mtime")),
        findings=FINDINGS, cpu_hours=1.9, burning_cores=0.98, slowed=(Slowed(99, "python3", 0.41),),
    )  # fmt: skip


def judgement(*incidents: Incident, **more: object) -> Judgement:
    verdict = max((one.verdict for one in incidents), key=lambda one: one.rank, default=Verdict.CLEAN)
    return msgspec.structs.replace(
        Judgement(host=Host(name="web1"), taken=NOW, seconds=1.3, verdict=verdict, complete=True, incidents=incidents),
        **more,
    )


def plain(show: Callable[[Console], None], *, terminal: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, markup=False, emoji=False, highlight=False, force_terminal=terminal, width=100, height=30))
    return out.getvalue()


def scan_text(found: Judgement, *, terminal: bool = False) -> str:
    return plain(lambda out: show_judgement(out, found), terminal=terminal)


def in_order(text: str, *words: str) -> None:
    places = [text.find(word) for word in words]
    assert -1 not in places, dict(zip(words, places, strict=True))
    assert places == sorted(places), dict(zip(words, places, strict=True))


def test_the_answers_come_in_the_order_of_the_questions_on_one_screen() -> None:
    text = scan_text(judgement(incident()))
    in_order(
        text,
        "MINER", "A miner runs",  # is it a miner
        "kdevtmpfsi (11, nobody, /tmp/kdevtmpfsi)", "since 2.0 h", "1.9 CPU hours", "1.0 cores now",
        "python3 (99) got 41% of the CPU it asked for",
        "kept alive", "kinsing (10, nobody, /var/tmp/kinsing)",
        "starts again", "/var/spool/cron/crontabs/nobody line 3 (nobody): /var/tmp/kinsing",
        "every 5 minutes, of account nobody, new, first seen 2.0 h ago",
        "next", "davy explain 1", "davy evict --dry-run", "davy evict ",
    )  # fmt: skip
    assert len(text.splitlines()) <= 24


def test_what_was_not_seen_to_keep_it_alive_is_said() -> None:
    alone = msgspec.structs.replace(incident(), actors=(actor(Role.MINER, 11, "/tmp/kdevtmpfsi"),))
    text = scan_text(judgement(alone))
    in_order(text, "MINER", "kept alive", "by no process that was seen", "starts again", "by no autostart", "next")


def test_new_and_changed_autostarts_are_counted_in_a_line_and_not_spoken_of_otherwise() -> None:
    text = scan_text(judgement(autostarts=AutostartCount(seen=312, new=1, changed=2)))
    assert "autostarts: 312, 1 new and 2 changed: davy scan --autostarts" in text.splitlines()
    assert "autostarts" not in scan_text(judgement(autostarts=AutostartCount(seen=312)))


def test_a_suspect_is_only_acted_on_by_name() -> None:
    text = scan_text(judgement(incident(verdict=Verdict.SUSPECT)))
    assert text.startswith("1. SUSPECT")
    assert "MINER" not in text
    assert "davy evict --id 1b3636ce" in text
    assert "--dry-run" not in text


def test_incidents_are_numbered_as_explain_takes_them() -> None:
    text = scan_text(judgement(incident(), incident("/tmp/other", Verdict.SUSPECT)))
    in_order(text, "1. MINER", "/tmp/kdevtmpfsi", "2. SUSPECT", "/tmp/other", "next")


def test_nothing_found_is_only_called_so_when_all_could_be_read() -> None:
    assert scan_text(judgement()).splitlines() == ["No miner found."]
    gap = Gap("processes", "executable", "not permitted")
    text = scan_text(judgement(complete=False, gaps=(gap,)))
    assert text.splitlines() == [
        "Nothing found in what could be read.", "not seen: processes: executable: not permitted",
    ]  # fmt: skip


def test_processes_that_hide_are_named_even_when_nothing_else_is_found() -> None:
    assert "2 processes are alive that a listing does not show" in scan_text(
        judgement(process_table=process_table(100, hidden=2))
    )


def test_of_many_gaps_the_first_are_shown_and_the_rest_counted() -> None:
    gaps = tuple(Gap("cron", f"file {number}", "too large") for number in range(20))
    lines = scan_text(judgement(gaps=gaps)).splitlines()
    assert len([line for line in lines if line.startswith("not seen: cron")]) == 8
    assert "not seen: 12 more (--json shows all)" in lines


def test_many_miners_fit_on_the_screen() -> None:
    many = tuple(actor(Role.MINER, pid, "/tmp/kdevtmpfsi") for pid in range(100, 140))
    text = scan_text(judgement(msgspec.structs.replace(incident(), actors=(*many, AUTOSTART))))
    assert "and 32 more" in text
    assert len(text.splitlines()) <= 24


def test_of_a_root_nothing_is_offered_that_only_a_live_host_can_do() -> None:
    text = scan_text(judgement(incident(), live=False))
    assert "davy explain" not in text
    assert "evict" not in text


def test_an_explanation_has_every_finding_with_its_bits_the_tree_and_the_timeline() -> None:
    text = plain(lambda out: show_explanation(out, judgement(incident()), 1))
    in_order(text, " in all: suspect from 6", "miner kdevtmpfsi (11)", "tree", "timeline")
    text = text.partition("miner kdevtmpfsi (11)")[2]
    in_order(text, "+5.0", "identity.family", "+2.0", "behaviour.cpu-load", "0.99 cores over 1.0 s", "-3.0")
    in_order(text, "\n   10 kinsing  guardian", "\n     11 kdevtmpfsi  miner", "timeline", "was created")
    assert "far off" in text


def test_what_was_let_go_is_explained_too() -> None:
    row = Considered(subject="process:9:9", name="python3 (9)", bits=-1.0, findings=FINDINGS[:1])
    text = plain(lambda out: show_considered(out, (row,)))
    in_order(text, "python3 (9)  -1.0 bits: let go", "+2.0", "burns 1.0 cores")
    assert plain(lambda out: show_considered(out, ())) == "Nothing asked for a closer look.\n"


def identity(path: str) -> FileIdentity:
    return FileIdentity(
        path=path.encode("utf-8", "surrogateescape"), device=1, inode=2, size=3, mtime_ns=4, sha256="5" * 64
    )


def plan_of(path: str) -> Plan:
    target = Target(pid=11, start_ticks=11, role=Role.MINER, name="miner", invocation=f"{path} -c", uid=0)
    return Plan(
        incidents=("1b3636ce",), boot_id=None,
        steps=(
            Freeze(targets=(target,), programs=(identity(path),)),
            RemoveLines(file=identity(path), lines=(3,), texts=(path.encode("utf-8", "surrogateescape"),)),
            Kill(),
            Quarantine(file=identity(path), why="the actors run it"),
            Unmount(
                point=identity(path).path, mount_id=9, filesystem="tmpfs", source=identity(path).path, root=b"/",
                device=(0, 9),
            ),
        ),
        left=(Left(path, "belongs to an installed package"),),
    )  # fmt: skip


def outcome(path: str, **more: object) -> Outcome:
    return msgspec.structs.replace(
        Outcome(
            operation=1, rounds=1, done=(f"move {path}",), left=(), ended=2, returned=None, watched_seconds=60.0,
            remaining=(), judgement=judgement(), snapshot=Snapshot(host=Host(name="web1"), taken=NOW, live=True),
        ),
        **more,
    )  # fmt: skip


def eviction(path: str, state: Progress) -> Eviction:
    made = plan_of(path)
    attributes = FileAttributes(mode=0o755, uid=0, gid=0, atime_ns=0, mtime_ns=0, flags=None, xattrs={})
    moved = MovedFile(path=identity(path).path, attributes=attributes, kept="1-3", sha256="0")
    unmounted = Unmounted(
        point=identity(path).path, filesystem="tmpfs", source=identity(path).path, root=identity(path).path
    )
    undos = (FrozenGroup(group=None), None, None, moved, unmounted)
    entries = tuple(
        Entry(eviction=1, seq=seq, step=step, state=state, undo=undo)
        for seq, (step, undo) in enumerate(zip(made.steps, undos, strict=True))
    )
    return Eviction(id=1, operation=1, started=NOW, state=Progress.DONE, plan=made, entries=entries)


def test_a_plan_is_its_steps_in_order_and_what_it_leaves_alone() -> None:
    text = plain(lambda out: show_plan(out, plan_of("/tmp/miner")))
    in_order(
        text, "1. freeze 1 processes", "miner miner (11): /tmp/miner -c", "2. take line 3 out of /tmp/miner",
        "- /tmp/miner", "3. end everything", "4. move /tmp/miner to the quarantine",
        "5. unmount the tmpfs that covers /tmp/miner", "left alone: /tmp/miner: ",
    )  # fmt: skip


def test_an_outcome_says_gone_only_when_it_is() -> None:
    assert "Gone: 2 processes ended; nothing came back in 60 s." in plain(
        lambda out: show_outcome(out, outcome("/tmp/miner"))
    )
    for wrong in (
        {"left": (Left("x", "y"),)}, {"returned": Return(5, "/tmp/miner", ())}, {"remaining": (incident(),)},
    ):  # fmt: skip
        text = plain(lambda out, wrong=wrong: show_outcome(out, outcome("/tmp/miner", **wrong)))  # type: ignore[misc]
        assert "Gone" not in text
        assert any(word in text for word in ("left alone: x: y", "It came back: /tmp/miner (5)", "Still there:"))


@pytest.mark.parametrize("state", [Progress.DONE, Progress.BEGUN])
def test_an_undo_says_beforehand_what_it_puts_back_and_that_it_lives_again(state: Progress) -> None:
    text = plain(lambda out: show_undoing(out, (eviction("/tmp/miner", state),)))
    in_order(text, "to put back", "from: move /tmp/miner", "is live again afterwards")
    assert "not put back: the mount over /tmp/miner: it would only hide again" in text
    assert "from: unmount" not in text
    assert "freeze" not in text


def everything(path: str) -> list[Callable[[Console], None]]:
    """Every view, of things that an enemy named."""
    full = judgement(
        incident(path), gaps=(Gap("executables", path, path),),
        considered=(Considered(subject="process:9:9", name=path, bits=1.0, findings=FINDINGS),),
    )  # fmt: skip
    hostile = tuple(msgspec.structs.replace(one, summary=path, evidence=(path,)) for one in FINDINGS)
    actors = tuple(
        msgspec.structs.replace(one, name=path, detail=path, user=path, path=path, command=path, cmdline=path)
        for one in incident().actors
    )
    worse = judgement(msgspec.structs.replace(incident(path), findings=hostile, actors=actors))
    return [
        lambda out: show_judgement(out, full),
        lambda out: show_judgement(out, worse),
        lambda out: show_explanation(out, full, 1),
        lambda out: show_explanation(out, worse, 1),
        lambda out: show_considered(out, full.considered),
        lambda out: show_plan(out, plan_of(path)),
        lambda out: show_left(out, (Left(path, path),)),
        lambda out: show_outcome(out, outcome(path, returned=Return(1, path, ()), remaining=full.incidents)),
        lambda out: show_undoing(out, (eviction(path, Progress.DONE),)),
        lambda out: show_undo(out, (path,), (Left(path, path),)),
    ]


def test_piped_nothing_of_an_enemys_name_is_left_to_obey_and_no_line_is_forged() -> None:
    for show in everything(HOSTILE):
        text = plain(show)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\udc80-\udcff]", text), repr(text)
        assert not re.search(r"(?m)^\s*1\. CLEAN", text)
        assert SHOWN[:20] in text.replace("\n", "")


def test_on_a_terminal_the_only_escapes_are_our_own_colours() -> None:
    for show in everything(HOSTILE):
        text = re.sub("\x1b\\[[0-9;]*m", "", plain(show, terminal=True))
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\udc80-\udcff]", text), repr(text)


def test_markup_in_a_name_is_only_text() -> None:
    for show in everything("/tmp/[bold red][/][/nonsense]:skull:"):
        assert ":skull:" in plain(show, terminal=True)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (90, "1.5 min"), (7200, "2.0 h"), (864_000, "10.0 d"), (-5, "0 s")]
)
def test_since_is_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert since(NOW - seconds, NOW) == words


def test_no_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = console()
    assert out.is_terminal
    with out.capture() as coloured:
        show_judgement(out, judgement(incident()))
    assert "\x1b[" in coloured.get()
    monkeypatch.setenv("NO_COLOR", "1")
    out = console()
    with out.capture() as captured:
        show_judgement(out, judgement(incident()))
    assert "\x1b" not in captured.get()
    assert "1. MINER" in captured.get()


def test_what_a_capsule_tells_is_neither_explained_nor_acted_on_here() -> None:
    text = plain(lambda out: show_judgement(out, judgement(incident()), here=False))
    assert "A miner runs" in text
    assert "davy evict" not in text
    assert "davy explain" not in text
