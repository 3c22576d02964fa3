"""Triage names the few who are worth a closer look, and no more than can be looked at."""

from __future__ import annotations

import pytest
from tests.unit.snapshots import (
    PYENV,
    TTY,
    Fact,
    connection,
    kernel_thread,
    on_card,
    process,
    renewal,
    restart,
    snapshot,
)

from davy.detect import triage
from davy.model.facts import Process

LIMIT = 256


def named(*facts: Fact) -> frozenset[str]:
    return triage(snapshot(*facts, examined=False)).processes


@pytest.mark.parametrize(
    "one",
    [
        process(100, "/usr/bin/xz", "-T0", cores=0.6),
        process(100, "/usr/bin/xz", cores=0.2),
        process(100, "/usr/bin/xz", cores=0.1, waited=0.6),
        process(100, "/tmp/abcd"),
        process(100, "/root/.configrc5/a/upd"),
        process(100, "sh", "/dev/shm/x.sh", exe="/usr/bin/dash"),
        process(100, "/opt/app/server", deleted=True),
        process(100, "x", exe="/memfd:x", memory_only=True),
        process(100, "/opt/a/xmrig"),
        process(100, "x", exe="/opt/a", name="kinsing"),
        process(100, exe=None, name="kdevtmpfsi"),
        process(100, "/opt/x", name="kworker/0:1"),
        process(100, "[kworker/0:1]", exe="/opt/x"),
        process(100, "/opt/x/sshdd"),
        process(100, "/usr/sbin/sshd", exe="/opt/x/tool"),
        process(100, "sshd: root@pts/0", exe="/opt/x/tool"),
        process(100, "/opt/x", "--donate-level=1"),
    ],
    ids=lambda one: one.invocation if isinstance(one, Process) else None,
)
def test_what_is_worth_a_closer_look_is_named(one: Process) -> None:
    assert one.subject in named(one)


@pytest.mark.parametrize(
    "one",
    [
        process(100, "/usr/bin/sleep", "9"),
        process(100, "/usr/sbin/nginx"),
        process(100, "nginx: worker process", exe="/usr/sbin/nginx"),
        process(100, "python3", "/home/ada/train.py", exe=PYENV),
        process(100, "-bash", exe="/usr/bin/bash", tty=TTY),
        kernel_thread(100, "kworker/0:1-events", cores=1.0),
    ],
    ids=lambda one: one.invocation if isinstance(one, Process) else None,
)
def test_what_nobody_would_look_at_twice_is_not_named(one: Process) -> None:
    assert named(one) == frozenset()


def test_whoever_stands_above_and_below_is_named_too_but_for_the_first_process() -> None:
    first = process(1, "/usr/lib/systemd/systemd", ppid=0)
    above = process(90, "/opt/x/boss", age=9000)
    between = process(95, "/usr/bin/nice", ppid=90, age=8000)
    burner = process(100, "/opt/x/y", ppid=95, cores=1.0)
    below = process(110, "/usr/bin/sleep", "9", ppid=100, age=10)
    beside = process(120, "/usr/bin/sleep", "9", ppid=95)
    assert named(first, above, between, burner, below, beside) == {
        above.subject, between.subject, burner.subject, below.subject,
    }  # fmt: skip


def test_what_renews_itself_and_who_was_seen_restarting_is_named() -> None:
    renewing, starter = process(100, "/usr/bin/x", in_window=False), process(110, "/usr/local/bin/agentd")
    assert named(renewing, starter, renewal("/usr/bin/x"), restart(starter, "/opt/y")) == {
        renewing.subject, starter.subject,
    }  # fmt: skip


def test_sockets_towards_a_pool_are_named_whoever_holds_them() -> None:
    quiet = process(100, "/usr/bin/quiet")
    pool, web = connection(quiet, "8.8.8.8", 14444), connection(process(101, "/usr/bin/w"), "8.8.8.8", 443)
    assert triage(snapshot(quiet, pool, web, examined=False)).sockets == {pool.inode}


def test_a_crowd_of_decoys_is_bounded_and_does_not_hide_the_one_that_burns() -> None:
    decoys = [process(pid, f"/tmp/decoy{pid}") for pid in range(1000, 6000)]
    burner = process(9999, "/tmp/zzzz", cores=1.0)
    found = named(*decoys, burner)
    assert len(found) == LIMIT
    assert burner.subject in found


def test_who_works_on_a_graphics_card_is_looked_at_closely_however_little_cpu_he_takes() -> None:
    miner, desktop = process(100, "/opt/comfy/sshd-update"), process(101, "/usr/bin/desktop")
    found = triage(snapshot(miner, desktop, on_card(miner, 99), on_card(desktop, 7), examined=False))
    assert found.processes == {miner.subject}
