"""What a process runs: the one file that is its own doing, told from the interpreter that many share."""

from __future__ import annotations

from davy.detect.places import base, odd_place, open_file
from davy.knowledge.programs import interpreter
from davy.model.facts import Process
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


def interprets(snapshot: Snapshot, process: Process) -> bool:
    """Whether a process whose program bears an interpreter's name is believed to be one.

    Where anyone may write a miner is called python3, too, and what looks like its script is then any file that it
    names, and need not be its own.  There only a copy of an installed interpreter is believed.
    """
    exe = process.exe
    if exe is None or not (exe.memory_only or odd_place(exe.path)):
        return exe is not None
    detail = lookup(snapshot).detail.get(process.subject)
    twin = detail.executable.twin if detail and detail.executable else None
    return twin is not None and interpreter(base(twin)) and interpreter(base(exe.path))


def lies_at(snapshot: Snapshot, process: Process) -> str | None:
    """The file by whose place a process is judged: its script if it has one, else its executable."""
    if process.script is not None and interprets(snapshot, process):
        return process.script
    return process.exe_path


def own_program(snapshot: Snapshot, process: Process) -> str | None:
    """The file that is this process's own doing; None for an installed interpreter that was given no script."""
    path = lies_at(snapshot, process)
    if path is None or open_file(path):
        return None
    if path == process.script or not interpreter(base(path)):
        return path
    odd = odd_place(path) or (process.exe is not None and process.exe.memory_only)
    return path if odd else None
