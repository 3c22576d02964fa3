"""Who keeps a miner alive is found; who merely stands beside it is never an actor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from tests.unit.snapshots import (
    PYENV,
    TTY,
    Fact,
    connection,
    cron,
    detail,
    executable,
    incident_of,
    judged,
    listener,
    pids,
    process,
    restart,
    snapshot,
)

from davy.model.facts import Process
from davy.model.incidents import Role, Verdict

DASH, BASH = "/usr/bin/dash", "/usr/bin/bash"
GROUP = "/user.slice/user-1000.slice/session-3.scope"


def miner(pid: int = 300, path: str = "/tmp/abcd", **options: Any) -> Process:
    return process(pid, path, **{"cores": 1.0, **options})


# Guardians


def test_the_second_seed_s_guardian_is_known_by_its_name_and_the_shared_control_group() -> None:
    kinsing = process(200, "/var/tmp/kinsing", cgroup=GROUP, user="www-data")
    other = process(250, "/usr/sbin/php-fpm8.2", cgroup=GROUP, user="www-data")
    found = incident_of(snapshot(kinsing, other, miner(path="/tmp/kdevtmpfsi", cgroup=GROUP, user="www-data")))
    assert (found.verdict, found.family) == (Verdict.CONFIRMED, "kinsing")
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300}, {200})
    assert pids(found) == {200, 300}


@pytest.mark.parametrize("shared", [{"cgroup": GROUP}, {"session": 77}, {"audit_session": 9}])
def test_each_tie_leads_from_the_miner_to_a_known_guardian(shared: dict[str, Any]) -> None:
    kinsing = process(200, "/etc/kinsing", **shared)
    assert pids(incident_of(snapshot(kinsing, miner(path="/tmp/kdevtmpfsi", **shared))), Role.GUARDIAN) == {200}


@pytest.mark.parametrize("age", [3.0, 100_000.0])
def test_a_parent_that_is_no_honest_program_confirms_a_miner_nobody_knows(age: float) -> None:
    boss = process(200, "/var/tmp/def", age=age)
    found = incident_of(snapshot(boss, miner(path="/tmp/abc", ppid=200, age=age)))
    assert found.verdict is Verdict.CONFIRMED
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300}, {200})


@pytest.mark.parametrize("name", ["bash", "sshd", "cron", "tmux: server", "systemd"])
def test_a_guardian_is_not_believed_to_be_what_it_calls_itself(name: str) -> None:
    boss = process(200, name, exe="/var/tmp/.x/y", name=name)
    found = incident_of(snapshot(boss, miner(ppid=200)))
    assert (found.verdict, pids(found, Role.GUARDIAN)) == (Verdict.CONFIRMED, {200})


def test_a_guardian_s_own_guardian_is_found_through_it() -> None:
    boss, chief = process(200, "/var/tmp/bossy", ppid=100), process(100, "/dev/shm/chief")
    assert pids(incident_of(snapshot(chief, boss, miner(ppid=200))), Role.GUARDIAN) == {100, 200}


def test_a_guardian_behind_a_shell_that_only_passes_the_command_on() -> None:
    boss = process(100, "/var/tmp/bossy")
    between = process(200, "sh", "-c", "/tmp/abcd -q", exe=DASH, ppid=100)
    found = incident_of(snapshot(boss, between, miner(ppid=200)))
    assert (found.verdict, pids(found, Role.GUARDIAN)) == (Verdict.CONFIRMED, {100, 200})


@pytest.mark.parametrize(
    "text", ["while :; do /tmp/abcd; sleep 1; done", "until false; do pidof abcd || /tmp/abcd; sleep 1; done"]
)
def test_a_parent_s_inline_text_that_names_the_miner_s_file(text: str) -> None:
    found = incident_of(snapshot(process(200, "sh", "-c", text, exe=DASH), miner(ppid=200)))
    assert (found.verdict, pids(found, Role.GUARDIAN)) == (Verdict.CONFIRMED, {200})


@pytest.mark.parametrize("script", ["/var/tmp/guard.sh", "/tmp/.x/guard.sh"])
def test_a_parent_that_is_a_script_and_names_the_miner_s_file(script: str) -> None:
    boss = process(200, "sh", script, exe=DASH)
    found = incident_of(snapshot(boss, miner(ppid=200), texts={script: "while :; do /tmp/abcd; done"}))
    assert (found.verdict, pids(found, Role.GUARDIAN)) == (Verdict.CONFIRMED, {200})
    (actor,) = (actor for actor in found.actors if actor.pid == 200)
    assert actor.files == (script,), "the script, and never the shell"


def test_a_person_s_script_into_which_a_line_was_put_is_no_actor() -> None:
    boss = process(200, "bash", "/srv/ci/run.sh", exe=BASH)
    known = miner(path="/tmp/kdevtmpfsi", ppid=200)
    found = incident_of(snapshot(boss, known, texts={"/srv/ci/run.sh": "/tmp/kdevtmpfsi &\npython train.py"}))
    assert pids(found) == {known.pid}


def test_a_suspect_beside_another_family_s_guardian_is_not_its_miner() -> None:
    """On a host without control groups of its own everything shares the root group, and everybody may use /tmp."""
    kinsing = process(100, "/var/tmp/kinsing", cgroup="/")
    theirs = miner(300, "/tmp/kdevtmpfsi", ppid=100, cgroup="/")
    build = miner(400, "/tmp/go-build7/pkg.test", cgroup="/", user="www-data")
    first, second = judged(snapshot(kinsing, theirs, build)).incidents
    assert (first.verdict, pids(first)) == (Verdict.CONFIRMED, {100, 300})
    assert (second.verdict, pids(second)) == (Verdict.SUSPECT, {400})


def test_a_guardian_of_the_miner_s_own_family_needs_no_other_tie() -> None:
    kinsing = process(100, "/var/tmp/kinsing", cgroup="/a", session=100)
    found = incident_of(snapshot(kinsing, miner(300, "/tmp/kdevtmpfsi", cgroup="/b", session=300)))
    assert pids(found, Role.GUARDIAN) == {100}


def test_a_neighbour_that_is_no_honest_program_and_names_the_miner_s_file() -> None:
    boss = process(200, "/var/tmp/bossy", cgroup=GROUP)
    found = incident_of(snapshot(boss, miner(cgroup=GROUP), texts={"/var/tmp/bossy": "\x7fELF ... /tmp/abcd"}))
    assert (found.verdict, pids(found, Role.GUARDIAN)) == (Verdict.CONFIRMED, {200})


def test_two_guardians_that_watch_each_other() -> None:
    one, other = process(200, "/var/tmp/gone", cgroup=GROUP), process(210, "/var/tmp/gtwo", cgroup=GROUP)
    texts = {"/var/tmp/gone": "/var/tmp/gtwo /tmp/abcd", "/var/tmp/gtwo": "/var/tmp/gone"}
    found = incident_of(snapshot(one, other, miner(cgroup=GROUP), texts=texts))
    assert found.verdict is Verdict.CONFIRMED
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300}, {200, 210})


@pytest.mark.parametrize("burning", [(200, 210), (200,)])
def test_members_that_burn_and_guard_each_other_each_have_one_role(burning: tuple[int, ...]) -> None:
    one, other = (
        process(pid, path, cgroup=GROUP, cores=1.0 if pid in burning else 0.0)
        for pid, path in ((200, "/var/tmp/gone"), (210, "/var/tmp/gtwo"))
    )
    texts = {"/var/tmp/gone": "/var/tmp/gtwo", "/var/tmp/gtwo": "/var/tmp/gone"}
    found = incident_of(snapshot(one, other, texts=texts))
    assert found.verdict is Verdict.CONFIRMED
    assert pids(found) == {200, 210}
    assert pids(found, Role.MINER) >= {200}
    assert len([actor for actor in found.actors if actor.pid]) == 2


@pytest.mark.parametrize("size", [3, 40])
def test_a_ring_of_burners_of_which_each_guards_the_next_is_one_incident(size: int) -> None:
    ring = [process(200 + place, f"/var/tmp/ring{place:02}x", cgroup=GROUP, cores=1.0) for place in range(size)]
    names = [[ring[place - 1].exe_path or ""] for place in range(size)]
    found = incident_of(snapshot(*ring, *(detail(each, names=named) for each, named in zip(ring, names, strict=True))))
    assert found.verdict is Verdict.CONFIRMED
    assert sorted(actor.pid or 0 for actor in found.actors) == [each.pid for each in ring]
    assert pids(found, Role.MINER)


def test_a_known_guardian_that_burns_is_still_the_guardian() -> None:
    kinsing = process(200, "/var/tmp/kinsing", cgroup=GROUP, cores=0.8)
    found = incident_of(snapshot(kinsing, miner(path="/tmp/kdevtmpfsi", cgroup=GROUP)))
    assert (pids(found, Role.MINER), pids(found, Role.GUARDIAN)) == ({300}, {200})


def test_whoever_is_seen_starting_it_again_is_a_guardian_though_nothing_else_betrays_it() -> None:
    agent = process(200, "/opt/agent/agentd")
    assert 200 not in pids(incident_of(snapshot(agent, miner())))
    found = incident_of(snapshot(agent, miner(), restart(agent, "/tmp/abcd")))
    assert (found.verdict, pids(found, Role.GUARDIAN)) == (Verdict.CONFIRMED, {200})


def test_whoever_starts_a_guardian_again_is_found_too() -> None:
    agent, boss = process(100, "/opt/agent/agentd"), process(200, "/var/tmp/bossy")
    found = incident_of(snapshot(agent, boss, miner(ppid=200), restart(agent, "/var/tmp/bossy")))
    assert pids(found, Role.GUARDIAN) == {100, 200}


def test_who_was_seen_restarting_one_miner_does_not_guard_another() -> None:
    agent = process(200, "/opt/agent/agentd")
    one, other = miner(), process(400, "/dev/shm/wxyz", cores=1.0)
    chief = process(500, "/var/tmp/chief", ppid=1)
    found = judged(snapshot(agent, chief, one, other, restart(agent, "/tmp/abcd"), restart(chief, "/dev/shm/wxyz")))
    assert sorted(pids(incident) for incident in found.incidents) == [{200, 300}, {400, 500}]


@pytest.mark.parametrize(
    ("starter", "facts"),
    [
        (process(200, "/usr/sbin/cron", "-f"), ()),
        (process(200, "-bash", exe=BASH, tty=TTY), ()),
        (process(200, "/usr/lib/systemd/systemd", "--user"), ()),
        (process(200, "/usr/sbin/apache2", user="www-data"), ()),
        (
            java := process(200, "java", "-cp", "x.jar", "org.apache.flink.Main", exe="/opt/jdk/bin/java"),
            (listener(java, 8081),),
        ),
    ],
    ids=["cron", "a login shell", "the user's service manager", "a packaged service", "a service that listens"],
)
def test_the_door_and_what_many_share_is_no_guardian_though_seen_starting_it_again(
    starter: Process, facts: tuple[Fact, ...]
) -> None:
    found = incident_of(snapshot(starter, *facts, miner(path="/tmp/kdevtmpfsi"), restart(starter, "/tmp/kdevtmpfsi")))
    assert pids(found) == {300}


def test_a_parent_is_believed_only_if_it_was_there_first() -> None:
    later = process(200, "/var/tmp/def", age=5)
    assert 200 not in pids(incident_of(snapshot(later, miner(ppid=200, path="/tmp/kdevtmpfsi"))))


# Innocents


class Place(NamedTuple):
    """Where a gang was started, and an innocent with it: everything that processes can share is shared."""

    shared: dict[str, Any]
    facts: tuple[Fact, ...]
    members: tuple[Process, ...]
    innocent: int = 700


def _gang(parent: int, **shared: Any) -> dict[str, tuple[Process, ...]]:
    started = {"ppid": parent, **shared}
    return {
        "a known gang": (
            process(200, "/var/tmp/kinsing", **started),
            process(300, "/tmp/kdevtmpfsi", cores=1.0, **started),
        ),
        "an unknown gang": (
            process(200, "/var/tmp/bossy", **started),
            process(300, "/tmp/abcd", cores=1.0, **{**started, "ppid": 200}),
        ),
    }


SHELL = process(50, "-bash", exe=BASH, user="ada", session=50, cgroup=GROUP, tty=TTY, audit_session=3)
TYPED: dict[str, Any] = {"session": 50, "cgroup": GROUP, "user": "ada", "tty": TTY, "audit_session": 3}
UNSEEN: dict[str, Any] = {**TYPED, "tty": 0}
MINERS = ("/tmp/kdevtmpfsi", "/tmp/abcd")
KILLER = "while :; do pkill -f /tmp/kdevtmpfsi; pkill -f /tmp/abcd; sleep 1; done"
NVIM = "/tmp/.mount_nvimAb/usr/bin/nvim"
Beside = Callable[[dict[str, Any]], Process]

BESIDE: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a shell loop": (("sh", "-c", "while :; do sleep 1; done"), {"exe": DASH}),
    "a shell loop whose script lies in /tmp": (("sh", "/tmp/wait.sh"), {"exe": DASH}),
    "a shell loop that runs another script in /tmp": (
        ("sh", "-c", "while :; do /tmp/wait.sh; sleep 1; done"), {"exe": DASH},
    ),
    "a training run": (("python3", "/tmp/train.py"), {"exe": PYENV, "cores": 1.0}),
    "a training run with the distribution's python": (
        ("python3", "/tmp/train.py"), {"exe": "/usr/bin/python3.11", "cores": 1.0},
    ),
    "a program a person builds and runs in /tmp": (("/tmp/build/server",), {}),
    "cron": (("/usr/sbin/cron", "-f"), {}),
    "sshd": (("sshd: ada [priv]",), {"exe": "/usr/sbin/sshd", "name": "sshd"}),
    "another login shell": (("-zsh",), {"exe": "/usr/bin/zsh"}),
    "tmux": (("tmux", "new"), {"exe": "/usr/bin/tmux", "name": "tmux: server"}),
    "the user's service manager": (("/usr/lib/systemd/systemd", "--user"), {}),
    "an admin's kill loop": (("bash", "-c", KILLER), {"exe": BASH}),
    "an admin's kill loop in a script": (("bash", "/root/kill.sh"), {"exe": BASH}),
    "an admin's kill loop in a script that lies in /tmp": (("bash", "/tmp/kill.sh"), {"exe": BASH}),
    "an editor": (("vim", *MINERS), {"exe": "/usr/bin/vim.basic"}),
    "a debugger": (("gdb", "-p", "300", *MINERS), {"exe": "/usr/bin/gdb"}),
    "a pager": (("less", *MINERS), {"exe": "/usr/bin/less"}),
    "an installer that a person runs": (("bash", "-c", "curl -fsSL https://get.docker.com | sh"), {"exe": BASH}),
    "a compiler": (("/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "x.c"), {"cores": 1.0}),
    "a test run that started the gang": (("python3", "-m", "pytest", "-x"), {"exe": PYENV}),
    "a notebook server": (("python3", "/home/ada/.local/bin/jupyter-lab"), {"exe": PYENV}),
}  # fmt: skip
TEXTS: Mapping[str, str] = {"/tmp/kill.sh": KILLER, "/root/kill.sh": KILLER, "/tmp/train.py": "import torch"}


@pytest.mark.parametrize("gang", ["a known gang", "an unknown gang"])
@pytest.mark.parametrize("shared", [UNSEEN, TYPED], ids=["", "in a terminal"])
@pytest.mark.parametrize("innocent", list(BESIDE))
def test_a_neighbour_in_everything_that_can_be_shared_is_no_actor(
    innocent: str, shared: dict[str, Any], gang: str
) -> None:
    words, options = BESIDE[innocent]
    beside = process(700, *words, ppid=50, **{**shared, **options})
    members = _gang(50, **shared)[gang]
    found = judged(snapshot(SHELL, *members, beside, texts=TEXTS))
    for incident in found.incidents:
        assert pids(incident) <= {200, 300}
    if shared is UNSEEN:
        (incident,) = found.incidents
        assert (incident.verdict, pids(incident)) == (Verdict.CONFIRMED, {200, 300})


def test_an_editor_that_runs_from_its_own_image_in_tmp_is_no_actor() -> None:
    editor = process(700, NVIM, *MINERS, ppid=50, **TYPED)
    for members in _gang(50, **UNSEEN).values():
        assert pids(incident_of(snapshot(SHELL, *members, editor))) == {200, 300}


PARENTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a login shell": (("-bash",), {"exe": BASH, "tty": TTY}),
    "a shell that an upgrade of its package left deleted": (("-bash",), {"exe": BASH, "tty": TTY, "deleted": True}),
    "cron": (("CRON",), {"exe": "/usr/sbin/cron", "name": "cron"}),
    "a container's cron": (("crond", "-f"), {"exe": "/bin/busybox", "name": "crond"}),
    "sshd": (("sshd: ada@notty",), {"exe": "/usr/sbin/sshd", "name": "sshd"}),
    "tmux": (("tmux",), {"exe": "/usr/bin/tmux", "name": "tmux: server"}),
    "the user's service manager": (("/usr/lib/systemd/systemd", "--user"), {}),
    "a supervisor": (("python3", "/usr/bin/supervisord"), {"exe": "/usr/bin/python3.11", "name": "supervisord"}),
    "a container's shim": (("/usr/bin/containerd-shim-runc-v2", "-id", "x"), {"name": "containerd-shim"}),
    "a test run": (("python3", "-m", "pytest"), {"exe": PYENV}),
    "a test run from an environment in /tmp": (("python3", "/tmp/venv/bin/pytest", "-x"), {"exe": PYENV}),
    "a web server": (("apache2", "-k", "start"), {"exe": "/usr/sbin/apache2"}),
    "a container's database": (("postgres: ada db [local] COPY",), {"exe": "/usr/lib/postgresql/14/bin/postgres"}),
    "a notebook server": (("python3", "/home/ada/.local/bin/jupyter-lab"), {"exe": PYENV}),
}  # fmt: skip


@pytest.mark.parametrize("parent", list(PARENTS))
@pytest.mark.parametrize("path", MINERS)
def test_who_started_it_without_being_of_the_gang_is_no_actor(parent: str, path: str) -> None:
    words, options = PARENTS[parent]
    above = process(60, *words, age=90_000, **options)
    for incident in judged(snapshot(above, miner(path=path, ppid=60))).incidents:
        assert pids(incident) == {300}
        assert incident.verdict is (Verdict.SUSPECT if path == "/tmp/abcd" else Verdict.CONFIRMED)


def test_a_service_that_was_the_door_is_no_actor_though_its_program_was_replaced_while_it_ran() -> None:
    flink = process(
        60, "java", "-cp", "/opt/flink/lib/x.jar", "org.apache.flink.Main", exe="/opt/jdk/bin/java", deleted=True
    )
    for path in MINERS:
        assert pids(incident_of(snapshot(flink, listener(flink, 8081), miner(path=path, ppid=60)))) == {300}


def test_a_person_s_own_test_that_starts_the_gang_from_a_terminal_is_no_actor() -> None:
    harness = process(60, "python3", "/home/ada/run_gang.py", exe=PYENV, ppid=50, **TYPED)
    texts = {"/home/ada/run_gang.py": "Popen(['/tmp/kdevtmpfsi'])"}
    members = _gang(60, **UNSEEN)["a known gang"]
    assert pids(incident_of(snapshot(SHELL, harness, *members, texts=texts))) == {200, 300}


@pytest.mark.parametrize("path", MINERS)
def test_davy_and_what_started_it_are_no_actors(path: str) -> None:
    boss = process(60, "/var/tmp/bossy")
    davy = process(70, "python3", "/opt/davy/bin/davy", "evict", path, exe=PYENV, ppid=60)
    found = incident_of(snapshot(boss, davy, miner(path=path, ppid=60), own_pids=(70, 60, 1)))
    assert pids(found) == {300}


@pytest.mark.parametrize("state", ["Z", "X"])
def test_what_has_ended_is_no_actor(state: str) -> None:
    kinsing = process(200, exe=None, name="kinsing", cgroup=GROUP, state=state)
    assert pids(incident_of(snapshot(kinsing, miner(path="/tmp/kdevtmpfsi", cgroup=GROUP)))) == {300}


# A person's own work has no guardian, whoever starts it


@pytest.mark.parametrize(
    "starter",
    [
        process(60, "sh", "-c", "cd /tmp && python3 /tmp/train.py; echo done", exe=DASH),
        process(60, "bash", "/tmp/run_all.sh", exe=BASH),
        process(60, "python3", "/tmp/train.py", exe=PYENV),
        process(60, "python3", "/tmp/pytest-of-ada/pytest-0/launch.py", exe=PYENV),
        process(60, "python3", "/tmp/venv/bin/pytest", exe=PYENV),
        process(60, "/tmp/build/launcher"),
    ],
    ids=lambda one: one.invocation if isinstance(one, Process) else None,
)
def test_a_training_run_in_tmp_has_no_guardian(starter: Process) -> None:
    train = process(300, "python3", "/tmp/train.py", exe=PYENV, ppid=60, cores=1.0, cgroup=GROUP)
    texts = {"/tmp/run_all.sh": "python3 /tmp/train.py", "/tmp/pytest-of-ada/pytest-0/launch.py": "/tmp/train.py"}
    assert judged(snapshot(starter, train, texts=texts)).verdict is Verdict.CLEAN


def test_a_miner_with_a_training_run_s_arguments_does_not_make_the_training_run_a_miner() -> None:
    train = process(400, "python3", "/home/ada/train.py", exe=PYENV, cores=1.0)
    disguised = process(300, "python3", "/home/ada/train.py", exe="/dev/shm/.x/python3", cores=1.0)
    found = incident_of(snapshot(train, disguised, connection(disguised, "101.32.166.253", 3333)))
    assert pids(found) == {300}
    assert "/home/ada/train.py" not in {path for actor in found.actors for path in actor.files}


def test_a_cron_line_s_shell_is_of_the_gang_and_cron_is_not() -> None:
    daemon = process(40, "/usr/sbin/cron", "-f", cgroup="/cron")
    child = process(41, "/usr/sbin/CRON", "-f", exe="/usr/sbin/cron", name="cron", ppid=40, cgroup="/cron")
    shell = process(42, "/bin/sh", "-c", "/tmp/kdevtmpfsi >/dev/null 2>&1", exe=DASH, ppid=41, cgroup="/cron")
    other = process(43, "/bin/sh", "-c", "/usr/bin/backup", exe=DASH, ppid=41, cgroup="/cron")
    found = incident_of(
        snapshot(
            daemon, child, shell, other, miner(path="/tmp/kdevtmpfsi", ppid=42, cgroup="/cron"), cron("/tmp/kdevtmpfsi")
        )
    )
    assert pids(found) == {42, 300}


def test_a_renamed_copy_of_a_shell_that_guards_is_found_also_in_a_terminal() -> None:
    boss = process(200, "/var/tmp/abcde", "-c", "while :; do /tmp/abcd; done", ppid=50, **TYPED)
    copy = detail(boss, program=executable("/var/tmp/abcde", twin=DASH), names=["/tmp/abcd"])
    found = judged(snapshot(SHELL, boss, copy, miner(ppid=200, **UNSEEN)))
    assert [pids(incident) for incident in found.incidents] == [{200, 300}]
