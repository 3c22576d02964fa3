"""What the shape of a computation comes to: a miner's with its connection, and honest work of nearly that shape."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.detect.samples_workload import talk, workload
from tests.unit.snapshots import TTY, Fact, detail, executable, judged, process, service, snapshot

from davy.collect.holders import far_ends
from davy.model.facts import Process
from davy.model.incidents import Verdict

WORKER = process(500, "/usr/local/lib/app/worker", cores=4.0, threads=5)
XZ = process(501, "/usr/bin/xz", cores=4.0, threads=5)
SHELL = process(502, "-bash", exe="/usr/bin/bash", user="ada", tty=TTY, session=502)
TYPED = process(503, "/home/ada/bin/fold", ppid=502, cores=4.0, threads=5, user="ada", tty=TTY, session=502)
HIDDEN = process(504, "/home/ada/.x/sieve", cores=4.0, threads=5, user="ada")


def verdict(*facts: Fact) -> Verdict:
    found = judged(snapshot(*facts)).incidents
    return found[0].verdict if found else Verdict.CLEAN


@pytest.mark.parametrize("busy", [4, 2])
def test_nothing_but_computing_and_one_thin_connection_is_a_miner(busy: int) -> None:
    assert verdict(WORKER, workload(WORKER, busy=busy), talk(WORKER)) is Verdict.CONFIRMED


def test_whether_a_unit_starts_it_changes_nothing() -> None:
    unit = service("/usr/local/lib/app/worker --quiet")
    assert verdict(WORKER, workload(WORKER), talk(WORKER), unit) is Verdict.CONFIRMED


def test_behind_the_webs_port_or_on_one_core_of_many_it_is_suspect() -> None:
    assert verdict(WORKER, workload(WORKER), talk(WORKER, 443)) is Verdict.SUSPECT
    assert verdict(WORKER, workload(WORKER, busy=1), talk(WORKER)) is Verdict.SUSPECT


@pytest.mark.parametrize("of", [WORKER, HIDDEN], ids=["nobody's package", "a hidden folder at home"])
def test_the_bare_shape_is_clean(of: Process) -> None:
    assert verdict(of, workload(of, sockets=0)) is Verdict.CLEAN


def test_who_only_tells_how_far_it_is_is_clean() -> None:
    assert verdict(WORKER, workload(WORKER), talk(WORKER, said=60_000, heard=600)) is Verdict.CLEAN


def test_a_packages_program_of_the_same_shape_is_clean() -> None:
    owned = detail(XZ, program=executable("/usr/bin/xz"))
    assert verdict(XZ, workload(XZ), talk(XZ), owned) is Verdict.CLEAN


def test_a_persons_own_is_not_confirmed() -> None:
    assert verdict(SHELL, TYPED, workload(TYPED), talk(TYPED)) is not Verdict.CONFIRMED


def test_the_far_end_of_a_connection_on_this_machine_is_found() -> None:
    near = msgspec.structs.replace(talk(WORKER), local_address="127.0.0.1", remote_address="127.0.0.1")
    far = msgspec.structs.replace(near, inode=77, local_port=near.remote_port, remote_port=near.local_port)
    other = msgspec.structs.replace(far, inode=78, remote_port=9)
    assert far_ends((near, far, other), frozenset({near.inode})) == {77}
    assert far_ends((talk(WORKER), other), frozenset({near.inode})) == frozenset()
