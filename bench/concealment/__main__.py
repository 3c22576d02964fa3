"""Plants what hides, has each program look, and writes the table."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.concealment.stage import COVERED, PRELOADED, Ran, Stage
from bench.concealment.tools import NO, Planted, Sight, Tool, tools
from davy import __version__

_PAGE: Final = Path(__file__).parents[2] / "docs" / "concealment.md"
_NOTHING: Final = Sight(NO, NO, NO)


class _Row(NamedTuple):
    tool: Tool
    ran: Ran | None
    sight: Sight
    quiet: Ran | None
    alarms: int | None
    """How often it spoke of something hidden where nothing is; None when it was not asked."""


def _planted(stage: Stage) -> Planted:
    """Everything that hides, which must be hidden for `ps` to begin with."""
    pids = Planted(stage.start(COVERED), stage.start(PRELOADED))
    assert COVERED in stage.shell("ps -eo args"), "ps does not work"
    stage.cover(pids.covered)
    stage.preload(pids.preloaded)
    stage.forge()
    shown = stage.shell("ps -eo args")
    if COVERED in shown or PRELOADED in shown:
        raise SystemExit(f"bench.concealment: nothing is hidden: {shown}")
    return pids


def _asked(tool: Tool, options: argparse.Namespace, *, quiet: bool) -> _Row:
    """One program, on a fresh stage with all three cases, and on one where nothing is hidden."""
    if not tool.there:
        return _Row(tool, None, _NOTHING, None, None)
    with tempfile.TemporaryDirectory(prefix="davy-bench-", dir="/var/tmp") as state:
        command = next(one.command for one in tools(state) if one.name == tool.name)
        with Stage(options.pid_max) as stage:
            pids = _planted(stage)
            ran = stage.run(command, options.limit)
            sight = _read(tool, ran, pids)
        honest = None
        if quiet:
            with Stage(options.pid_max) as stage:
                honest = stage.run(command, options.limit)
    alarms = None if honest is None or honest.status is None else tool.alarms(honest.output)
    if options.show:
        print(ran.output)
    return _Row(tool, ran, sight, honest, alarms)


def _read(tool: Tool, ran: Ran, pids: Planted) -> Sight:
    try:
        return tool.read(ran.output, pids)
    except ValueError:
        return _NOTHING if ran.status is None else Sight(*[f"no answer: {ran.output.strip()[:60]}"] * 3)


def _seconds(ran: Ran | None, limit: float) -> str:
    if ran is None:
        return "not installed"
    return f"{ran.seconds:.1f} s" if ran.status is not None else f"stopped after {limit:.0f} s"


def _cells(row: _Row, limit: float) -> list[str]:
    alarms = NO if row.alarms is None else str(row.alarms)
    return [row.tool.name, *row.sight, _seconds(row.ran, limit), alarms]


_HEADS: Final = ("", "mount over /proc/PID", "preloaded library", "/proc/stat forged", "took", "false alarms")


def _table(rows: Sequence[_Row], limit: float) -> str:
    lines = [_HEADS, ("---",) * len(_HEADS), *(_cells(row, limit) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def _page(rows: Sequence[_Row], pid_max: int, limit: float) -> str:
    versions = {row.tool.package: row.tool.version for row in rows if row.tool.package and row.tool.version}
    named = "; ".join(f"{package} {version}" for package, version in versions.items())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"""# What is seen of what hides

Written by `python -m bench.concealment`; run it again to have it anew.  Each program looks at three cases, planted
together in a mount and pid namespace of their own, fresh for each: a loop under a miner's name with an empty folder
mounted over its `/proc/PID`; another that a library in `/etc/ld.so.preload` leaves out of every listing; and a copy of
`/proc/stat` mounted over it, so that the machine looks idle.  `ps` shows neither loop.  Then it looks at such a
namespace in which nothing is hidden: whatever it says of hidden things there is a false alarm.

{_table(rows, limit)}

`-`: says nothing of it, or was not asked.  No program ran for longer than {limit:.0f} s.

Davy {__version__}; Debian packages {named or "none"}.  {os.cpu_count()} CPUs ({platform.machine()}), {memory:.0f} GiB,
Linux {platform.release().split("-")[0]}, a pid space of {pid_max:,}, Python {platform.python_version()}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.concealment", description=__doc__)
    parser.add_argument("--only", default="", help="programs by the beginning of their names, such as davy,unhide")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds for each run (900)")
    parser.add_argument("--pid-max", type=int, help="the namespace's pid space (the kernel's choice)")
    parser.add_argument("--planted-only", action="store_true", help="not where nothing is hidden")
    parser.add_argument("--show", action="store_true", help="print what each program says")
    parser.add_argument("--output", type=Path, default=_PAGE, help=f"the page to write ({_PAGE.name})")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no namespace is left behind
    if os.geteuid() != 0:
        raise SystemExit("bench.concealment: needs root, for namespaces and mounts")
    with Stage(options.pid_max) as stage:
        pid_max = stage.pid_max
    wanted = tuple(options.only.split(",")) if options.only else ("",)
    rows = []
    for tool in tools("/nonexistent"):
        if tool.name.startswith(wanted):
            rows.append(_asked(tool, options, quiet=not options.planted_only))
            print("  ".join(_cells(rows[-1], options.limit)), flush=True)
    options.output.write_text(_page(rows, pid_max, options.limit))


main()
