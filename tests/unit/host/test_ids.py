"""Answers about pids that were written down, for tests of those who ask."""

from __future__ import annotations

from davy.host.ids import PidViews, RecordedPids


def test_every_call_answers_for_a_process_and_most_for_a_thread() -> None:
    pids: PidViews = RecordedPids([10, 20], threads={11: 10}, ended=[20])
    assert [call(10) for call in (pids.alive, pids.signal0, pids.group, pids.scheduler, pids.thread_group)] == [
        True
    ] * 5
    assert [call(11) for call in (pids.signal0, pids.group, pids.scheduler)] == [True] * 3
    assert [call(11) for call in (pids.alive, pids.thread_group)] == [False] * 2
    assert (pids.belongs(11, 10), pids.belongs(11, 20), pids.belongs(10, 10)) == (True, False, True)
    assert pids.hold(11) is pids.hold(99) is None
    held = [process for pid in (10, 20) if (process := pids.hold(pid))]
    assert [(process.pid, process.ended()) for process in held] == [(10, False), (20, True)]
    for process in held:
        process.close()


def test_a_call_may_answer_otherwise_or_say_nothing() -> None:
    pids = RecordedPids([10], said={"signal0": [10, 30], "scheduler": None})
    assert (pids.signal0(30), pids.alive(30), pids.scheduler(10)) == (True, False, None)
    assert RecordedPids(None).hold(1) is None
    assert RecordedPids(None).belongs(1, 1) is None
