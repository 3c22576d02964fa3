"""`davy.collect.renewals`: programs that keep appearing under new pids."""

from __future__ import annotations

import pytest

from davy.collect.processes import sweep
from davy.collect.renewals import Looks
from davy.host import RecordedKernel
from davy.host.procfs import RecordedProcfs


class Forking(RecordedProcfs):
    """A procfs in which a miner of one pid ends and its child appears each time the forks are counted."""

    def __init__(self, *, forks: bool, tells: bool = True) -> None:
        self.forks, self.tells, self.pid, self.listings = forks, tells, 100, 0
        super().__init__({})

    def pids(self) -> list[int]:
        self.listings += 1
        return [self.pid]

    def _answer(self, path: str) -> bytes:
        if path == "stat":
            self.pid += self.forks
            return b"cpu 1 1 1 1\nctxt 1\n" + (b"processes %d\nprocs_running 1\n" % self.pid if self.tells else b"")
        self._files = {
            f"{self.pid}/stat": b"%d (miner) R 1" % self.pid + b" 0" * 48,
            f"{self.pid}/exe": b"->/tmp/miner",
        }
        return super()._answer(path)


def looks_over_a_second(procfs: Forking) -> Looks:
    kernel = RecordedKernel(procfs)
    looks = Looks(kernel, sweep(kernel))
    procfs.listings = 0
    looks.until(kernel.uptime() + 1.0)
    return looks


@pytest.mark.parametrize("tells", [True, False])
def test_a_program_of_ever_new_pids_renews_itself(tells: bool) -> None:
    (renewal,) = looks_over_a_second(Forking(forks=True, tells=tells)).renewals()
    assert renewal.path == "/tmp/miner"
    assert len(renewal.pids) == renewal.running == renewal.sightings == renewal.looks
    assert renewal.looks >= 20


def test_the_processes_are_not_listed_again_while_none_is_created() -> None:
    procfs = Forking(forks=False)
    assert not list(looks_over_a_second(procfs).renewals())
    assert procfs.listings == 1


def test_they_are_listed_each_time_where_the_kernel_does_not_count() -> None:
    procfs = Forking(forks=False, tells=False)
    looks_over_a_second(procfs)
    assert procfs.listings >= 20
