"""Rows of text below one another."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def columns(out: Console, rows: Sequence[tuple[Text, ...]]) -> None:
    """Rows below one another, indented: folded within their columns on a terminal, one line each when piped."""
    if not out.is_terminal:
        for row in rows:
            out.print(Text("   ") + Text("  ").join(row))
        return
    table = Table.grid(padding=(0, 2))
    for _ in rows[0] if rows else ():
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(Padding(table, (0, 0, 0, 3)))
