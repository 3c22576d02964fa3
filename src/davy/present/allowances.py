"""What the owner allowed, in every report: since when, why, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from davy.model.allowance import Allowance
from davy.model.incidents import Allowed
from davy.model.text import printable


def in_words(allowance: Allowance) -> str:
    """``xmrig (xmrig.service, as ada) since 2026-11-25, reason: my own``."""
    name = allowance.path.rpartition("/")[2]
    how = ", ".join(
        words for words in (allowance.unit, f"as {allowance.user}" if allowance.user is not None else None) if words
    )
    try:
        since = time.strftime("%Y-%m-%d", time.localtime(allowance.since))
    except (OverflowError, ValueError, OSError):
        since = "who knows when"
    return printable(f"{name}{f' ({how})' if how else ''} since {since}, reason: {allowance.reason}", 400)


def show_allowed(out: Console, allowed: Sequence[Allowed]) -> None:
    """A line for each, and one for each process to which it does not apply, though it looks like it."""
    for one in allowed:
        if one.pids:
            spent = one.cpu_hours or 0.0
            cost = f"{spent:.1f} CPU hours" if spent >= 1 else f"{spent * 60:.1f} CPU minutes"
            pids = ", ".join(map(str, one.pids[:4]))
            now = f"; runs as {pids}, has cost {cost}, {one.burning_cores:.1f} cores now"
        else:
            now = "; does not run now"
        out.print(Text(f"allowed: {in_words(one.allowance)}{now}"))
        for words in one.differs:
            out.print(Text(f"not allowed by {one.allowance.id}: {printable(words, 400)}", "bold yellow"))


def show_allowances(out: Console, allowances: Sequence[Allowance]) -> None:
    """The list of ``davy allow --list``."""
    if not allowances:
        out.print("Nothing is allowed.")
    for one in allowances:
        out.print(Text(f"{one.id:3}  {in_words(one)}"))
        by = f", by {printable(one.by, 40)}" if one.by is not None else ""
        out.print(Text(f"     {printable(one.path, 200)}, sha256 {one.sha256}{by}"))
