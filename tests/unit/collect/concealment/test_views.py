"""The table of views, on recorded kernels: who is hidden, who only came or went meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from davy.collect.concealment.views import Sightings, process_table, sightings
from davy.collect.processes import sweep
from davy.host import Denied, HostError, RecordedKernel
from davy.host.cgroups import Group, Groups
from davy.host.clean_start import Start
from davy.host.ids import RecordedPids
from davy.host.procfs import RecordedProcfs
from davy.host.task_iterator import Task
from davy.model.concealment import ProcessRow, ProcessTable, View
from davy.model.facts import Gap

MINER: Final = 66
ALL_LISTINGS: Final = frozenset({View.LISTING, View.GETDENTS, View.LOOK_UP, View.OWN_LISTING, View.OWN_LOOK_UP})


def stat(pid: int, start: int = 500, name: str = "x") -> str:
    return f"{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 {start} 1 1 1\n"


def files(pids: Iterable[int], **more: str) -> dict[str, bytes | str]:
    return {
        "stat": "cpu 1 0 1 1 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\nprocesses 90\n",
        "loadavg": "0.00 0.00 0.00 1/90 90\n",
        "sys/kernel/pid_max": "32768\n",
        **{f"{pid}/stat": stat(pid) for pid in pids},
        **more,
    }


class Unlisted(RecordedProcfs):
    """A procfs whose listing leaves some processes out that answer when asked for: a hook of getdents64."""

    def __init__(self, files: Mapping[str, bytes | str], left_out: Iterable[int]) -> None:
        super().__init__(files)
        self._left_out = frozenset(left_out)

    def pids(self) -> list[int]:
        return [pid for pid in super().pids() if pid not in self._left_out]


def table(
    own: RecordedProcfs,
    ordinary: RecordedProcfs | None = None,
    pids: RecordedPids | None = None,
    groups: Groups | None = None,
    **options: Any,
) -> ProcessTable:
    kernel = RecordedKernel(own, ordinary=ordinary, pids=pids)
    seen = sightings(kernel, groups, deep=False)
    found = process_table(kernel, seen, sweep(kernel, seen.everyone).stats, **options)
    assert isinstance(found, ProcessTable)
    return found


def row(found: ProcessTable, pid: int) -> ProcessRow:
    (one,) = (row for row in found.rows if row.pid == pid)
    return one


def test_where_nothing_hides_every_listing_shows_everybody() -> None:
    found = table(RecordedProcfs(files([1, 7, MINER])))
    assert [row.pid for row in found.rows] == [1, 7, MINER]
    assert found.hidden == ()
    assert all(row.seen >= ALL_LISTINGS | {View.PIDFD} and not row.missing for row in found.rows)


def test_a_process_below_a_mount_is_hidden_and_shown_with_its_own_name() -> None:
    own = RecordedProcfs(files([1, MINER]) | {f"{MINER}/stat": stat(MINER, 700, "kdevtmpfsi")})
    ordinary = RecordedProcfs(files([1]) | {f"{MINER}/nothing": ""})
    (hidden,) = table(own, ordinary, covered={MINER}).hidden
    assert (hidden.pid, hidden.start_ticks, hidden.name, hidden.covered) == (MINER, 700, "kdevtmpfsi", True)
    assert hidden.missing == {View.LOOK_UP}
    assert hidden.seen >= {View.PIDFD, View.SIGNAL, View.GROUP, View.SCHEDULER, View.OWN_LISTING}


def test_below_a_mount_nothing_is_read_for_it_may_never_answer() -> None:
    class Stuck(RecordedProcfs):
        def read(self, path: str, limit: int = 1 << 14) -> bytes:
            assert not path.startswith(f"{MINER}/"), "this read never returns"
            return super().read(path, limit)

    mounts = f"30 20 0:40 / /proc/{MINER} rw - fuse.gone gone rw\n"
    own = RecordedProcfs(files([1, MINER]) | {"self/mountinfo": mounts})
    (hidden,) = table(own, Stuck(files([1, MINER])), RecordedPids([1, MINER]), covered={MINER}).hidden
    assert (hidden.pid, hidden.missing) == (MINER, {View.LOOK_UP})


def test_another_s_folder_mounted_over_a_process_s_own_is_no_look_up_of_it() -> None:
    own = RecordedProcfs(files([1, MINER]) | {f"{MINER}/stat": stat(MINER, 700)})
    ordinary = RecordedProcfs(files([1, MINER]) | {f"{MINER}/stat": stat(MINER, 500)})
    (hidden,) = table(own, ordinary, covered={MINER}).hidden
    assert View.LOOK_UP in hidden.missing


def test_a_hook_of_the_listing_hides_from_both_and_the_name_still_answers() -> None:
    every = files([1, 7, MINER])
    found = table(Unlisted(every, [MINER]), Unlisted(every, [MINER]), RecordedPids([1, 7, MINER]))
    (hidden,) = found.hidden
    assert hidden.missing == {View.LISTING, View.GETDENTS, View.OWN_LISTING}
    assert (hidden.pid, hidden.start_ticks) == (MINER, 500)


def test_a_hook_of_the_look_up_too_leaves_nothing_but_the_calls() -> None:
    found = table(RecordedProcfs(files([1, 7])), pids=RecordedPids([1, 7, MINER]))
    (hidden,) = found.hidden
    assert hidden.missing == ALL_LISTINGS
    assert (hidden.start_ticks, hidden.name) == (0, "")


def test_the_kernel_s_own_list_names_whom_nothing_else_does() -> None:
    class Listed(RecordedKernel):
        def tasks(self) -> list[Task]:
            return [Task(pid, pid, 5_000_000_000, 0, f"task {pid}") for pid in (1, MINER)]

    kernel = Listed(RecordedProcfs(files([1])), pids=RecordedPids([1, MINER]))
    seen = sightings(kernel, None, deep=False)
    found = process_table(kernel, seen, sweep(kernel).stats)
    assert isinstance(found, ProcessTable)
    (hidden,) = found.hidden
    assert (hidden.pid, hidden.start_ticks, hidden.name) == (MINER, 500, f"task {MINER}")
    assert View.TASKS in hidden.seen


def test_a_control_group_gives_away_whom_the_pid_space_does_not_reach() -> None:
    """A pid far above the last that was handed out: chosen by whoever made the process."""
    far = 30_000
    groups = Groups(2, (Group("/", (1, far), 0, None),), True, True)
    found = table(RecordedProcfs(files([1])), pids=RecordedPids([1, far]), groups=groups)
    assert [hidden.pid for hidden in found.hidden] == [far]
    assert row(found, far).seen >= {View.CGROUP, View.PIDFD}


def test_a_thread_in_a_control_group_gives_away_its_process() -> None:
    """A hook that takes a process out of ``cgroup.procs``, and forgets ``cgroup.threads``."""
    groups = Groups(2, (Group("/", (1,), 0, None, (1, MINER + 1)),), True, True)
    own = RecordedProcfs(files([1]) | {f"{MINER + 1}/status": f"Name:\tx\nTgid:\t{MINER}\nPid:\t{MINER + 1}\n"})
    assert MINER in sightings(RecordedKernel(own), groups, deep=True).by_view[View.CGROUP]


def test_more_than_can_be_held_at_once_are_counted() -> None:
    many = range(1000, 1300)
    found = table(RecordedProcfs(files([1]) | {"loadavg": "0 0 0 1/90 1400\n"}), pids=RecordedPids([1, *many]))
    assert len(found.hidden) == 256
    assert found.unconfirmed == 300 - 256


def test_one_that_has_ended_meanwhile_is_nobody() -> None:
    assert table(RecordedProcfs(files([1])), pids=RecordedPids([1, MINER], ended=[MINER])).hidden == ()


def test_a_thread_is_no_process() -> None:
    found = table(RecordedProcfs(files([1, 7])), pids=RecordedPids([1, 7], threads={8: 7}))
    assert [row.pid for row in found.rows] == [1, 7]
    assert found.hidden == ()


def test_one_that_came_after_the_listing_is_seen_by_the_next() -> None:
    class Later(RecordedProcfs):
        listings = 0

        def pids(self) -> list[int]:
            self.listings += 1
            return super().pids() if self.listings > 1 else [1]

    found = table(RecordedProcfs(files([1, 7])), Later(files([1, 7])))
    assert found.hidden == ()
    assert row(found, 7).missing == frozenset()


def test_a_single_call_is_not_believed() -> None:
    said = {"signal0": [1], "group": [1], "scheduler": [1]}
    found = table(RecordedProcfs(files([1])), pids=RecordedPids([1, MINER], said=said))
    assert row(found, MINER).missing == ALL_LISTINGS
    assert found.hidden == ()


@pytest.mark.parametrize(("started", "hidden"), [(500, [MINER]), (99_000, [])])
def test_what_a_program_with_something_preloaded_did_not_list(started: int, hidden: list[int]) -> None:
    """Only of a process that was there when it looked, 900 seconds after the start of the machine."""
    own = RecordedProcfs(files([1, MINER]) | {f"{MINER}/stat": stat(MINER, started)})
    found = table(own, start=Start(unlisted=frozenset({MINER}), listed_at=900.0))
    assert [row.pid for row in found.hidden] == hidden
    assert row(found, MINER).missing == ({View.LISTING} if hidden else set())


def test_a_proc_of_another_pid_namespace_says_nothing() -> None:
    kernel = RecordedKernel(RecordedProcfs(files([1])))
    kernel.ordinary = None
    gap = process_table(kernel, Sightings({}), {})
    assert isinstance(gap, Gap)
    assert gap.collector == "processes"


def test_a_proc_that_shows_users_only_their_own_hides_nobody() -> None:
    procfs = RecordedProcfs(files([7]))
    procfs.own = False
    kernel = RecordedKernel(procfs, pids=RecordedPids([1, 7, 8]))
    gap = process_table(kernel, sightings(kernel, None, deep=False), sweep(kernel).stats)
    assert isinstance(gap, Gap)
    assert "hidepid" in gap.why


def test_the_sweep_goes_as_far_as_pids_were_handed_out() -> None:
    kernel = RecordedKernel(RecordedProcfs(files([1])), pids=RecordedPids([1, 90, 20_000]))
    assert sightings(kernel, None, deep=False).by_view[View.PIDFD] == {1, 90}
    assert sightings(kernel, None, deep=True).by_view[View.PIDFD] == {1, 90, 20_000}


def test_the_sweep_goes_through_all_pids_once_they_were_handed_out_twice() -> None:
    wrapped = files([1]) | {"stat": "cpu 1 0 1 1 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\nprocesses 40000\n"}
    kernel = RecordedKernel(RecordedProcfs(wrapped), pids=RecordedPids([1, 20_000]))
    assert sightings(kernel, None, deep=False).by_view[View.PIDFD] == {1, 20_000}


def test_a_sweep_that_had_no_time_says_so() -> None:
    class Slow(RecordedKernel):
        def living(self, first: int, last: int, seconds: float | None) -> Any:
            return super().living(first, last, None if seconds is None else 0)

    (gap,) = sightings(Slow(RecordedProcfs(files([1]))), None, deep=False).gaps
    assert (gap.collector, gap.what) == ("views", "pids 1 to 154")


def test_children_are_whom_their_parents_name() -> None:
    kernel = RecordedKernel(RecordedProcfs(files([1]) | {"1/task/1/children": "7 66 "}))
    assert sightings(kernel, None, deep=False).by_view[View.CHILDREN] == {7, MINER}


def test_a_file_of_nonsense_mounted_where_children_are_is_no_children() -> None:
    own = RecordedProcfs(files([1]) | {"1/task/1/children": "a b\n", "1/task/x/children": "7\n"})
    assert sightings(RecordedKernel(own), None, deep=True).by_view[View.CHILDREN] == set()


def test_many_that_were_born_since_the_sweep_keep_nobody_from_being_held() -> None:
    born = range(100, 500)
    everybody = files([1, *born, 600])
    own = Unlisted(everybody, [600])
    kernel = RecordedKernel(own, ordinary=own, pids=RecordedPids([1, *born, 600]))
    swept = {pid: found for pid, found in sweep(kernel).stats.items() if pid not in born}
    found = process_table(kernel, Sightings({View.PIDFD: frozenset([1, 600])}), swept)
    assert isinstance(found, ProcessTable)
    assert [row.pid for row in found.hidden] == [600]


def test_an_entry_that_a_security_module_keeps_back_is_there() -> None:
    class Confined(RecordedProcfs):
        def read_each(self, paths: Sequence[str]) -> Iterator[bytes | HostError]:
            for path, text in zip(paths, super().read_each(paths), strict=True):
                yield Denied(path) if path == f"{MINER}/stat" else text

    every = files([1, MINER])
    found = table(Confined(every), Confined(every), RecordedPids([1, MINER]))
    assert found.hidden == ()
    assert row(found, MINER).missing == frozenset()
