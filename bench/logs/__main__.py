"""Prints one table of figures, each beside its budget where it has one."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
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


def patterns_of_signs(file: Path, formats: Collection[LogFormat]) -> Path:
    """Those of all signs of these formats.  ripgrep goes by lines, so a line's end is left out of them."""
    texts = {
        _for_ripgrep(f"(?{'is' if one.nocase else 's'}:{one.expression})")
        for service in known_services().values()
        for sign in service.sign
        if any(each.format in formats for each in service.log if each.id in sign.logs)
        for one in (pattern(sign.pattern),)
    }
    file.write_text("\n".join(sorted(texts)) + "\n")
    return file


def _for_ripgrep(expression: str) -> str:
    for text in (expression, expression.replace(r"\n", ""), expression.replace(r"[^\n]", ".").replace(r"\n", "")):
        command = ["rg", "--no-config", "--no-unicode", "-a", "-e", text, "/dev/null"]
        if subprocess.run(command, capture_output=True, check=False).returncode < 2:
            return text
    raise SystemExit(f"bench.logs: ripgrep refuses {expression}")


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
    warm(file)
    for what, formats, arguments in (
        ("its signs", {LogFormat.LOG4J}, ()),
        ("all signs", set(LogFormat), ("all",)),
    ):  # fmt: skip
        patterns = patterns_of_signs(folder / "patterns.txt", formats)
        ours(str(state), str(file), *arguments)  # compiles the signs, once
        runs, others = [], []
        for _ in range(rounds):
            runs.append(ours(str(state), str(file), *arguments))
            others.append(ripgrep(file, patterns))
        if any(run.hits < HITS or run.read_bytes < _WHOLE for run in runs):
            raise SystemExit("bench.logs: not all was read, or found")
        process = Figure.of(f"1 GB, {what}: process", [run.process_seconds for run in runs], "s")
        rg = Figure.of(f"1 GB, {what}: ripgrep", others, "s")
        yield from (process, rg)
        yield Figure.of(f"1 GB, {what}: search alone", [run.seconds for run in runs], "s")
        yield process.times(f"1 GB, {what}: times ripgrep", rg, 0.5 if arguments else None)
        yield Figure.of(f"1 GB, {what}: memory", [run.peak_bytes / 1e6 for run in runs], "MB")
    file.unlink()


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
        for measure in (whole, window):
            for figure in measure(folder, state, options.rounds):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
