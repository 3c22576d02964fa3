"""Prints what ``davy harden`` takes on this machine beside its budget; and lynis, where it is installed.

The whole process is measured, from its start to its exit, as a person waits for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Final

from bench.figures import Figure, row
from bench.scan.cost import costs

_WALL_MS: Final = 500
_LYNIS: Final = ["audit", "system", "--quick", "--quiet", "--no-colors", "--tests-from-group"]
_GROUPS: Final = "databases,webservers,ssh,php,networking,firewalls,containers"


def _davy() -> str:
    program = shutil.which("davy", path=os.path.dirname(sys.executable))
    if program is None:
        raise SystemExit(f"bench.harden: there is no davy beside {sys.executable}")
    return program


def _figures(rounds: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = os.path.join(folder, "compiled")  # as an installed Davy is
        command = [_davy(), "harden", "--state", os.path.join(folder, "state")]
        costs(command, environment, 1)
        runs = costs(command, environment, rounds)
        yield Figure.of("davy harden: wall", [run.wall_seconds * 1e3 for run in runs], "ms", _WALL_MS)
        yield Figure.of("davy harden: own CPU", [run.cpu_seconds * 1e3 for run in runs], "ms")
        yield Figure.of("davy harden: peak memory", [run.peak_bytes / 1e6 for run in runs], "MB")
        if lynis := shutil.which("lynis"):
            audits = costs([lynis, *_LYNIS, _GROUPS], environment, 1)
            yield Figure.of("lynis, the same subjects: wall", [run.wall_seconds * 1e3 for run in audits], "ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.harden", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    print(f"{platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}, {rounds} rounds\n")
    print(row("", "best", "median", "budget"))
    for figure in _figures(rounds):
        print(figure, flush=True)


if __name__ == "__main__":
    main()
