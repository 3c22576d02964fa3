"""Details of a process: its environment, namespaces, maps, threads, program and what it names.

Source: proc_pid_environ(5), namespaces(7), proc_pid_maps(5), proc_pid_fd(5), Documentation/scheduler/sched-stats.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import msgspec

from davy.collect.executables import Contents, executable
from davy.host import DirectoryRoot, Gone, Host, HostError, Kernel, MemoryRoot
from davy.host.packages import PackageDatabase
from davy.host.root import Root
from davy.host.stat import parse_schedstat
from davy.knowledge.programs import interpreter
from davy.model.facts import Executable, Gap, Process, ProcessDetail, ThreadLoad

_ENVIRON_LIMIT: Final = 128 << 10
_MAPS_LIMIT: Final = 4 << 20
_THREADS_LIMIT: Final = 256
_NAMESPACES: Final = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_IMAGE_LIMIT: Final = 16 << 20
"""Bytes of a program image that are searched for the paths of other programs."""
_NEEDLE_LEAST: Final = 4
_REMOVAL: Final = re.compile(
    rb"(?:^|[\n;&|({\0`]|\b(?:if|while|until|do|then|else|sudo)\s)[ \t]*(?:/(?:usr/)?s?bin/)?"
    rb"(?:pkill|killall5?|kill|rm|unlink|chattr|shred|pgrep|fuser|skill)[ \t\0][^\n;&|`]*"
)
"""A command that ends or removes what its words name: rivals' lists and owners' own cures are full of these."""


def details(
    host: Host, kernel: Kernel, named: Iterable[Process], database: PackageDatabase
) -> Iterator[ProcessDetail | Gap]:
    """The detail of each of ``named``; what has vanished meanwhile has none."""
    chosen = list(named)
    needles = _needles(chosen)
    contents: Contents = {}
    for process in chosen:
        gaps: list[Gap] = []
        try:
            yield _detail(host, kernel, process, database, contents, needles, gaps)
        except Gone:
            continue
        except HostError as error:
            yield Gap("processes", f"process {process.pid} ({process.name})", str(error))
        yield from gaps


def _detail(
    host: Host,
    kernel: Kernel,
    process: Process,
    database: PackageDatabase,
    contents: Contents,
    needles: dict[bytes, str],
    gaps: list[Gap],
) -> ProcessDetail:
    procfs, pid = kernel.procfs, process.pid
    apart = _apart(kernel, pid)
    environment = tuple(os.fsdecode(procfs.read(f"{pid}/environ", _ENVIRON_LIMIT)).rstrip("\0").split("\0"))
    mapped, anonymous_executable, huge = _maps(procfs.read(f"{pid}/maps", _MAPS_LIMIT))
    program = _program(host, process, database, contents, gaps)
    if apart and program is not None and program.unmodified is not True:
        program = msgspec.structs.replace(program, owner_package=None, unmodified=None)
    with _files_seen(host, kernel, pid, apart=apart) as seen:
        script = _script(Host(seen), process, None if apart else database, contents)
        folder_mode = _folder_mode(seen, process)
        names = tuple(sorted(_named_in(Host(seen, kernel), process, program, needles)))
    return ProcessDetail(
        pid=pid,
        start_ticks=process.start_ticks,
        environment=environment,
        root=procfs.link(f"{pid}/root"),
        namespaces=dict(_namespaces(kernel, pid)),
        open_files=_open_files(kernel, pid),
        terminal=_terminal(kernel, pid),
        mapped_files=mapped,
        anonymous_executable_bytes=anonymous_executable,
        huge_bytes=huge,
        thread_loads=tuple(_threads(kernel, pid)),
        executable=program,
        folder_mode=folder_mode,
        script=script,
        names=names,
    )


def _program(
    host: Host, process: Process, database: PackageDatabase, contents: Contents, gaps: list[Gap]
) -> Executable | None:
    if process.exe is None:
        return None
    try:
        return executable(host, process.exe.path, pid=process.pid, packages=database, contents=contents)
    except Gone:
        return None
    except HostError as error:
        gaps.append(Gap("executables", process.exe.path, str(error)))
        return None


def _apart(kernel: Kernel, pid: int) -> bool:
    """Whether a path means another file to a process than on the host: it has mounts of its own and another root.

    Then a path says nothing of whose package a file is; the same content does.
    """
    try:
        return kernel.procfs.inode(f"{pid}/ns/mnt") != kernel.procfs.inode("self/ns/mnt") and (
            kernel.procfs.inode(f"{pid}/root") != kernel.procfs.inode("self/root")
        )
    except HostError:
        return False


@contextmanager
def _files_seen(host: Host, kernel: Kernel, pid: int, *, apart: bool) -> Iterator[Root]:
    """The files that a process's paths mean; none where they lie on a file system that may never answer."""
    if not apart:
        yield host.root
        return
    try:
        root = DirectoryRoot.of_process(kernel.procfs, pid)
    except HostError:
        yield MemoryRoot({})
        return
    with closing(root):
        yield root


def _script(host: Host, process: Process, database: PackageDatabase | None, contents: Contents) -> Executable | None:
    """The script that an interpreter runs; without a ``database`` it is no package's of the host's."""
    try:
        return executable(host, process.script, packages=database, contents=contents) if process.script else None
    except HostError:
        return None


def _namespaces(kernel: Kernel, pid: int) -> Iterator[tuple[str, int]]:
    for kind in _NAMESPACES:
        try:
            target = kernel.procfs.link(f"{pid}/ns/{kind}")
            yield kind, int(target[target.index("[") + 1 : -1])
        except (HostError, ValueError):
            continue


def _folder_mode(root: Root, process: Process) -> int | None:
    if process.program is None or not process.program.startswith("/"):
        return None
    try:
        return root.stat(os.path.dirname(process.program)).mode
    except HostError:
        return None


def _open_files(kernel: Kernel, pid: int) -> int | None:
    try:
        return len(kernel.procfs.names(f"{pid}/fd"))
    except HostError:
        return None


def _terminal(kernel: Kernel, pid: int) -> str | None:
    for descriptor in (0, 1, 2):
        try:
            target = kernel.procfs.link(f"{pid}/fd/{descriptor}")
        except HostError:
            continue
        if target.startswith(("/dev/pts/", "/dev/tty")):
            return target
    return None


def _threads(kernel: Kernel, pid: int) -> Iterator[ThreadLoad]:
    try:
        tids = kernel.procfs.names(f"{pid}/task")[:_THREADS_LIMIT]
    except HostError:
        return
    for tid in tids:
        try:
            cpu, waited = parse_schedstat(kernel.procfs.read(f"{pid}/task/{tid}/schedstat"))
            name = os.fsdecode(kernel.procfs.read(f"{pid}/task/{tid}/comm").rstrip(b"\n"))
        except (HostError, ValueError, IndexError):
            continue
        yield ThreadLoad(int(tid), name, cpu, waited)


def _maps(data: bytes) -> tuple[tuple[str, ...], int, int]:
    """Files mapped, bytes of anonymous executable memory, bytes in huge-page files.  Source: proc_pid_maps(5)."""
    files: dict[str, None] = {}
    anonymous_executable = huge = 0
    for line in data.splitlines():
        fields = line.split(None, 5)
        if len(fields) < 5:
            continue
        start, _, end = fields[0].partition(b"-")
        path = os.fsdecode(fields[5]) if len(fields) > 5 else ""
        if path.startswith("/"):
            files[path] = None
            if "hugepage" in path:
                huge += int(end, 16) - int(start, 16)
        elif not path and b"x" in fields[1]:
            anonymous_executable += int(end, 16) - int(start, 16)
    return tuple(files), anonymous_executable, huge


def _needles(named: Iterable[Process]) -> dict[bytes, str]:
    """The byte strings by which a text names one of these programs: a slash and the file's name."""
    found = {}
    for process in named:
        path = process.program
        name = os.path.basename(path) if path else ""
        own = process.script is not None or not interpreter(name)
        if path and own and len(name) >= _NEEDLE_LEAST and not process.kernel_thread:
            found[os.fsencode(f"/{name}")] = path
    return found


def spared_of_removals(text: bytes) -> bytes:
    """A shell's text without the commands that end processes or remove files: whom they name, they do not start."""
    return _REMOVAL.sub(b"\n", text)


def _named_in(host: Host, process: Process, program: Executable | None, needles: dict[bytes, str]) -> Iterator[str]:
    """Programs of other examined processes that this one's command line, script or image contains."""
    others = {needle: path for needle, path in needles.items() if path != process.program}
    if not others:
        return
    texts = [spared_of_removals(os.fsencode("\0".join(process.cmdline)))]
    try:
        if process.script:
            texts.append(spared_of_removals(host.root.read(process.script)))
        elif host.kernel and program and program.owner_package is None and program.twin is None:
            texts.append(host.kernel.procfs.read(f"{process.pid}/exe", _IMAGE_LIMIT))
    except HostError:
        pass
    for needle, path in others.items():
        if any(needle in text for text in texts):
            yield path
