"""The tables of ``--views`` as a person reads them."""

from __future__ import annotations

import io

import msgspec
from rich.console import Console
from tests.unit.snapshots import process_table

from davy.model.concealment import ProcessTable
from davy.model.facts import Host
from davy.model.incidents import Judgement, Verdict
from davy.present.views import show_views

HOSTILE = "\udcff\x1b[2J[/]\n)"


def shown(table: ProcessTable | None) -> str:
    out = io.StringIO()
    judgement = Judgement(
        host=Host(name="web1"), taken=0.0, seconds=1.0, verdict=Verdict.CLEAN, complete=True, incidents=(),
        process_table=table,
    )  # fmt: skip
    show_views(Console(file=out, markup=False, emoji=False, highlight=False, width=200), judgement)
    return out.getvalue()


def test_what_no_table_was_drawn_up_for_needs_no_legend() -> None:
    assert shown(None) == ""


def test_who_is_hidden_comes_first_and_its_name_is_no_command() -> None:
    table = process_table(3, hidden=1)
    rows = tuple(msgspec.structs.replace(row, name=HOSTILE) for row in table.rows)
    lines = shown(msgspec.structs.replace(table, rows=rows)).split("\n")
    assert len({line.endswith("  hidden") for line in lines[1:4]}) == 2
    assert lines[1].endswith("  hidden")
    assert all(r"\xff\x1b[2J[/]\x0a)" in line for line in lines[1:4])
    assert lines[-2].startswith("+ shows it")
