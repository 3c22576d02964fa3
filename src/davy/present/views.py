"""The views side by side: a row for each process or kernel module, a column for each way of seeing it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from davy.model.cgroup_names import short_ids
from davy.model.concealment import LISTINGS, Accounting, ModuleTable, ProcessTable
from davy.model.incidents import Judgement
from davy.model.text import printable

SEEN, LEFT_OUT, NOT_ASKED = "+", "-", "."


def show_views(out: Console, judgement: Judgement) -> None:
    """Both tables and the account of the CPUs, as far as they were drawn up; what is hidden comes first."""
    if judgement.process_table is not None:
        _show(out, _processes(judgement.process_table), "process")
        if judgement.process_table.uncounted:
            out.print(f"{judgement.process_table.uncounted} threads more are counted by the kernel than were seen")
    if judgement.module_table is not None:
        if judgement.module_table.columns:
            _show(out, _modules(judgement.module_table), "kernel module")
        else:
            out.print("kernel modules: not applicable, this kernel loads none")
    if judgement.accounting is not None:
        for line in _account(judgement.accounting):
            out.print(line)
    if judgement.process_table is None and not (judgement.module_table and judgement.module_table.columns):
        return
    out.print(f"{SEEN} shows it   {LEFT_OUT} leaves it out   {NOT_ASKED} was not asked about it")


Row = tuple[str, bool, list[str]]


def _processes(table: ProcessTable) -> tuple[list[str], list[Row]]:
    rows = [
        (
            f"{row.pid} {printable(row.name or 'cannot be read', 20)}" + (" (covered)" if row.covered else ""),
            row.hidden,
            [_mark(view in row.seen, view in row.missing) for view in table.columns],
        )
        for row in sorted(table.rows, key=lambda row: (not row.hidden, row.pid))
    ]
    return [f"{view.value}{'' if view in LISTINGS else ' *'}" for view in table.columns], rows


def _modules(table: ModuleTable) -> tuple[list[str], list[Row]]:
    rows = [
        (
            printable(row.name, 30) + (f" ({row.taint})" if row.taint else ""),
            row.hidden,
            [_mark(view in row.seen, view in row.missing) for view in table.columns],
        )
        for row in sorted(table.rows, key=lambda row: (not row.hidden, row.name))
    ]
    return [view.value for view in table.columns], rows


def _mark(seen: bool, missing: bool) -> str:
    return LEFT_OUT if missing else SEEN if seen else NOT_ASKED


def _show(out: Console, table: tuple[list[str], list[Row]], what: str) -> None:
    """Columns are numbered, and named below: names side by side would not fit a screen."""
    columns, rows = table
    wide = max([len(what), *(len(name) for name, _, _ in rows)])
    out.print(Text(f"{what:{wide}}  " + " ".join(f"{number:2}" for number in range(1, len(columns) + 1)), "bold"))
    for name, hidden, marks in rows:
        line = f"{name:{wide}}  " + " ".join(f"{mark:>2}" for mark in marks)
        out.print(Text(line + ("  hidden" if hidden else ""), "bold red" if hidden else ""))
    out.print("   ".join(f"{number} {name}" for number, name in enumerate(columns, 1)))
    out.print()


def _account(account: Accounting) -> Iterator[str]:
    for one in account.intervals:
        yield (
            f"{one.seconds:.2f} s: {one.busy:.2f} of {account.cpus} cores busy, {one.owned:.2f} owned, "
            f"{one.unowned:.2f} by nobody, {one.unsure:.2f} not known"
        )
    if account.claimed_busy is not None:
        yield f"/proc/stat claims {account.claimed_busy:.2f} cores busy"
    if account.sampled_busy is not None:
        yield f"samples of who is on a CPU say {account.sampled_busy:.2f}"
    if account.yardstick is not None:
        yield f"Davy itself waited for {account.yardstick:.0%} of the CPU time it wanted"
    for group in account.groups:
        yield f"{group.unowned:.2f} cores in {printable(short_ids(group.cgroup), 120)} that none of its processes owns"
