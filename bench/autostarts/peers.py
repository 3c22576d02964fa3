"""The guilty entries of every kind, planted in the booted Debian: what Davy and others find of them, and in what time.

A program found an entry when a line that it prints, and does not print where nothing is planted, names the entry's
file, or what this entry alone runs.  Davy must name the very entry as an actor.
"""

from __future__ import annotations

import io
import json
import resource
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.planted.planting import Entry, Planted, plant, planted

from bench.autostarts.debian import FULL
from bench.autostarts.page import table
from bench.corpus.lab import Lab
from bench.debian import DAVY

_LIMIT_SECONDS: Final = 1_200
_LOADERS: Final = "ERROR: ld.so: object"
"""What the loader says, in every program's name, of a planted library that is not there."""
_PLANTED_ANYWAY: Final = "/etc/passwd"
"""Comes with what is planted; the Debian has its own."""


class Ran(NamedTuple):
    """What a program said, and what it took."""

    output: str
    seconds: float
    cpu_seconds: float


class Tool(NamedTuple):
    """A program as it is run, and what of its lines is meant for a person as a warning."""

    name: str
    script: str
    alarm: Callable[[str], bool]
    package: str | None = None
    prepare: str = ""
    """What gives it, before anything is planted, the memory of a host that it compares with."""


class Row(NamedTuple):
    """One program's answer."""

    tool: Tool
    ran: Ran
    found: frozenset[Entry]
    alarms: int
    """Warnings where nothing is planted."""


TOOLS: Final = (
    Tool("davy scan", f"{DAVY}/bin/python -m davy scan --json", bool),
    Tool(
        "chkrootkit -q", "chkrootkit -q 2>&1",
        lambda line: line.startswith("/") or "INFECTED" in line or "Possible" in line, "chkrootkit",
    ),
    Tool(
        "rkhunter --check",
        "rkhunter --check --skip-keypress --report-warnings-only --nocolors",
        lambda line: line.startswith("Warning"), "rkhunter",
        "rkhunter --propupd --nocolors; cp /etc/passwd /etc/group /var/lib/rkhunter/tmp/",
    ),
    Tool(
        "lynis audit system",
        "lynis audit system --quick --no-colors >/dev/null 2>&1;"
        " grep -E '^(warning|suggestion)' /var/log/lynis-report.dat",
        bool, "lynis",
    ),
)  # fmt: skip


def rows(only: tuple[str, ...] = ()) -> Iterator[Row]:
    """Each program's answer, in a Debian booted for it alone, with everything planted and with nothing."""
    kinds = list(planted().values())
    for tool in TOOLS:
        if not only or tool.name.startswith(only):
            quiet = _run(tool, [])
            ran = _run(tool, kinds)
            yield Row(tool, ran, frozenset(_found(tool, ran, quiet, kinds)), _alarms(tool, quiet))


def _run(tool: Tool, kinds: list[Planted]) -> Ran:
    lab = Lab(FULL.path)
    try:
        if tool.prepare:
            lab.run("/bin/sh", "-c", tool.prepare, check=False, seconds=_LIMIT_SECONDS)
        if kinds:
            _plant(lab, kinds)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        output = lab.run("/bin/sh", "-c", tool.script, check=False, seconds=_LIMIT_SECONDS)
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    finally:
        lab.close()
    used = sum(getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime"))
    return Ran(output, seconds, used)


def _plant(lab: Lab, kinds: list[Planted]) -> None:
    """Put what is planted over what is there."""
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as folder, io.BytesIO() as packed:
        plant(Path(folder), kinds)
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path in sorted(Path(folder).rglob("*")):
                name = "/" + str(path.relative_to(folder))
                if name != _PLANTED_ANYWAY and (path.is_symlink() or not path.is_dir()):
                    archive.add(path, name, recursive=False)
        lab.put("/run/planted.tar", packed.getvalue())
    lab.run("tar", "-xf", "/run/planted.tar", "-C", "/", "--absolute-names", "--keep-directory-symlink")
    lab.run("rm", "/run/planted.tar")


def _found(tool: Tool, ran: Ran, quiet: Ran, kinds: list[Planted]) -> Iterator[Entry]:
    guilty = [entry for kind in kinds for entry in kind.guilty]
    if tool.package is None:
        actors = {
            (actor["path"], actor["line"]) for one in json.loads(ran.output)["incidents"] for actor in one["actors"]
        }
        yield from (entry for entry in guilty if (entry.path, entry.line) in actors)
        return
    lines = set(ran.output.splitlines()) - set(quiet.output.splitlines())
    said = "\n".join(line for line in lines if _LOADERS not in line)
    run = Counter(program for entry in guilty for program in entry.programs)
    for entry in guilty:
        if any(name in said for name in (entry.path, *(each for each in entry.programs if run[each] == 1))):
            yield entry


def _alarms(tool: Tool, quiet: Ran) -> int:
    if tool.package is None:
        return len(json.loads(quiet.output)["incidents"])
    return sum(map(tool.alarm, quiet.output.splitlines()))


def by_kind(rows: list[Row]) -> str:
    """A table of what each found, kind by kind."""
    lines = []
    for kind in planted().values():
        cells = [f"{sum(entry in row.found for entry in kind.guilty)} of {len(kind.guilty)}" for row in rows]
        lines.append([kind.kind.value, *cells])
    every = [entry for kind in planted().values() for entry in kind.guilty]
    lines.append(["**together**", *(f"**{len(row.found)} of {len(every)}**" for row in rows)])
    lines.append(["warnings where nothing is planted", *(str(row.alarms) for row in rows)])
    lines.append(["took", *(f"{row.ran.seconds:.1f} s" for row in rows)])
    lines.append(["CPU", *(f"{row.ran.cpu_seconds:.1f} s" for row in rows)])
    return table(["", *(row.tool.name for row in rows)], lines)
