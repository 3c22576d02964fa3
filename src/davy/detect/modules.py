"""Kernel modules: those that hide, those that are known, and where their files lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.places import odd_place
from davy.detect.rule import Observation, detector
from davy.knowledge.modules import (
    OWN_FOLDER,
    honest_place,
    kept_place,
    module_by_name,
    module_by_path,
    telling_function,
)
from davy.model.concealment import ModuleFile, ModuleRow, ModuleTable, ModuleView
from davy.model.findings import HOST, Aspect
from davy.model.snapshot import Snapshot

KERNEL: Final = "kernel:taint"
"""The subject of a taint that the kernel as a whole bears, and no module that anybody names."""


def _loaded(snapshot: Snapshot) -> dict[str, ModuleRow]:
    """Modules that are in the kernel now, by name."""
    return {row.name: row for row in snapshot.module_table.loaded} if snapshot.module_table else {}


def _subject(snapshot: Snapshot, file: ModuleFile) -> str:
    """A module that is loaded is one subject with its file; another of the same name has nothing to do with it."""
    row = _loaded(snapshot).get(file.name)
    return row.subject if row and row.file == file.path else file.subject


def _strange(file: ModuleFile) -> bool:
    """Whether nobody's honest module lies there: no package's, no build's, no vendor's."""
    path, packaged = file.path, file.executable.owner_package is not None
    return not packaged and (odd_place(path) or not (honest_place(path) or kept_place(path)))


def _explained(table: ModuleTable, row: ModuleRow) -> bool:
    """Whether a module of the kernel's own is left out by a listing that is not the kernel's: a stale or empty copy.

    Then it is the copy that deceives, and the module does not hide.
    """
    own = ModuleView.OWN_LISTING in row.seen
    in_tree = not row.foreign and row.file is not None and OWN_FOLDER in row.file
    blank = not any(ModuleView.LISTING in other.seen for other in table.rows)
    return own and (in_tree or blank)


@detector("concealment.hidden-module", aspect=Aspect.CONCEALMENT, technique="T1014")
def hidden_module(snapshot: Snapshot) -> Iterator[Observation]:
    """A kernel module is loaded, and what lsmod prints leaves it out.

    A rootkit takes itself out of the kernel's list, or a filtered copy lies over ``/proc/modules``.  Modules that are
    loaded or unloaded meanwhile are not meant: the views are compared twice.  A module of the kernel's own that an old
    copy leaves out does not hide.  What runs in the kernel can deceive every program on the host, this one included:
    cut it off, save what is needed, install it anew.
    """
    table = snapshot.module_table
    for row in table.hidden if table else ():
        if table is None or _explained(table, row):
            continue
        unlinked = ModuleView.OWN_LISTING in row.missing
        own = "the kernel's own list does not have it, either" if unlinked else "the kernel's own list has it"
        yield Observation(
            subject=row.subject,
            summary="a kernel module that lsmod does not show",
            evidence=(
                f"seen by {', '.join(sorted(row.seen))}",
                f"left out by {', '.join(sorted(row.missing))}: {own}",
                *((f"taint {row.taint}",) if row.taint else ()),
            ),
        )


@detector("concealment.stray-module-memory", aspect=Aspect.CONCEALMENT, technique="T1014")
def stray_memory(snapshot: Snapshot) -> Iterator[Observation]:
    """The kernel's module loader has allocated more memory than all modules that the kernel lists have.

    A rootkit that took itself out of every list still lies in it.  A module whose loading failed at the last moment
    gives its memory back, so that is not meant; kernels since 6.10 do not tell.
    """
    table = snapshot.module_table
    if table is not None and table.stray_bytes:
        yield Observation(
            subject=HOST,
            summary=f"{table.stray_bytes >> 10} KiB hold a kernel module that the kernel does not list",
            evidence=(f"{table.stray_bytes} bytes that load_module allocated, by vmallocinfo",),
        )


@detector("concealment.hooked-function", aspect=Aspect.CONCEALMENT, technique="T1014")
def hooked_function(snapshot: Snapshot) -> Iterator[Observation]:
    """A function of the kernel by which programs see processes, files or connections is led elsewhere by ftrace.

    Tracing, kprobes and BPF leave a function's course alone; a live patch does not, and is told apart.  Some security
    agents do the same.
    """
    table = snapshot.module_table
    found = [name for name in table.hooks if telling_function(name)] if table else []
    if found:
        yield Observation(
            subject=HOST,
            summary=f"something leads {', '.join(found[:4])} of the kernel elsewhere",
            evidence=tuple(f"{name}: I in enabled_functions of tracefs" for name in found[:4]),
        )


@detector("concealment.unlisted-module-file", aspect=Aspect.CONCEALMENT, technique="T1564.001")
def unlisted_file(snapshot: Snapshot) -> Iterator[Observation]:
    """A module's file answers when it is asked for by name, and a listing of its folder does not show it.

    Something filters listings, in the kernel or in the C library.  No file system does so by itself.
    """
    for file in snapshot.module_files:
        if not file.listed:
            yield Observation(
                subject=_subject(snapshot, file),
                summary=f"its file {file.path} is there, and its folder does not list it",
                evidence=(f"{file.path}, {file.executable.size} bytes",),
            )


@detector("identity.known-module", aspect=Aspect.IDENTITY, technique="T1014")
def known_module(snapshot: Snapshot) -> Iterator[Observation]:
    """A kernel module bears the name of an intruder's, or its file lies where an intruder's did.

    Names are borrowed, so this confirms nothing alone.
    """
    for file in snapshot.module_files:
        known = module_by_path(file.path) or module_by_name(file.name)
        if known and file.executable.owner_package is None:
            yield Observation(
                subject=_subject(snapshot, file),
                degree="place or file",
                summary=f"a known module: {known.reason}",
                evidence=(file.path,),
                family=known.family,
            )
    placed = {_subject(snapshot, file) for file in snapshot.module_files}
    for row in snapshot.module_table.rows if snapshot.module_table else ():
        known = None if row.subject in placed else module_by_name(row.name)
        if known:
            yield Observation(
                subject=row.subject,
                degree="name",
                summary=f"bears the name of a known module: {known.reason}",
                evidence=(f"seen by {', '.join(sorted(row.seen))}",),
                family=known.family,
            )


@detector("origin.module-place", aspect=Aspect.ORIGIN, technique="T1547.006")
def odd_module_place(snapshot: Snapshot) -> Iterator[Observation]:
    """A kernel module's file lies where no module belongs, and no package owns it.

    DKMS, vendors and people who build their own keep theirs below ``/lib/modules``, ``/opt``, ``/usr/src`` or at home:
    these are not meant.
    """
    for file in snapshot.module_files:
        if _strange(file):
            unsigned = file.signed is False
            yield Observation(
                subject=_subject(snapshot, file),
                degree="unsigned" if unsigned else "other",
                summary="its file lies where no module belongs" + (", without a signature" if unsigned else ""),
                evidence=(file.path,),
            )


@detector("persistence.autoloaded-module", aspect=Aspect.PERSISTENCE, technique="T1547.006")
def autoloaded_module(snapshot: Snapshot) -> Iterator[Observation]:
    """Something loads a kernel module of nobody's package from an odd place whenever the machine starts.

    Vendors' modules in ``/opt``, ``/usr/local`` or a home are loaded in the same way, and count for little.
    """
    for file in snapshot.module_files:
        if file.loaded_by and file.executable.owner_package is None:
            strange = _strange(file)
            yield Observation(
                subject=_subject(snapshot, file),
                degree="strange" if strange and file.signed is not True else "other",
                summary="it is loaded whenever the machine starts",
                evidence=file.loaded_by[:4],
                related=file.loaded_by,
            )


@detector("origin.foreign-module", aspect=Aspect.ORIGIN, technique="T1547.006")
def foreign_module(snapshot: Snapshot) -> Iterator[Observation]:
    """A module that taints the kernel as foreign or unsigned is loaded, from where modprobe does not look.

    It was loaded by its path, as intruders do, and as people do with a module they have just built.
    """
    for row in _loaded(snapshot).values():
        if row.foreign and (row.file is None or not honest_place(row.file)):
            yield Observation(
                subject=row.subject,
                summary="a foreign module, loaded from where modprobe does not look",
                evidence=(f"taint {row.taint}",),
            )


@detector("concealment.unexplained-taint", aspect=Aspect.CONCEALMENT, technique="T1014")
def unexplained_taint(snapshot: Snapshot) -> Iterator[Observation]:
    """The kernel says that a foreign or unsigned module was loaded, and none that is seen is one.

    It may have been unloaded since: a driver that was tried, a module that an eviction took out.  Or it hides from
    every view; so this counts only beside other things.
    """
    table = snapshot.module_table
    letters = table.unexplained if table and table.columns else ""
    if table and ("O" in letters or "E" in letters):
        gone = [row.name for row in table.rows if row.seen == {ModuleView.LOG}]
        named = f"; the kernel's log names {', '.join(gone[:4])}" if gone else ""
        yield Observation(
            subject=f"module:{gone[0]}" if len(gone) == 1 else KERNEL,
            degree="named by the log" if gone else "nobody",
            summary="the kernel is tainted by a module that no view shows" + named,
            evidence=(f"tainted {table.taint}: {letters}",),
        )
