"""Which thin connections are told apart: work that is asked for, news, and what a pool says."""

from __future__ import annotations

import msgspec
from tests.unit.detect.samples_workload import WORKER, talk, workload
from tests.unit.snapshots import Fact, process, snapshot

from davy.detect import workload as shapes
from davy.knowledge.weights import weight_of
from davy.model.findings import Finding

YOUNG = process(500, "/usr/local/lib/app/worker", cores=4.0, threads=5, age=5.0)


def found(*facts: Fact) -> list[Finding]:
    return list(shapes.thin_connection(snapshot(*facts)))


def counts_as(degree: str, *facts: Fact) -> bool:
    return [one.bits for one in found(*facts)] == [weight_of("network.thin-connection", degree).bits]


def test_threads_that_all_wait_for_each_answer_are_a_solver_s_and_no_miner_s() -> None:
    """As OpenMP and queues with several workers do: nobody computes before the next piece has come."""
    assert counts_as("in step", WORKER, workload(WORKER, sleeps=9), talk(WORKER, messages=9, said=500, heard=700))


def test_threads_that_wait_as_they_begin_are_a_miner_s() -> None:
    for messages, sleeps in ((3, 3), (200, 8)):
        facts = workload(WORKER, sleeps=sleeps), talk(WORKER, messages=messages, said=500, heard=700)
        assert counts_as("is told", WORKER, *facts)


def test_one_thread_that_never_waits_is_a_miner_s() -> None:
    work = workload(WORKER, sleeps=9)
    *others, last = work.threads
    work = msgspec.structs.replace(work, threads=(*others, msgspec.structs.replace(last, sleeps=0)))
    assert counts_as("is told", WORKER, work, talk(WORKER, messages=9, said=500, heard=700))


def test_what_is_asked_ten_times_a_second_is_no_pool() -> None:
    assert not found(WORKER, workload(WORKER), talk(WORKER, messages=36_000, said=900_000, heard=1_300_000))


def test_a_pool_may_be_talkative_while_it_is_new() -> None:
    """As a test's stand-in is, or a pool that is looking for the difficulty of a new worker."""
    assert counts_as("is told", YOUNG, workload(YOUNG), talk(YOUNG, messages=60, said=6_000, heard=20_000))


def test_a_heartbeat_that_is_acknowledged_is_told_nothing() -> None:
    work = workload(WORKER)
    assert counts_as("reports", WORKER, work, talk(WORKER, messages=9, said=300, heard=250))
    told = msgspec.structs.replace(talk(WORKER, said=300, heard=250), messages_sent=9, messages_received=14)
    assert counts_as("is told", WORKER, work, told)
