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

from bench.content.data import warm
from bench.figures import Figure, row
from bench.logs.data import HITS, log
from davy.knowledge.matching.patterns import pattern
from davy.knowledge.services import LogFormat, known_services

_ROOT: Final = Path(__file__).resolve().parents[2]
_LARGE: Final = 10 << 30
_WHOLE: Final = 1 << 30
_AROUND: Final = 600.0
"""Seconds before and after the entry that are searched."""


class Ours(NamedTuple):
    hits: int
    read_bytes: int
    seconds: float
    """Of the search alone."""
    peak_bytes: int
    process_seconds: float
    """With the start of the interpreter."""


def ours(*arguments: str) -> Ours:
    began = time.perf_counter()
    out = subprocess.run(
        [sys.executable, "-m", "bench.logs.ours", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return Ours(int(out[0]), int(out[1]), float(out[2]), int(out[3]), time.perf_counter() - began)


def ripgrep(file: Path, patterns: Path) -> float:
    command = ["rg", "--no-config", "--no-unicode", "-a", "-j2", "-c", "-f", str(patterns), str(file)]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def patterns_of_signs(folder: Path) -> Path:
    """Those of all signs of the same format.  ripgrep goes by lines, so a line's end is left out of them."""
    texts = {
        f"(?{'is' if one.nocase else 's'}:{one.expression})".replace(r"\n", "")
        for service in known_services().values()
        for sign in service.sign
        if any(each.format is LogFormat.LOG4J for each in service.log if each.id in sign.logs)
        for one in (pattern(sign.pattern),)
    }
    file = folder / "patterns.txt"
    file.write_text("\n".join(sorted(texts)) + "\n")
    return file


def window(folder: Path, state: Path, rounds: int) -> Iterator[Figure]:
    file = folder / "large.log"
    entry = log(file, _LARGE)
    arguments = (str(state), str(file), str(entry - _AROUND), str(entry + _AROUND))
    ours(*arguments)  # compiles the signs, once
    runs = [ours(*arguments) for _ in range(rounds)]
    file.unlink()
    if any(run.hits != HITS for run in runs):
        raise SystemExit(f"bench.logs: {HITS} hits are there, {runs[0].hits} were found")
    yield Figure.of("10 GB, a window", [run.seconds for run in runs], "s", 0.5)
    yield Figure.of("10 GB, a window: process", [run.process_seconds for run in runs], "s")
    yield Figure.of("10 GB, a window: memory", [run.peak_bytes / 1e6 for run in runs], "MB", 100)
    yield Figure.of("10 GB, a window: read", [run.read_bytes / 1e6 for run in runs], "MB")


def whole(folder: Path, state: Path, rounds: int) -> Iterator[Figure]:
    file = folder / "whole.log"
    log(file, _WHOLE)
    patterns = patterns_of_signs(folder)
    ours(str(state), str(file))
    warm(file)
    runs, others = [], []
    for _ in range(rounds):
        runs.append(ours(str(state), str(file)))
        others.append(ripgrep(file, patterns))
    file.unlink()
    if any(run.hits != HITS or run.read_bytes < _WHOLE for run in runs):
        raise SystemExit("bench.logs: not all was read, or found")
    process = Figure.of("1 GB, all of it: process", [run.process_seconds for run in runs], "s")
    search = Figure.of("1 GB, all of it: davy", [run.seconds for run in runs], "s")
    rg = Figure.of("1 GB, all of it: ripgrep", others, "s")
    yield from (search, process, rg)
    yield search.times("1 GB: davy, times ripgrep", rg, 0.5)
    yield process.times("1 GB: davy's process, times rg", rg)
    yield Figure.of("1 GB, all of it: memory", [run.peak_bytes / 1e6 for run in runs], "MB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.logs", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where 11 GB may be written for a while")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("rg") is None:
        raise SystemExit("bench.logs: needs rg (apt-get install ripgrep)")
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="davy-bench-", dir=options.folder) as name:
        folder = Path(name)
        state = folder / "state"
        state.mkdir(0o700)
        print(row("", "best", "median", "budget"))
        for measure in (window,):
            for figure in measure(folder, state, options.rounds):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
