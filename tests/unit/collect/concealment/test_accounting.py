"""CPU time against its owners, on readings as they come off a machine of two CPUs; half a second between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pytest
from tests.unit.snapshots import process

from davy.collect.concealment.accounting import Reading, accounting, groups_of
from davy.collect.processes import Sweep
from davy.host.cpu_samples import CpuShare, Samples
from davy.host.exits import ExitRecord
from davy.host.stat import Stat
from davy.host.totals import CpuTimes, Totals
from davy.model.concealment import Accounting, Interval

TICKS: Final = 100
MINER: Final = 66


def stat(cpu: float, *, children: float = 0.0, start: int = 5, threads: int = 1) -> Stat:
    """Seconds of CPU time of a process and of the children it has waited for."""
    return Stat(
        name="x", state="S", ppid=1, pgrp=1, session=1, tty=0, flags=0, cpu_ticks=round(cpu * TICKS),
        children_ticks=round(children * TICKS), nice=0, threads=threads, start_ticks=start, rss_pages=1,
    )  # fmt: skip


def ended(pid: int, cpu: float, *, tid: int | None = None, group: float | None = None, ppid: int = 1) -> ExitRecord:
    return ExitRecord(
        tid=tid or pid, tgid=pid, ppid=ppid, name="x", started=0, elapsed_seconds=cpu + 0.1, cpu_seconds=cpu,
        ticked_seconds=cpu, group_cpu_seconds=group, last=True,
    )  # fmt: skip


def reading(
    at: float,
    stats: Mapping[int, Stat],
    *,
    idle: float,
    away: float = 0.0,
    exits: Iterable[ExitRecord] | None = (),
    forks: int = 100,
    claimed: tuple[float, float] | None = None,
    usage: Mapping[str, float] | None = None,
    sampled: int | None = None,
    cpus: Iterable[int] = (0, 1),
) -> Reading:
    """What is read at ``at`` seconds, after ``idle`` CPU seconds in all, and ``away`` ones in interrupts or stolen."""
    times = CpuTimes(
        0, 0, round((2 * at - idle - away) * TICKS), round(idle * TICKS), 0, round(away * TICKS), 0, 0, 0, 0
    )
    return Reading(
        uptime=at,
        totals=Totals(times, dict.fromkeys(cpus, times), 0, 0, forks, 1),
        claimed=CpuTimes(0, 0, *(round(part * TICKS) for part in claimed), 0, 0, 0, 0, 0, 0) if claimed else None,
        sweep=Sweep(at, dict(stats), {}),
        exits=None if exits is None else tuple(exits),
        usage=usage or {},
        samples=None
        if sampled is None
        else Samples(0.5, 200, {(7, 7): sampled}, (CpuShare(0, sampled, 100 - sampled),), 0),
    )


def drawn_up(*readings: Reading, hidden: Iterable[int] = (), **options: Any) -> Accounting:
    return accounting(readings, cpus=2, ticks_per_second=TICKS, hidden=frozenset(hidden), **options)


def one(*readings: Reading, hidden: Iterable[int] = ()) -> Interval:
    (interval,) = drawn_up(*readings, hidden=hidden).intervals
    return interval


def test_a_burner_that_is_seen_owns_what_it_burns() -> None:
    interval = one(
        reading(0.0, {1: stat(3.0), 7: stat(10.0)}, idle=0.0),
        reading(0.5, {1: stat(3.0), 7: stat(10.5)}, idle=0.5),
    )
    assert interval.busy == pytest.approx(1.0)
    assert interval.owned == pytest.approx(1.0)
    assert interval.unowned == 0.0


def test_a_burner_that_is_hidden_owns_nothing() -> None:
    interval = one(
        reading(0.0, {1: stat(3.0), MINER: stat(10.0)}, idle=0.0),
        reading(0.5, {1: stat(3.0), MINER: stat(10.5)}, idle=0.5),
        hidden={MINER},
    )
    assert interval.owned == 0.0
    assert interval.unowned == pytest.approx(1.0 - interval.unsure)
    assert interval.unsure < 0.05


def test_what_no_sweep_has_seen_is_unowned() -> None:
    assert one(reading(0.0, {1: stat(3.0)}, idle=0.0), reading(0.5, {1: stat(3.0)}, idle=0.5)).unowned > 0.95


def test_interrupts_and_what_the_hypervisor_took_are_nobody_s() -> None:
    interval = one(reading(0.0, {1: stat(3.0)}, idle=0.0), reading(0.5, {1: stat(3.0)}, idle=0.5, away=0.5))
    assert interval.busy == pytest.approx(0.0)


def test_one_that_was_born_owns_all_it_has_taken() -> None:
    interval = one(
        reading(0.0, {1: stat(3.0)}, idle=0.0), reading(0.5, {1: stat(3.0), 7: stat(0.5, start=9)}, idle=0.5)
    )
    assert interval.owned == pytest.approx(1.0)


def test_a_pid_that_was_given_again_is_another_process() -> None:
    interval = one(
        reading(0.0, {7: stat(900.0, start=1)}, idle=0.0),
        reading(0.5, {7: stat(0.25, start=9)}, idle=0.5, exits=[ended(7, 900.25)]),
    )
    assert interval.owned == pytest.approx(1.0)


def test_children_that_were_waited_for_are_in_their_parent_s_account() -> None:
    interval = one(
        reading(0.0, {1: stat(3.0, children=50.0)}, idle=0.0),
        reading(0.5, {1: stat(3.0, children=50.5)}, idle=0.5, exits=[ended(pid, 0.0) for pid in range(100, 110)]),
    )
    assert interval.owned == pytest.approx(1.0)


def test_one_that_ended_took_what_its_record_says_less_what_it_had_taken_before() -> None:
    interval = one(
        reading(0.0, {7: stat(900.0)}, idle=0.0), reading(0.5, {}, idle=0.5, exits=[ended(7, 900.5)])
    )  # fmt: skip
    assert interval.owned == pytest.approx(1.0)
    assert interval.unsure < 0.05


def test_parents_and_records_that_tell_of_the_same_death_do_not_count_it_twice() -> None:
    interval = one(
        reading(0.0, {1: stat(0.0, children=0.0), 7: stat(900.0)}, idle=0.0),
        reading(0.5, {1: stat(0.0, children=900.5)}, idle=0.5, exits=[ended(7, 900.5)]),
    )
    assert interval.owned == pytest.approx(1.0)


def test_a_process_that_had_lost_threads_is_counted_by_its_group_s_record() -> None:
    before = reading(0.0, {7: stat(900.0, threads=3)}, idle=0.0)
    threads = [ended(7, 0.3, tid=8), ended(7, 0.3, group=900.5)]
    assert one(before, reading(0.5, {}, idle=0.5, exits=threads)).owned == pytest.approx(1.0)


def test_where_no_record_says_what_its_lost_threads_took_nothing_is_claimed() -> None:
    before = reading(0.0, {7: stat(900.0, threads=3)}, idle=0.0)
    interval = one(before, reading(0.5, {}, idle=0.5, exits=[ended(7, 0.5)]))
    assert interval.unowned == 0.0
    assert interval.unsure > 0.0


def test_a_program_whose_threads_end_one_by_one_hides_no_burner() -> None:
    before = reading(0.0, {7: stat(0.2, threads=2)}, idle=0.0)
    interval = one(before, reading(0.5, {}, idle=0.0, exits=[ended(7, 0.0, tid=8), ended(7, 0.01)]))
    assert interval.unowned == pytest.approx(2.0, abs=0.1)


def test_a_zombie_that_is_waited_for_hides_no_burner() -> None:
    dead = stat(5.0)._replace(state="Z")
    interval = one(
        reading(0.0, {1: stat(0.0), 7: dead}, idle=0.0), reading(0.5, {1: stat(0.0, children=5.0)}, idle=0.0)
    )
    assert interval.owned == pytest.approx(0.0)
    assert interval.unowned == pytest.approx(2.0, abs=0.1)


def test_a_cpu_that_is_switched_off_burns_nothing() -> None:
    account = drawn_up(
        reading(0.0, {7: stat(0.0)}, idle=0.0),
        reading(0.5, {7: stat(0.0)}, idle=0.5, cpus=[0]),
        reading(1.0, {7: stat(0.0)}, idle=1.0, cpus=[0]),
    )
    assert [one.busy for one in account.intervals] == [0.0, 0.0]


def test_a_part_of_a_tick_makes_no_gap() -> None:
    assert one(reading(0.0, {}, idle=0.0), reading(0.05, {}, idle=0.09)).unowned == 0.0


def test_of_children_that_nobody_waits_for_the_last_tick_of_each_is_not_known() -> None:
    storm = [ended(pid, 0.0) for pid in range(1000, 1250)]
    interval = one(reading(0.0, {1: stat(0.0)}, idle=0.0), reading(0.5, {1: stat(0.0)}, idle=0.5, exits=storm))
    assert interval.owned == 0.0
    assert interval.unowned == 0.0


def test_grandchildren_come_up_to_whoever_waits_for_their_parent() -> None:
    compilers = [ended(pid, 0.0, ppid=900) for pid in range(1000, 1100)]
    interval = one(
        reading(0.0, {7: stat(0.0)}, idle=0.0),
        reading(0.5, {7: stat(0.0, children=0.4)}, idle=0.5, exits=[*compilers, ended(900, 0.0, ppid=7)]),
    )
    assert interval.owned == pytest.approx(0.8)
    assert interval.unsure < 0.1
    assert interval.unowned > 0.1


def test_a_thread_of_one_that_lives_on_is_counted_when_that_one_ends() -> None:
    account = drawn_up(
        reading(0.0, {7: stat(1.0, threads=2)}, idle=0.0),
        reading(0.5, {7: stat(1.5)}, idle=0.5, exits=[ended(7, 0.75, tid=8)]),
        reading(1.0, {}, idle=1.0, exits=[ended(7, 1.25)]),
    )
    assert [interval.owned for interval in account.intervals] == pytest.approx([1.0, 1.0])


def test_a_zombie_s_record_that_came_with_the_first_reading_is_not_lost() -> None:
    first = reading(0.0, {7: stat(2.0)}, idle=0.0, exits=[ended(7, 2.0)])
    interval = one(first, reading(0.5, {}, idle=1.0))
    assert interval.unsure < 0.05


def test_without_records_what_ended_is_not_known() -> None:
    before = reading(0.0, {1: stat(3.0)}, idle=0.0, exits=None, forks=100)
    quiet = one(before, reading(0.5, {1: stat(3.0)}, idle=0.5, exits=None, forks=100))
    assert quiet.unowned > 0.95
    forked = one(before, reading(0.5, {1: stat(3.0)}, idle=0.5, exits=None, forks=101))
    assert forked.unowned == 0.0


def test_it_takes_every_part_of_the_window_to_speak() -> None:
    account = drawn_up(
        reading(0.0, {1: stat(3.0)}, idle=0.0),
        reading(0.5, {1: stat(3.0)}, idle=0.0),
        reading(1.0, {1: stat(3.0)}, idle=1.0),
    )
    assert account.intervals[0].unowned > 1.9
    assert account.unowned == 0.0


def test_a_file_that_stands_still_claims_an_idle_machine() -> None:
    account = drawn_up(
        reading(0.0, {7: stat(0.0)}, idle=0.0, claimed=(10.0, 900.0)),
        reading(0.5, {7: stat(1.0)}, idle=0.0, claimed=(10.0, 900.0)),
    )
    assert account.claimed_busy == 0.0
    assert account.busy == pytest.approx(2.0)


def test_what_an_honest_file_claims_is_what_is() -> None:
    account = drawn_up(
        reading(0.0, {7: stat(0.0)}, idle=0.0, claimed=(10.0, 900.0)),
        reading(0.5, {7: stat(0.5)}, idle=0.5, claimed=(10.5, 900.5)),
    )
    assert account.claimed_busy == pytest.approx(account.busy)


@pytest.mark.parametrize("own", [True, False])
def test_what_the_ticks_say_is_told_by_a_file_that_nothing_can_be_mounted_over(own: bool) -> None:
    account = drawn_up(
        reading(0.0, {7: stat(0.0)}, idle=0.0), reading(0.5, {7: stat(0.5)}, idle=0.5), own=own
    )  # fmt: skip
    assert account.counted_busy == (pytest.approx(1.0) if own else None)


def test_samples_are_a_third_account() -> None:
    account = drawn_up(
        reading(0.0, {7: stat(0.0)}, idle=0.0), reading(0.5, {7: stat(0.5)}, idle=0.5, sampled=100)
    )  # fmt: skip
    assert account.sampled_busy == pytest.approx(1.0)


def test_the_group_whose_processes_own_less_than_it_took_is_named() -> None:
    busy = process(7, "/usr/bin/make", cores=0.9, cgroup="/build")
    first = reading(0.0, {}, idle=0.0, usage={"/": 10.0, "/build": 3.0, "/web": 4.0, "/web/app": 4.0})
    last = reading(1.0, {}, idle=0.0, usage={"/": 11.95, "/build": 3.9, "/web": 5.0, "/web/app": 5.0})
    (share,) = groups_of([first, last], [busy], frozenset())
    assert (share.cgroup, share.unowned) == ("/web/app", pytest.approx(1.0))
    (_, build) = groups_of([first, last], [busy], {7})
    assert (build.cgroup, build.unowned) == ("/build", pytest.approx(0.9))
