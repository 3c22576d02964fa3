"""Prints one table of figures, each beside its budget where it has one."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bench.content.data import log, tree, warm
from bench.content.others import ripgrep_patterns, yara_rules
from bench.figures import Figure, row

_ROOT: Final = Path(__file__).resolve().parents[2]


class Run(NamedTuple):
    seconds: float
    peak_bytes: int
    output: str


def run(command: list[str]) -> Run:
    """One process from start to end, as its own parent sees it."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, cwd=_ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read(1 << 20).decode(errors="replace").strip()
    if process.returncode and command[0] != "rg":
        raise SystemExit(f"bench.content: {' '.join(command)} ended {process.returncode}")
    return Run(seconds, usage.ru_maxrss << 10, text)


def figures(folder: Path, rounds: int) -> Iterator[Figure | str]:
    state = folder / "state"
    state.mkdir(0o700)
    patterns, rules = ripgrep_patterns(folder), yara_rules(folder)
    files = tree(folder / "tree")
    log(folder / "log")
    for name, path in ((f"{files:,} files", folder / "tree"), ("a log", folder / "log")):
        davy = [sys.executable, "-m", "bench.content.ours", str(state), str(path)]
        rg = ["rg", "--no-config", "--no-unicode", "-a", "-uuu", "-c", "-j2", "-f", str(patterns), str(path)]
        yara = ["yara", "-r", "-N", "-p", "2", str(rules), str(path)]
        warm(path)
        run(davy)  # compiles the rules, once
        runs: dict[str, list[Run]] = {"davy": [], "rg": [], "yara": []}
        for _ in range(rounds):
            for who, command in (("davy", davy), ("rg", rg), ("yara", yara)):
                runs[who].append(run(command))
        seconds = {who: Figure.of(f"{name}: {who}", [one.seconds for one in all_], "s") for who, all_ in runs.items()}
        yield from seconds.values()
        yield seconds["davy"].times(f"{name}: davy, times ripgrep", seconds["rg"], 0.5)
        yield seconds["davy"].times(f"{name}: davy, times yara", seconds["yara"], 0.25)
        yield Figure.of(f"{name}: davy's memory", [one.peak_bytes / 1e6 for one in runs["davy"]], "MB", 200)
        yield f"davy: {runs['davy'][0].output}; yara: {len(runs['yara'][0].output.splitlines())} hits"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.content", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    for needed in ("rg", "yara"):
        if shutil.which(needed) is None:
            raise SystemExit(f"bench.content: needs {needed} (apt-get install ripgrep yara)")
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as folder:
        print(row("", "best", "median", "budget"))
        for figure in figures(Path(folder), options.rounds):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
