"""What lies at a family's path is told apart: it runs or is started, it is a remain, or it is a dummy."""

from __future__ import annotations

import pytest
from tests.unit.snapshots import cron, judged, known_file, known_folder, process, snapshot

from davy.detect.autostart_files import family_autostart
from davy.detect.families import known_file as rule
from davy.detect.families import known_line
from davy.detect.identity import known_family
from davy.model.autostarts import Autostart
from davy.model.facts import KnownFile
from davy.model.incidents import Verdict

PATH = "/tmp/kdevtmpfsi"
TEXT = {"elf": False, "mode": 0o100644}
DUMMIES = (
    known_file(PATH, "kinsing", size=0, elf=False),
    known_file(PATH, "kinsing", size=0, elf=False, immutable=True),
    known_file(PATH, "kinsing", size=2, elf=False, mode=0o100644, immutable=True),
    known_file(PATH, "kinsing", size=40, elf=False, mode=0o100644, immutable=True),
    known_folder(PATH, "kinsing"),
    known_folder(PATH, "kinsing", immutable=True),
)


def said(known: KnownFile, *facts: object) -> tuple[str, float, str | None]:
    (finding,) = rule(snapshot(known, *facts))  # type: ignore[arg-type]
    return finding.summary, finding.bits, finding.family


@pytest.mark.parametrize("known", DUMMIES, ids=str)
def test_what_can_do_nothing_is_a_dummy_and_speaks_for_no_family(known: KnownFile) -> None:
    summary, bits, family = said(known)
    assert "dummy" in summary
    assert (bits, family) == (1.0, None)


@pytest.mark.parametrize(
    "known",
    [
        known_file(PATH, "kinsing", immutable=True),
        known_file(PATH, "kinsing", size=300, elf=False, immutable=True),
        known_file(PATH, "kinsing", size=300, elf=False, mode=0o100644),
    ],
    ids=str,
)
def test_a_program_or_a_script_is_no_dummy_though_nobody_can_change_it(known: KnownFile) -> None:
    summary, bits, family = said(known)
    assert "remain of kinsing" in summary
    assert (bits, family) == (3.0, "kinsing")


@pytest.mark.parametrize("user", [process(100, PATH), cron(PATH), cron(f"sleep 5; nohup {PATH} -c >/dev/null &")])
def test_what_runs_or_is_started_counts_more_than_a_remain(user: object) -> None:
    summary, bits, _ = said(known_file(PATH, "kinsing"), user)
    assert "remain" not in summary
    assert bits == 5.0


def test_a_process_whose_file_is_gone_does_not_run_the_one_that_lies_there_now() -> None:
    summary, _, _ = said(known_file(PATH, "kinsing"), process(100, PATH, deleted=True))
    assert "remain" in summary


def test_a_rival_s_dummy_names_who_left_it() -> None:
    summary, _, _ = said(known_file("/usr/bin/pamdicks", "skidmap", size=2, immutable=True, **TEXT))
    assert "watchdog" in summary


@pytest.mark.parametrize("known", [*DUMMIES, known_file(PATH, "kinsing"), known_file("/tmp/zzz", "kinsing")], ids=str)
def test_no_file_makes_an_incident_by_itself_and_the_report_says_what_it_is(known: KnownFile) -> None:
    found = judged(snapshot(known))
    assert (found.verdict, found.incidents) == (Verdict.CLEAN, ())
    assert any(word in found.considered[0].findings[0].summary for word in ("dummy", "remain"))


KILLERS = (
    "pkill -f kdevtmpfsi; rm -f /tmp/kdevtmpfsi /var/tmp/kinsing",
    "pkill -9 kinsing",
    "rm -rf /var/tmp/kinsing",
    "ps aux | grep -v grep | grep kinsing | awk '{print $2}' | xargs -I % kill -9 %",
    "chattr -i /tmp/kdevtmpfsi && rm -f /tmp/kdevtmpfsi && touch /tmp/kdevtmpfsi && chattr +i /tmp/kdevtmpfsi",
    "find / -iname kdevtmpfsi -exec rm -fv {} ;",
)


@pytest.mark.parametrize("text", KILLERS)
def test_the_name_in_a_killer_s_command_line_is_no_sign_of_the_family(text: str) -> None:
    shell = process(100, "sh", "-c", text, exe="/usr/bin/dash", cores=1.0)
    direct = process(101, *text.split(";")[0].split(), exe="/usr/bin/procps")
    assert list(known_family(snapshot(shell, direct))) == []
    assert judged(snapshot(shell, direct)).verdict is Verdict.CLEAN


@pytest.mark.parametrize("text", KILLERS)
def test_an_owner_s_cron_line_that_ends_a_miner_is_no_autostart_of_its_family(text: str) -> None:
    line: Autostart = cron(text)
    assert [*family_autostart(snapshot(line)), *known_line(snapshot(line))] == []
