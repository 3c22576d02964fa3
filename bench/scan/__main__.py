"""Prints one table of figures, each beside its budget where it has one."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.compiled import compiled
from bench.figures import Figure, row
from bench.scan.cost import Cost, costs
from bench.scan.load import running, sleeper
from bench.scan.reading import asked, reading

_HERE: Final = Path(__file__).parent
_COMMAND_ROUNDS: Final = 10


def _davy() -> str:
    """The program as it is installed beside the interpreter that measures."""
    program = shutil.which("davy", path=os.path.dirname(sys.executable))
    if program is None:
        raise SystemExit(f"bench.scan: there is no davy beside {sys.executable}")
    return program


def _compiled_ahead(folder: str) -> dict[str, str]:
    """An environment in which Python keeps its bytecode in ``folder``: an installed Davy has been compiled, too."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": folder}


def _of_scans(where: str, runs: Sequence[Cost], wall_seconds: float) -> Iterator[Figure]:
    yield Figure.of(f"scan, {where}: wall", [run.wall_seconds for run in runs], "s", wall_seconds)
    yield Figure.of(f"scan, {where}: own CPU", [run.cpu_seconds for run in runs], "s", 0.5)
    yield Figure.of(f"scan, {where}: peak memory", [run.peak_bytes / 1e6 for run in runs], "MB", 80)


def _of_reading(floor: str, rounds: int) -> Iterator[Figure]:
    paths = asked()
    runs = [reading(floor, paths) for _ in range(rounds)]
    c = Figure.of(f"reading {len(paths):,} files: C", [run.floor_seconds * 1e3 for run in runs], "ms")
    davy = Figure.of("the same: Davy", [run.read_seconds * 1e3 for run in runs], "ms")
    yield c
    yield davy
    yield davy.times("the same: Davy, times C", c, 1.5)
    yield Figure.of("the same: Davy, with parsing", [run.survey_seconds * 1e3 for run in runs], "ms")


def _of_command(
    name: str, command: list[str], environment: Mapping[str, str], wall_ms: float | None = None
) -> Iterator[Figure]:
    runs = costs(command, environment, _COMMAND_ROUNDS)
    yield Figure.of(f"{name}: wall", [run.wall_seconds * 1e3 for run in runs], "ms", wall_ms)
    yield Figure.of(f"{name}: own CPU", [run.cpu_seconds * 1e3 for run in runs], "ms")


def _figures(sleepers: int, burners: int, rounds: int) -> Iterator[Figure]:
    davy = _davy()
    with (
        tempfile.TemporaryDirectory(prefix="davy-bench-") as folder,
        compiled(_HERE / "floor.c", _HERE / "burner.c") as (floor, burner),
        running(sleeper(), sleepers),
    ):
        environment = _compiled_ahead(f"{folder}/bytecode")
        scan = [davy, "scan", "--json", "--state", f"{folder}/state"]
        costs(scan, environment, rounds=1)
        yield from _of_scans("idle", costs(scan, environment, rounds), 1.5)
        with running([burner], burners):
            runs = costs(scan, environment, rounds)
        yield from _of_scans(f"{burners} burners", runs, 2.5)
        yield from _of_reading(floor, rounds)
        yield from _of_command("davy --help", [davy, "--help"], environment, 150)
        yield from _of_command("python -c pass", [sys.executable, "-c", "pass"], environment)
        if shutil.which("ps"):
            yield from _of_command("ps aux", ["ps", "aux"], environment)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scan", description=__doc__)
    parser.add_argument("--sleepers", type=int, default=1000, help="processes that do nothing (1000)")
    parser.add_argument("--burners", type=int, default=2 * (os.cpu_count() or 1), help="two for each CPU")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (5); of short commands always ten")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no sleeper or burner is left behind
    print(
        f"{options.sleepers:,} sleepers, {os.cpu_count()} CPUs, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )
    print(row("", "best", "median", "budget"), flush=True)
    for figure in _figures(options.sleepers, options.burners, options.rounds):
        print(figure, flush=True)


main()
