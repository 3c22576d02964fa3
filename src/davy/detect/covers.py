"""Concealment: what is mounted over that by which others see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.places import base
from davy.detect.rule import Observation, detector
from davy.knowledge.honest_mounts import emulator
from davy.knowledge.observers import observer
from davy.model.concealment import Cover, CoverKind
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_TELLING: Final = frozenset(
    {"/proc", "/proc/stat", "/proc/loadavg", "/proc/modules", "/proc/kallsyms", "/proc/schedstat", "/proc/uptime",
     "/proc/sys/kernel/tainted", "/sys/module"}
)  # fmt: skip
"""By these people see load, processes and kernel modules."""
_OF_MODULES: Final = frozenset({"/proc/modules", "/sys/module", "/proc/kallsyms"})


def _at_points(snapshot: Snapshot, kind: CoverKind) -> Iterator[tuple[str, list[Cover]]]:
    """The covers of one kind by mount point: of several that are stacked the topmost comes last."""
    points: dict[str, list[Cover]] = {}
    for cover in snapshot.covers:
        if cover.kind is kind:
            points.setdefault(cover.point, []).append(cover)
    yield from points.items()


def _evidence(stack: list[Cover]) -> tuple[str, ...]:
    return tuple(
        f"{cover.filesystem} {cover.source}, its {cover.root}, mounted on {cover.point} (mount {cover.mount_id})"
        + (", in the mount namespace of process 1" if cover.elsewhere else "")
        for cover in stack[-3:]
    )


@detector("concealment.covered-process", aspect=Aspect.CONCEALMENT, technique="T1564.013")
def covered_process(snapshot: Snapshot) -> Iterator[Observation]:
    """Something is mounted over the folder of a process in /proc, so that ps and top do not show what it is.

    Nobody does that by chance: no container runtime, no service manager and no package mounts anything there.  Seen
    through a procfs of Davy's own the process is what it is.  One that has ended leaves its cover only where another
    process came by the same pid.
    """
    by_subject = lookup(snapshot).by_subject
    for point, stack in _at_points(snapshot, CoverKind.PROCESS):
        hides = next((cover.hides for cover in stack if cover.hides), None)
        process = by_subject.get(hides) if hides else None
        whom = f"{process.name} ({process.pid}), which runs {process.exe_path}" if process else f"{stack[-1].pid}"
        yield Observation(
            subject=stack[-1].subject,
            degree="hides" if hides else "folder",
            summary=f"a mount over {point} hides process {whom}" if hides else f"a mount over {point}, a process's",
            evidence=_evidence(stack),
            related=(hides,) if hides else (),
        )


@detector("concealment.covered-kernel-file", aspect=Aspect.CONCEALMENT, technique="T1014")
def covered_kernel_file(snapshot: Snapshot) -> Iterator[Observation]:
    """Something is mounted over a file by which the kernel tells of load, modules or processes.

    Where it says something else than the kernel does, it was put there to deceive: top, vmstat and lsmod believe it.
    In containers lxcfs and sysbox do that honestly, and runtimes mask files that tell too much; those are not meant.
    """
    table = snapshot.module_table
    modules = tuple(row.subject for row in table.hidden) if table else ()
    for point, stack in _at_points(snapshot, CoverKind.KERNEL_FILE):
        forged = next((cover.forged for cover in reversed(stack) if cover.forged), None)
        emulated = any(emulator(cover.filesystem, cover.source) for cover in stack)
        if forged:
            degree, words = "forged", f"a mount over {point} {forged}"
        elif emulated:
            degree, words = "emulated", f"a mount over {point} claims to be a container's, outside of one"
        else:
            degree, words = ("telling" if point in _TELLING else "other"), f"a mount over {point}, the kernel's own"
        yield Observation(
            subject=stack[-1].subject,
            degree=degree,
            summary=words,
            evidence=_evidence(stack),
            related=modules if point in _OF_MODULES else (),
        )


@detector("concealment.covered-program", aspect=Aspect.CONCEALMENT, technique="T1564.013")
def covered_program(snapshot: Snapshot) -> Iterator[Observation]:
    """A file is mounted over an installed program, and is another than its package installed.

    The file below is as it was, so a check of the disk finds nothing.  Container runtimes mount programs and drivers
    too (docker-init, those of graphics cards), mostly where no package has installed one.
    """
    for point, stack in _at_points(snapshot, CoverKind.PROGRAM):
        forged = next((cover.forged for cover in reversed(stack) if cover.forged), None)
        if forged:
            yield Observation(
                subject=stack[-1].subject,
                degree="observer" if observer(base(point)) else "other",
                summary=f"what is mounted over {point} {forged}",
                evidence=_evidence(stack),
            )
