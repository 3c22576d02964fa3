"""Drills: harmless rehearsals, real processes and autostarts that behave like a family, to try Davy on.

In goes a name; out comes what now runs.  Nothing mines, contacts anybody or hides; existing files are never
overwritten, and all of it is removed at the deadline, at `stop`, or when the process that keeps it is killed.  A drill
uses neither the eyes nor the hands of Davy: it must not depend on what it tests.
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from davy.drill import processes
from davy.drill.clean import clean, kept
from davy.drill.processes import Launch, launch
from davy.drill.record import (
    LOCK_SECONDS,
    DrillError,
    Identity,
    Line,
    Record,
    boot_id,
    locked,
    new_token,
    path_of,
    records,
    records_folder,
    save,
)
from davy.drill.rehearsals import SCRIPTS, Rehearsal, Script
from davy.drill.stage import Stage, already_there

__all__ = ["DrillError", "Line", "Rehearsal", "Running", "Started", "names", "start", "stop"]

_LONGEST_SECONDS: Final = 86_400.0
_MOST_CORES: Final = 64
_READY_SECONDS: Final = 10.0


class Running(Struct, frozen=True):
    """A process of the drill and the program it runs, whose file may be deleted."""

    pid: int
    start_ticks: int
    program: str


class Started(Struct, frozen=True, kw_only=True):
    """What runs now."""

    name: str
    until: int
    """Seconds since the epoch; by then all of it is removed."""
    processes: tuple[Running, ...]
    files: tuple[str, ...]
    """Programs put down and still there."""
    lines: tuple[Line, ...]
    """Crontab lines added."""
    skipped: tuple[str, ...]
    """What could not be done here, and why."""

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self.processes)


def names() -> tuple[Rehearsal, ...]:
    """The rehearsals there are."""
    return tuple(script.rehearsal for script in SCRIPTS)


def start(name: str, seconds: float = 600, cores: int = 1) -> Started:
    """Start the rehearsal, for so long, on so many cores.

    Raises `DrillError` when there is no such rehearsal, when it runs already, when a file of that path is there and not
    a drill's, or when this machine cannot play it; then nothing of it is left.
    """
    script = next((each for each in SCRIPTS if each.rehearsal.name == name), None)
    if script is None:
        raise DrillError(f"no drill is called {name!r}; there are: {', '.join(each.name for each in names())}")
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise DrillError(f"a drill takes 1 to {_LONGEST_SECONDS:.0f} seconds, not {seconds:g}")
    if not 1 <= cores <= _MOST_CORES:
        raise DrillError(f"a drill burns 1 to {_MOST_CORES} cores, not {cores}")
    try:
        folder = records_folder()
        with locked(folder, LOCK_SECONDS):
            _clear(folder, script)
            return _start(folder, script, seconds, cores)
    except OSError as error:
        raise DrillError(f"the drill {name} could not be started: {error}") from None


def stop() -> tuple[str, ...]:
    """End and remove all drills of this user at once; says what was removed.

    Raises `DrillError` when something could not be removed; it can be tried again.
    """
    try:
        folder = records_folder()
        with locked(folder, LOCK_SECONDS):
            return tuple(line for record in records(folder) for line in clean(folder, record))
    except OSError as error:
        raise DrillError(f"the drills could not be ended: {error}") from None


def _clear(folder: Path, script: Script) -> None:
    """Remove drills that nobody keeps any more; raise `DrillError` when something is in this one's way."""
    for record in records(folder):
        if not kept(record):
            clean(folder, record)
        elif record.name == script.rehearsal.name:
            until = time.strftime("%H:%M:%S", time.localtime(record.until))
            raise DrillError(f"the drill {record.name} runs already, until {until}; `davy drill --stop` ends it")
    for path in script.programs:
        if os.path.lexists(path):
            raise already_there(path)


def _start(folder: Path, script: Script, seconds: float, cores: int) -> Started:
    record = Record(
        token=new_token(),
        name=script.rehearsal.name,
        boot_id=boot_id(),
        until=math.ceil(time.time() + seconds),
    )
    stage = Stage(folder, record, cores)
    try:
        save(folder, record)
        record.keeper = _helper(folder, record)
        save(folder, record)
        record.watcher = _helper(folder, record, "--watch")
        save(folder, record)
        script.play(stage)
        record.ready = True
        save(folder, record)
    except BaseException:
        clean(folder, record)
        raise
    running = processes.running(record.files)
    return Started(
        name=record.name,
        until=record.until,
        processes=tuple(Running(process.pid, process.start_ticks, path) for process, path in running.items()),
        files=tuple(file.path for file in record.files if os.path.lexists(file.path)),
        lines=tuple(record.lines),
        skipped=tuple(stage.skipped),
    )


def _helper(folder: Path, record: Record, *options: str) -> Identity:
    """Start the keeper or the watcher, and wait until it is up.  Raises `DrillError` when it does not come up."""
    report, reporter = os.pipe()
    try:
        helper = launch(
            Launch(
                program=sys.executable,
                arguments=(
                    *(sys.executable, "-P", "-m", "davy.drill.keeper"),
                    *(*options, os.fspath(path_of(folder, record))),
                ),
                environment={"PATH": os.defpath, "PYTHONPATH": os.fspath(Path(__file__).parents[2])},
                stdout=reporter,
            )
        )
    finally:
        os.close(reporter)
    with open(report, "rb", buffering=0) as answers:
        if not processes.await_end(report, _READY_SECONDS) or not answers.read(1):
            raise DrillError("the process that ends the drill in time did not come up: nothing was started")
    return helper
