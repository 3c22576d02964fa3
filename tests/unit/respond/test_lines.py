"""What is taken out of files of many entries: lines, blocks, parts of a line; one step a file, and nothing by guess."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.snapshots import executable, snapshot

from davy.hands.edits import without_lines
from davy.hands.errors import Untouched
from davy.host import DirectoryRoot, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Left, Plan, Quarantine, RemoveLines
from davy.respond import described, plan
from davy.respond.draft import Taken
from davy.respond.lines import left_of, taken_of


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def entry(path: str, line: int, text: str, **more: object) -> Autostart:
    return Autostart(path=path, line=line, text=text, **({"kind": AutostartKind.PROFILE, "command": text} | more))  # type: ignore[arg-type]


def incident(*guilty: Autostart) -> Incident:
    actors = tuple(
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in guilty
    )
    return Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=actors
    )


def planned(files: dict[str, str], *guilty: Autostart) -> Plan:
    return plan(Host(MemoryRoot(files)), snapshot(*guilty), [incident(*guilty)])


def after(made: Plan, content: str) -> str:
    (step,) = made.steps
    assert isinstance(step, RemoveLines)
    return without_lines(content.encode(), step.lines, step.texts, step.remains).decode()


def test_a_block_of_lines_goes_whole_and_what_stands_around_it_stays() -> None:
    content = "[program:web]\ncommand=web\n\n[program:x]\ncommand=/tmp/x\n\n[program:api]\ncommand=api\n"
    guilty = entry("/etc/s.conf", 4, "[program:x]\ncommand=/tmp/x\n", end_line=6)
    made = planned({"/etc/s.conf": content}, guilty)
    assert after(made, content) == "[program:web]\ncommand=web\n\n[program:api]\ncommand=api\n"
    assert described(made.steps[0]) == "take lines 4-6 out of /etc/s.conf"


def test_what_remains_of_a_block_stands_where_the_block_began() -> None:
    content = "if true; then\n  /tmp/x &&\n  /tmp/y\nfi\n"
    guilty = entry("/etc/profile", 2, "  /tmp/x &&\n  /tmp/y", end_line=3, remains="  :")
    assert after(planned({"/etc/profile": content}, guilty), content) == "if true; then\n  :\nfi\n"


def test_several_entries_of_one_file_are_one_step() -> None:
    content = "a\n/tmp/x\nb\n/tmp/y"
    made = planned({"/f": content}, entry("/f", 4, "/tmp/y"), entry("/f", 2, "/tmp/x"))
    assert after(made, content) == "a\nb\n"
    assert described(made.steps[0]) == "take lines 2, 4 out of /f"


def test_entries_whose_lines_are_others_by_now_are_left_and_the_reason_said() -> None:
    made = planned({"/f": "a\nb\n"}, entry("/f", 2, "/tmp/x"))
    assert (made.steps, made.left) == ((), (Left("/f", "line 2 is no longer what the plan saw"),))


def test_an_entry_that_has_gone_since_the_scan_is_nothing_to_do_and_nothing_left() -> None:
    made = planned({}, entry("/f", 1, "/tmp/x"))
    assert (made.steps, made.left) == ((), ())


def test_of_a_crontab_that_is_a_link_the_file_it_leads_to_is_edited_once_whichever_name_was_read(
    tmp_path: Path,
) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("a\n/tmp/x\n")
    link.symlink_to(real)
    guilty = [entry(str(path), 2, "/tmp/x") for path in (link, real)]
    made = plan(Host(DirectoryRoot("/")), snapshot(*guilty), [incident(*guilty)])
    (step,) = made.steps
    assert isinstance(step, RemoveLines)
    assert (step.file.path, step.lines) == (os.fsencode(real), (2,))


def test_a_block_whose_text_has_another_number_of_lines_is_left() -> None:
    assert taken_of(entry("/f", 2, "one line", end_line=4)) is None
    made = planned({"/f": "a\nb\nc\nd\n"}, entry("/f", 2, "b", end_line=4))
    assert [left.what for left in made.left] == ["line 2 of /f"]
    assert made.steps == ()


@pytest.mark.parametrize(
    ("text", "remains", "left"),
    [
        (b"a; b; c", (b"a; c",), b"a; c"),
        (b"x b; y c; z", (b"y c; z", b"x b; y c;"), b"y c;"),
        (b'[{"n":1},{"n":2},{"n":3}]', (b'[{"n":2},{"n":3}]', b'[{"n":1},{"n":2}]'), b'[{"n":2}]'),
        (b"a; b", (b"a", b""), b""),
        (b'{"Name":"always"}', (b'{"Name":"no"}',), b'{"Name":"no"}'),
        (b"a b", (b"a", b"a"), b"a"),
    ],
)
def test_what_is_left_of_a_line_of_which_several_entries_go(
    text: bytes, remains: tuple[bytes, ...], left: bytes
) -> None:
    assert left_of([Taken(1, text, each) for each in remains]) == left


def test_entries_that_overlap_in_a_line_are_not_guessed_at() -> None:
    with pytest.raises(Untouched, match="overlaps"):
        left_of([Taken(1, b"one two three", b"one three"), Taken(1, b"one two three", b"one t")])
    with pytest.raises(Untouched, match="two ways"):
        left_of([Taken(1, b"a", b""), Taken(1, b"b", b"")])


@given(st.lists(st.sampled_from([b"ab", b"cd ", b"ef;", b"g"]), min_size=2, max_size=6, unique=True), st.data())
def test_two_parts_taken_out_of_a_line_leave_all_others(parts: list[bytes], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(parts) - 2))
    second = data.draw(st.integers(first + 1, len(parts) - 1))
    text = b"".join(parts)
    taken = [Taken(1, text, b"".join(parts[:at] + parts[at + 1 :])) for at in (first, second)]
    kept = b"".join(part for at, part in enumerate(parts) if at not in (first, second))
    assert left_of(taken) == kept


def with_a_file_of_the_family(path: str, content: str, seen: list[Autostart], *guilty: Autostart) -> Plan:
    """A plan for an incident that names a file by itself, besides the entries in it."""
    file = Actor(role=Role.DROPPER, kind=Kind.FILE, subject=f"file:{path}", name=path, detail="", path=path)
    actors = [
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in guilty
    ]
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=(*actors, file)
    )
    return plan(Host(MemoryRoot({path: content})), snapshot(*seen), [incident])


def test_a_file_of_the_family_in_which_lines_stand_goes_by_its_guilty_lines() -> None:
    path, content = "/etc/cron.d/root", "0 4 * * * root /bin/true\n* * * * * root /tmp/x\n"
    lines = [entry(path, number, text) for number, text in enumerate(content.splitlines(), 1)]
    made = with_a_file_of_the_family(path, content, lines, lines[1])
    assert after(made, content) == "0 4 * * * root /bin/true\n"
    assert made.left == ()


def test_a_file_of_the_family_is_left_while_nothing_speaks_against_the_lines_in_it() -> None:
    path, content = "/var/spool/news/.ssh/authorized_keys", "ssh-ed25519 AAAA ada\n"
    made = with_a_file_of_the_family(path, content, [entry(path, 1, content.rstrip())])
    assert made.steps == ()
    assert made.left == (Left(path, "entries stand in it, which are only taken out one by one"),)


def planned_with(files: dict[str, str], guilty: Autostart, *followed: tuple[Step, str]) -> Plan:
    """A plan for one guilty entry that comes to files of nobody's package."""
    facts = [
        Followed(autostart=guilty.subject, step=step, path=path, executable=executable(path, owner_package=None))
        for step, path in followed
    ]
    actor = Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=guilty.subject, name="", detail="")
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=(actor,)
    )
    return plan(Host(MemoryRoot(files)), snapshot(guilty, *facts), [incident])


def moved(made: Plan) -> list[bytes]:
    return [step.file.path for step in made.steps if isinstance(step, Quarantine)]


def test_of_the_files_that_a_guilty_line_names_those_that_are_only_hidden_are_left_beside_a_plain_one() -> None:
    hidden, plain = "/home/ada/.tools/env", "/var/tmp/kinsing"
    text = f"* * * * * ada . {hidden}; {plain}"
    guilty = entry("/etc/cron.d/x", 1, text, programs=(hidden, plain))
    files = {"/etc/cron.d/x": f"{text}\n", hidden: "umask 022\n", plain: "x"}
    made = planned_with(files, guilty, (Step.COMMAND, hidden), (Step.COMMAND, plain))
    assert moved(made) == [os.fsencode(plain)]
    assert [left.what for left in made.left] == [hidden]


def test_a_script_that_stays_though_it_runs_what_is_guilty_is_said() -> None:
    script, plain = "/opt/app/run.sh", "/var/tmp/kinsing"
    text = f"0 1 * * * root {script}"
    files = {"/etc/cron.d/app": f"{text}\n", script: f"#!/bin/sh\nbackup\n{plain}\n", plain: "x"}
    guilty = entry("/etc/cron.d/app", 1, text, programs=(script,))
    made = planned_with(files, guilty, (Step.COMMAND, script), (Step.SCRIPT, plain))
    assert moved(made) == [os.fsencode(plain)]
    assert [left.what for left in made.left] == [script]
