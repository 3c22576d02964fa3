"""A miner in a container, as a person and a program are told of it."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest
from rich.console import Console
from tests.unit.detect.samples_containers import ID, container
from tests.unit.present.test_contract import check
from tests.unit.snapshots import TAKEN, process, snapshot
from tests.unit.snapshots import judged as judged_snapshot

from davy.model.containers import PublishedPort
from davy.model.facts import Account
from davy.model.incidents import Judgement
from davy.present.terminal import show_judgement

PATH = "/tmp/kdevtmpfsi"
PORT = PublishedPort(address="0.0.0.0", port=9000, container_port=9000)


def judged(**changes: object) -> Judgement:
    box = container(
        name="web-php-fpm-1", image="php:7.3-fpm", project="shop", published=(PORT,), layer="/var/lib/docker/o/diff",
        started=TAKEN - 500.0, **changes,
    )  # fmt: skip
    plain = process(101, PATH, "-o", "stratum+tcp://192.0.2.7:3333", "-u", "x", cores=1.0, cgroup=f"/docker/{ID}")
    miner = msgspec.structs.replace(plain, uid=999, user="postgres")
    facts = snapshot(process(100, "/app/php-fpm", cgroup=f"/docker/{ID}"), miner, box)
    host = (Account("root", 0, 0, "/root", "/bin/sh"), Account("systemd-coredump", 999, 999, "/", "/bin/false"))
    return judged_snapshot(msgspec.structs.replace(facts, accounts=host))


def screen(judgement: Judgement) -> str:
    out = io.StringIO()
    show_judgement(Console(file=out, width=400, highlight=False, markup=False, emoji=False), judgement)
    return out.getvalue()


def test_a_person_reads_the_container_its_port_the_user_in_it_and_the_file_s_place() -> None:
    told = screen(judged())
    assert (
        "container web-php-fpm-1 (image php:7.3-fpm, docker, compose project shop), published 0.0.0.0:9000->9000"
        in told
    )
    assert "uid 999, postgres in the container, systemd-coredump on the host" in told
    assert f"{PATH} in there is /var/lib/docker/o/diff{PATH} on the host" in told


def test_a_program_reads_the_same() -> None:
    found = check(judged())
    (incident,) = found["incidents"]
    (miner,) = [actor for actor in incident["actors"] if actor["role"] == "miner"]
    inside: dict[str, Any] = miner["container"]
    assert (inside["id"], inside["name"], inside["image"], inside["project"]) == (
        ID,
        "web-php-fpm-1",
        "php:7.3-fpm",
        "shop",
    )
    assert (miner["user"], inside["uid"], inside["host_user"]) == ("postgres", 999, "systemd-coredump")
    assert inside["host_path"] == f"/var/lib/docker/o/diff{PATH}"
    own = [
        one["summary"] for one in incident["findings"] if one["subject"] == "process:101:" + str(miner["start_ticks"])
    ]
    assert own
    assert all(summary.endswith(", in container web-php-fpm-1") for summary in own)
    assert "container web-php-fpm-1 was started" in {one["what"] for one in incident["timeline"]}


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "\udcff", "\u202e"])
def test_whatever_a_container_is_called_no_terminal_obeys_it(name: str) -> None:
    judgement = judged(pod=name)
    told = screen(judgement)
    assert name not in told
    check(judgement)
