"""Origin: where the program of a process lies, and whether it is there at all."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from davy.detect.behaviour import BURNING_CORES, wanted_cores
from davy.detect.places import hidden_folder, in_a_home, odd_place, temporary_folder
from davy.detect.programs import lies_at
from davy.detect.rule import Observation, detector
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_HONEST_MEMORY = ("/memfd:runc_cloned:", "/memfd:crun_cloned:", "/memfd:systemd")


@detector("origin.writable-folder", aspect=Aspect.ORIGIN, technique="T1036.005")
def writable_folder(snapshot: Snapshot) -> Iterator[Observation]:
    """The program lies where anyone may write: /tmp, /var/tmp, /dev/shm, or a world-writable folder.

    Installers, builds and test runs put programs there for a while; a script there says little.
    """
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        path = lies_at(snapshot, process)
        if path is None or process.kernel_thread:
            continue
        folder = temporary_folder(path)
        detail = details.get(process.subject) if path == process.program else None
        if folder is None and detail and detail.folder_mode is not None and detail.folder_mode & stat.S_IWOTH:
            folder = path.rpartition("/")[0] or "/"
        if folder is None:
            continue
        script = path == process.script
        yield Observation(
            subject=process.subject,
            degree="script" if script else "program",
            summary=f"its {'script' if script else 'program'} lies in {folder}, where anyone may write",
            evidence=(path,),
        )


@detector("origin.hidden-folder", aspect=Aspect.ORIGIN, technique="T1564.001")
def in_hidden_folder(snapshot: Snapshot) -> Iterator[Observation]:
    """The program lies in a hidden folder, or has a hidden name, that no honest tool is known to use."""
    for process in snapshot.processes:
        path = lies_at(snapshot, process)
        if path is None or process.kernel_thread:
            continue
        hidden = hidden_folder(path)
        if hidden is None:
            continue
        yield Observation(
            subject=process.subject,
            degree="script" if path == process.script else "in a home" if in_a_home(path) else "program",
            summary=f"its program lies in a hidden place: {hidden}",
            evidence=(path,),
        )


@detector("origin.deleted-executable", aspect=Aspect.ORIGIN, technique="T1070.004")
def deleted_executable(snapshot: Snapshot) -> Iterator[Observation]:
    """A process runs a program whose file is gone from disk.

    Miners delete themselves so that nobody finds the file.  The same is seen after a package was upgraded
    while its service ran on, which leaves a new file under the same path that a package owns.  A service that is
    nobody's package is replaced in the same way: where an autostart runs that very path, it counts for little.
    """
    details = lookup(snapshot).detail
    started = {path for autostart in snapshot.autostarts for path in autostart.programs}
    for process in snapshot.processes:
        if process.exe is None or not process.exe.deleted or process.exe.memory_only:
            continue
        detail = details.get(process.subject)
        if detail and detail.executable and detail.executable.owner_package:
            continue
        replaced = process.exe.path in started and not odd_place(process.exe.path)
        yield Observation(
            subject=process.subject,
            degree="perhaps replaced" if replaced else "gone",
            summary="its program was deleted while it runs" + (", perhaps replaced by a newer one" if replaced else ""),
            evidence=(process.exe.path,),
        )


@detector("origin.memory-only", aspect=Aspect.ORIGIN, technique="T1620")
def memory_only(snapshot: Snapshot) -> Iterator[Observation]:
    """A process runs a program that never was a file (memfd).

    Container runtimes do so with a copy of themselves, under names that anyone can take; but theirs is a matter of
    milliseconds, and burns no CPU.
    """
    for process in snapshot.processes:
        if process.exe is None or not process.exe.memory_only:
            continue
        if not process.exe.path.startswith(_HONEST_MEMORY) or wanted_cores(snapshot, process) >= BURNING_CORES:
            yield Observation(
                subject=process.subject,
                summary="its program exists in memory only",
                evidence=(process.exe.path,),
            )
