"""Identity: what a process calls itself, against what it is."""

from __future__ import annotations

from collections.abc import Iterator

from davy.detect.places import base, odd_place
from davy.detect.rule import Observation, detector
from davy.knowledge import family_by_name, family_by_path
from davy.knowledge.arguments import MULTICALL
from davy.knowledge.programs import kernel_thread_like, near_miss, system_daemon
from davy.model.facts import Process
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


def claimed_name(word: str) -> str:
    """The program that the first word of a command line claims to be: ``sshd`` for ``sshd: ada@pts/0``."""
    return base(word.split(" ")[0].rstrip(":").lstrip("-"))


def _many_programs(path: str) -> bool:
    """Whether an executable is one of those that are many programs, as their first word says."""
    return base(path) in MULTICALL and not odd_place(path)


def _names(process: Process) -> tuple[str, ...]:
    """Every name a process goes by: comm, executable, script, first word of its command line."""
    found = [process.name]
    if process.program:
        found.append(base(process.program))
    if process.exe and not process.script:
        found.append(base(process.exe.path))
    if process.cmdline:
        found.append(base(process.cmdline[0].split(" ")[0]))
    return tuple(dict.fromkeys(found))


@detector("identity.family", aspect=Aspect.IDENTITY, technique="T1496.001")
def known_family(snapshot: Snapshot) -> Iterator[Observation]:
    """A name or a path that a known family uses.  Names drift and are borrowed: alone this confirms nothing."""
    for process in snapshot.processes:
        if process.kernel_thread:
            continue
        for path in dict.fromkeys(path for path in (process.program, process.exe_path) if path):
            if match := family_by_path(path):
                yield Observation(
                    subject=process.subject,
                    degree="path, shared" if match.weak else "path",
                    summary=f"its path is one that {match.family} uses",
                    evidence=(path,),
                    family=match.family,
                )
        for name in _names(process):
            if named := family_by_name(name):
                yield Observation(
                    subject=process.subject,
                    degree="name, shared" if named.weak else "name",
                    summary=f"its name is one that {named.family} uses",
                    evidence=(name,),
                    family=named.family,
                )


@detector("identity.known-file", aspect=Aspect.IDENTITY, technique="T1496.001")
def known_file(snapshot: Snapshot) -> Iterator[Observation]:
    """A file lies at a path that a known family uses.  A dead file is a remain, not a miner."""
    for known in snapshot.known_files:
        match = family_by_path(known.path)
        if match:
            yield Observation(
                subject=known.subject,
                degree="shared" if match.weak else "own",
                summary=f"a file that {match.family} uses",
                evidence=(f"{known.path}, {known.executable.size} bytes",),
                family=match.family,
            )


@detector("identity.kernel-thread", aspect=Aspect.IDENTITY, technique="T1036.005")
def kernel_thread_mask(snapshot: Snapshot) -> Iterator[Observation]:
    """A process with a program of its own bears a kernel thread's name.

    A real kernel thread has the flag PF_KTHREAD and no executable; the name says nothing.
    """
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        if process.kernel_thread or process.exe is None or process.state == "Z":
            continue
        shown = process.cmdline[0] if process.cmdline else f"[{process.name}]"
        masked = kernel_thread_like(process.name) or kernel_thread_like(shown)
        detail = details.get(process.subject)
        packaged = detail and detail.executable and detail.executable.owner_package
        if masked and not (packaged and not shown.startswith("[")):
            yield Observation(
                subject=process.subject,
                summary=f"pretends to be the kernel thread {shown}",
                evidence=(f"exe {process.exe.path}", f"flags {process.flags:#x} without PF_KTHREAD"),
            )


@detector("identity.near-miss", aspect=Aspect.IDENTITY, technique="T1036.005")
def near_miss_of_a_daemon(snapshot: Snapshot) -> Iterator[Observation]:
    """Its name is a system daemon's but for a letter, and no package owns its program."""
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        detail = details.get(process.subject)
        if process.kernel_thread or detail is None or detail.executable is None or detail.executable.owner_package:
            continue
        for name in _names(process):
            if daemon := near_miss(name):
                yield Observation(
                    subject=process.subject,
                    summary=f"its name {name} resembles {daemon}, and no package owns it",
                    evidence=(detail.executable.path,),
                )
                break


@detector("identity.argv-against-exe", aspect=Aspect.IDENTITY, technique="T1036.005")
def argv_against_exe(snapshot: Snapshot) -> Iterator[Observation]:
    """Its command line names a system daemon, its executable is another program that no package owns.

    Daemons that set a title of their own run the packaged program, and busybox is many daemons; they are not meant.
    """
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        detail = details.get(process.subject)
        if process.exe is None or not process.cmdline or process.kernel_thread:
            continue
        if detail is None or detail.executable is None or detail.executable.owner_package:
            continue
        claimed = claimed_name(process.cmdline[0])
        if system_daemon(claimed) and claimed != base(process.exe.path) and not _many_programs(process.exe.path):
            yield Observation(
                subject=process.subject,
                summary=f"says it is {claimed}, but runs another program",
                evidence=(f"argv {process.cmdline[0]}", f"exe {process.exe.path}"),
            )


@detector("identity.renamed-copy", aspect=Aspect.IDENTITY, technique="T1036.003")
def renamed_copy(snapshot: Snapshot) -> Iterator[Observation]:
    """Its program is byte for byte a packaged one, copied to another place under another name.

    The copy earns no trust from its content.  A virtual environment made with copies keeps the name.
    """
    ways = lookup(snapshot)
    for detail in snapshot.details:
        program = detail.executable
        if program is None or program.twin is None:
            continue
        name, original = base(program.path), base(program.twin)
        if name.startswith(original.rstrip("0123456789.")) or original.startswith(name):
            continue
        if detail.key.subject in ways.by_subject:
            yield Observation(
                subject=detail.key.subject,
                summary=f"a copy of {program.twin} under another name",
                evidence=(program.path,),
            )
