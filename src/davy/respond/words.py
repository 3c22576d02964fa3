"""What a step does, in words."""

from __future__ import annotations

import os

from davy.model.plan import (
    Freeze,
    Kill,
    MaskUnit,
    Preserve,
    Quarantine,
    ReloadManager,
    RemoveLines,
    RemoveLink,
    RestorePackaged,
    SetKernelValue,
    SetLines,
    SetRestartPolicy,
    Step,
    UnloadModule,
    Unmount,
    Unregister,
)
from davy.model.text import printable


def described(step: Step) -> str:
    """A step in a few words, as the plan and the report show it."""
    match step:
        case Freeze(targets=targets, programs=programs):
            others = f", and whatever else runs {len(programs)} of their programs" if programs else ""
            return f"freeze {len(targets)} processes{others}"
        case Unmount(point=point, filesystem=filesystem):
            return f"unmount the {filesystem} that covers {os.fsdecode(point)}"
        case Preserve(target=target):
            return f"keep the evidence of {target.name} ({target.pid})"
        case RemoveLines(file=file, lines=lines, remains=remains, restores=package):
            word = ("what is not honest in line" if any(remains) else "line") + ("" if len(lines) == 1 else "s")
            after = f", which is as the package {package} installed it then" if package else ""
            return f"take {word} {ranges(lines)} out of {os.fsdecode(file.path)}{after}"
        case SetLines(file=file, lines=lines):
            places = [f"line {line.number}" if line.before is not None else "a new line" for line in lines]
            return f"set {' and '.join(places)} in {os.fsdecode(file.path)}"
        case RestorePackaged(file=file, package=package, archive=archive):
            return (
                f"give {os.fsdecode(file.path)} the content that the package {package} installed, "
                f"out of {os.fsdecode(archive)}"
            )
        case Quarantine(file=file, why=why, loaded_by_others=loaded):
            after = "; programs that have it loaded keep it until they end" if loaded else ""
            where = f" in container {file.within.name}" if file.within else ""
            return f"move {os.fsdecode(file.path)}{where} to the quarantine: {why}{after}"
        case RemoveLink(path=path):
            return f"remove the link {os.fsdecode(path)}"
        case SetKernelValue(path=path, seen=seen, usual=usual):
            shown = printable(os.fsdecode(usual), 100) or "nothing"
            return f"set {os.fsdecode(path)} to {shown}, from {printable(os.fsdecode(seen), 200)}"
        case Unregister(path=path):
            return f"take the binary format {os.path.basename(os.fsdecode(path))} out of the kernel"
        case MaskUnit(unit=unit):
            return f"mask {unit} until the next start of the machine"
        case ReloadManager(socket=socket, stop=stop):
            stopping = f", stop {', '.join(stop)}" if stop else ""
            return f"have {manager(socket)} read its units again{stopping}"
        case SetRestartPolicy(runtime=runtime, name=name, seen=seen):
            return f"have {runtime} not start the container {name} again, of which the restart policy is {seen}"
        case UnloadModule(name=name):
            return f"unload the kernel module {name}"
        case Kill():
            return "end everything that was frozen, at once"


def manager(socket: bytes) -> str:
    """The service manager that answers at ``/run/systemd/private`` or ``/run/user/UID/systemd/private``."""
    parts = os.fsdecode(socket).split("/")
    return f"the systemd of user {parts[3]}" if parts[1:3] == ["run", "user"] else "systemd"


def ranges(lines: tuple[int, ...]) -> str:
    """Line numbers, those in a row together: ``3, 7-9``."""
    rows: list[list[int]] = []
    for line in lines:
        if rows and line == rows[-1][-1] + 1:
            rows[-1].append(line)
        else:
            rows.append([line])
    return ", ".join(f"{row[0]}-{row[-1]}" if len(row) > 1 else str(row[0]) for row in rows)
