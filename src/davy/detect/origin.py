"""Origin: where the program of a process lies, and whether it is there at all."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from davy.detect.places import hidden_folder, temporary_folder
from davy.detect.rule import Observation, detector
from davy.model.facts import Snapshot
from davy.model.findings import Aspect
from davy.model.lookup import lookup

_HONEST_MEMORY = ("/memfd:runc_cloned:", "/memfd:crun_cloned:", "/memfd:systemd")


@detector("origin.writable-folder", aspect=Aspect.ORIGIN, technique="T1036.005")
def writable_folder(snapshot: Snapshot) -> Iterator[Observation]:
    """The program lies where anyone may write: /tmp, /var/tmp, /dev/shm, or a world-writable folder.

    Installers, builds and test runs put programs there for a while; a script there says little.
    """
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        path = process.program
        if path is None or process.kernel_thread:
            continue
        folder = temporary_folder(path)
        detail = details.get(process.subject)
        if folder is None and detail and detail.folder_mode is not None and detail.folder_mode & stat.S_IWOTH:
            folder = path.rpartition("/")[0] or "/"
        if folder is None:
            continue
        yield Observation(
            subject=process.subject,
            bits=1.0 if process.script else 3.0,
            summary=f"its {'script' if process.script else 'program'} lies in {folder}, where anyone may write",
            evidence=(path,),
        )


@detector("origin.hidden-folder", aspect=Aspect.ORIGIN, technique="T1564.001")
def in_hidden_folder(snapshot: Snapshot) -> Iterator[Observation]:
    """The program lies in a hidden folder, or has a hidden name, that no honest tool is known to use."""
    for process in snapshot.processes:
        path = process.program
        if path is None or process.kernel_thread:
            continue
        hidden = hidden_folder(path)
        if hidden is None:
            continue
        home = path.startswith(("/home/", "/root/"))
        yield Observation(
            subject=process.subject,
            bits=1.0 if process.script else 2.0 if home else 3.0,
            summary=f"its program lies in a hidden place: {hidden}",
            evidence=(path,),
        )


@detector("origin.deleted-executable", aspect=Aspect.ORIGIN, technique="T1070.004")
def deleted_executable(snapshot: Snapshot) -> Iterator[Observation]:
    """A process runs a program whose file is gone from disk.

    Miners delete themselves so that nobody finds the file.  The same is seen after a package was upgraded
    while its service ran on, which leaves a new file under the same path that a package owns.
    """
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        if process.exe is None or not process.exe.deleted or process.exe.memory_only:
            continue
        detail = details.get(process.subject)
        if detail and detail.executable and detail.executable.owner_package:
            continue
        yield Observation(
            subject=process.subject,
            bits=4.0,
            summary="its program was deleted while it runs",
            evidence=(process.exe.path,),
        )


@detector("origin.memory-only", aspect=Aspect.ORIGIN, technique="T1620")
def memory_only(snapshot: Snapshot) -> Iterator[Observation]:
    """A process runs a program that never was a file (memfd).  Container runtimes do so with a copy of themselves."""
    for process in snapshot.processes:
        if process.exe and process.exe.memory_only and not process.exe.path.startswith(_HONEST_MEMORY):
            yield Observation(
                subject=process.subject,
                bits=5.0,
                summary="its program exists in memory only",
                evidence=(process.exe.path,),
            )
