"""Words of mining: they count for the program that is given them."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.words import mining_words

STRATUM = "stratum+tcp://192.0.2.1:3333"


@pytest.mark.parametrize(
    "line",
    [
        "grep -r stratum+tcp .",
        "vim xmrig.md",
        "less /var/log/minerd.log",
        "pgrep -x minerd",
        "pkill kdevtmpfsi",
        "davy drill minerd",
        "/usr/bin/python3 /opt/davy/bin/davy explain 1",
        "rg --donate-level",
        "sudo -u root grep -o stratum+tcp://192.0.2.1:3333 /var/log/syslog",
        "sh -c 'grep -rn -- --donate-level /etc | head'",
        "find / -name xmrig -exec grep --nicehash {} +",
        "find . -type f -print0 | xargs -0 grep --rig-id",
        "watch -n1 'pgrep -af -- --nicehash'",
        "ssh miner.example ./xmrig -o stratum+tcp://192.0.2.1:3333",
        "python3 train.py --algo ppo --user bob -p 1",
        "ssh -o StrictHostKeyChecking=no -u x host",
        "mysql -u root -p -h db",
        "ps -o pid,args",
        "gcc -o x:80 -O2 a.c",
        "openssl speed -multi 2",
        "xz -T0 file",
        "postgres -D /var/lib/postgresql -c x=1",
        "java -Xmx1g -cp flink.jar org.apache.flink.Main --pool 4",
        "",
    ],
)
def test_honest_command_lines_say_nothing(line: str) -> None:
    assert mining_words(shlex.split(line)) == ()


@pytest.mark.parametrize(
    "argv",
    [
        ["./x", "-o", STRATUM],
        ["[kworker/0:1]", f"--url={STRATUM}"],
        ["sh", "-c", f"cd /tmp && nohup ./x -o {STRATUM} >/dev/null 2>&1 &"],
        ["bash", "-c", f"exec -a grep ./x -o {STRATUM}"],
        ["sudo", "-u", "www-data", "nice", "-n", "19", "/opt/x", f"-o{STRATUM}"],
        ["python3", "/tmp/grepper.py", "-o", STRATUM],
        ["/tmp/grep", "-o", STRATUM],
    ],
)
def test_miners_are_heard_through_wrappers_and_masks(argv: list[str]) -> None:
    (match,) = mining_words(argv)
    assert match.strong
    assert match.id == "stratum address"
    assert STRATUM in match.text


def test_a_reader_in_name_only_is_no_reader() -> None:
    argv = ["vim", "-o", STRATUM]
    assert mining_words(argv) == ()
    assert mining_words(argv, exe="/usr/bin/vim.basic") == ()
    assert mining_words(argv, exe="/usr/lib/x/kworker")
    assert mining_words(argv, exe="/tmp/vim")


@pytest.mark.parametrize("name", ["nohup", "sudo", "screen", "-bash", "find"])
def test_a_wrapper_in_name_only_runs_nothing_else(name: str) -> None:
    assert mining_words([name, "-o", STRATUM], exe="/var/lib/.x/a")
    assert mining_words([f"/tmp/{name}", "-o", STRATUM])
    assert mining_words(["SCREEN", "-dmS", "a", "grep", STRATUM], exe="/usr/bin/screen") == ()
    assert mining_words(["sudo", "grep", "-o", STRATUM], exe="/usr/bin/sudo-rs") == ()


def test_wrapped_reader_stays_a_reader_with_its_executable_known() -> None:
    assert mining_words(["sudo", "grep", "-o", STRATUM, "f"], exe="/usr/bin/sudo") == ()
    assert mining_words(["sh", "-c", f"grep -o {STRATUM} f"], exe="/usr/bin/dash") == ()
    assert mining_words(["grep", "-o", STRATUM], exe="/bin/busybox") == ()


def test_a_value_is_told_once_by_its_own_option() -> None:
    found = mining_words(["./x", "-a", "rx/0", "--url", STRATUM, "--donate-level", "1", "--coin=monero"])
    assert [match.id for match in found] == ["algorithm", "stratum address", "miner's option", "coin"]
    assert [match.strong for match in found] == [True, True, True, False]


def test_long_values_are_shown_shortened() -> None:
    (match,) = mining_words(["./x", "-o", "stratum+tcp://" + "a" * 390])
    assert len(match.text) == 200


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_command_line_is_taken(argv: list[str]) -> None:
    mining_words(argv)
    mining_words(["sh", "-c", *argv])
    mining_words(argv, exe="/bin/x")


@pytest.mark.parametrize("piece", ["x -o ", "sh -c '", '"', "\\", "A=1 ", "sudo ", "$(", "--url=", "eval "])
def test_hostile_text_costs_little_time(piece: str) -> None:
    text = (piece * (1 << 16))[: 1 << 20]
    start = time.process_time()
    mining_words(["sh", "-c", text])
    mining_words([text] * 100)
    mining_words(["x", *([piece] * 100_000)])
    assert time.process_time() - start < 2.0
