"""Who is asked to be stopped for a sample, and when there are enough of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.unit.snapshots import detail, process, snapshot

from davy.collect.computation.rounding import _settled, roundings
from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.host.tracing import Sampled, Tracee, Turns
from davy.model.computation import RoundingMode
from davy.model.reach import Reach

BURNER = process(100, "/usr/local/bin/worker", cores=1.0, age=50.0)
UP, DOWN, ZERO, NEAREST = RoundingMode.UP, RoundingMode.DOWN, RoundingMode.ZERO, RoundingMode.NEAREST


class Tracing(RecordedKernel):
    """Remembers whom it was asked to stop."""

    asked: Sequence[Tracee] = ()

    def rounding(self, tracees: Sequence[Tracee], turns: Turns, seconds: float) -> list[Sampled]:  # noqa: ARG002
        self.asked = tracees
        return [Sampled(dict.fromkeys(one.tids, ()), frozenset()) for one in tracees]


def asked(start_ticks: int) -> Sequence[Tracee]:
    """Whom the examiner would stop where pid 100 is now a process that began then, of two threads that run."""
    stat = f"100 (worker) R {' '.join('1' for _ in range(18))} {start_ticks} {' '.join('0' for _ in range(30))}\n"
    running = "90000000000 0 1\n"
    kernel = Tracing(
        RecordedProcfs({"100/stat": stat, "100/task/100/schedstat": running, "100/task/101/schedstat": running})
    )
    list(roundings(Host(MemoryRoot({}), kernel), snapshot(BURNER, detail(BURNER)), Reach()))
    return kernel.asked


def test_whoever_bears_the_pid_of_a_burner_that_has_ended_is_left_alone() -> None:
    assert [set(one.tids) for one in asked(BURNER.start_ticks)] == [{100, 101}]
    assert list(asked(BURNER.start_ticks + 1)) == []


@pytest.mark.parametrize("seed", range(50))
def test_randomx_needs_few_samples(seed: int) -> None:
    modes = random.Random(seed).choices(list(RoundingMode), k=64)
    assert _settled({1: modes}, 0.1)


@pytest.mark.parametrize("seed", range(50))
def test_interval_arithmetic_that_cuts_numbers_off_is_looked_at_to_the_end(seed: int) -> None:
    drawn = random.Random(seed)
    modes = [ZERO if drawn.random() < 0.02 else drawn.choice((UP, DOWN)) for _ in range(96)]
    assert not any(_settled({1: modes[:count]}, 0.1) for count in range(24, 97))


def test_what_never_leaves_its_mode_is_settled_at_once() -> None:
    assert _settled({1: [NEAREST] * 32}, 0.06)
    assert not _settled({1: [NEAREST] * 31}, 0.06)
    assert _settled({1: [NEAREST] * 12}, 0.2)
