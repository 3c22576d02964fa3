"""Carry out a plan step by step, each written to the journal before it is done.

A plan that was cut short is carried out again from the same journal: steps that were done are passed over, a
step that was begun is finished.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

from msgspec import Struct

from davy.collect.processes import own_pids
from davy.hands import edits, files, kernel_values, links, modules, mounts, runtimes, systemd
from davy.hands.errors import Untouched
from davy.hands.kept import SPARE_BYTES
from davy.hands.processes import Stocks
from davy.host import Kernel
from davy.journal import Entry, Eviction, Journal, Progress
from davy.model.plan import (
    Freeze,
    Kill,
    Left,
    MaskUnit,
    Plan,
    Preserve,
    Quarantine,
    ReloadManager,
    RemoveLines,
    RemoveLink,
    RestorePackaged,
    SetKernelValue,
    SetLines,
    SetRestartPolicy,
    Target,
    UnloadModule,
    Unmount,
    Unregister,
)
from davy.model.text import printable
from davy.model.undo import (
    EditedFile,
    FrozenGroup,
    KernelValueSet,
    MadeLink,
    ManagerReloaded,
    MovedFile,
    RemovedLink,
    RestartPolicySet,
    Undo,
    Unregistered,
)
from davy.respond.freeze import Gang, running
from davy.respond.packaged import content_of
from davy.respond.preserve import preserve
from davy.respond.words import described

_DEVNULL = b"/dev/null"


class Carried(Struct, frozen=True, kw_only=True):
    """What came of a plan."""

    done: tuple[str, ...]
    left: tuple[Left, ...]
    ended: int
    """How many processes were ended."""


def _group_name(kernel: Kernel, journal: Journal, eviction: Eviction) -> str:
    """The control group of one eviction: the same for a run that finishes it, another for any other journal's."""
    folder = os.fstat(journal.state.fd)
    whose = f"{kernel.boot_id} {folder.st_dev} {folder.st_ino}"
    return f"davy-{eviction.id}-{hashlib.blake2s(whose.encode(), digest_size=4).hexdigest()}"


def carry_out(
    kernel: Kernel, journal: Journal, eviction: Eviction, progress: Callable[[str], None] = lambda _: None
) -> Carried:
    """Do what is left of an eviction.  What is refused is in `Carried.left`; everything else goes on.

    Raises `davy.journal.StateError` when the journal cannot be written: then nothing more is touched, and what
    was frozen goes on.
    """
    with _Run(kernel, journal, eviction, progress) as run:
        for entry in eviction.entries:
            run.step(entry)
        return run.carried()


class _Run:
    def __init__(self, kernel: Kernel, journal: Journal, eviction: Eviction, progress: Callable[[str], None]) -> None:
        self._kernel, self._journal, self._eviction, self._progress = kernel, journal, eviction, progress
        self._same_boot = eviction.plan.boot_id in (None, kernel.boot_id)
        former = next((one.undo for one in eviction.entries if isinstance(one.undo, FrozenGroup)), None)
        self._stocks = Stocks(
            kernel.procfs, _group_name(kernel, journal, eviction), former.homes if former and self._same_boot else {}
        )
        self._killed = any(isinstance(one.step, Kill) and one.state is Progress.DONE for one in eviction.entries)
        self._gang: Gang | None = None
        self._done: list[str] = []
        self._left: list[Left] = []
        self._ended = 0

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._stocks.release()

    def carried(self) -> Carried:
        return Carried(done=tuple(self._done), left=tuple(self._left), ended=self._ended)

    def step(self, entry: Entry) -> None:
        """Do one step, unless it was done before."""
        again = isinstance(entry.step, Freeze) and not self._killed
        if entry.state not in (Progress.PLANNED, Progress.BEGUN) and not again:
            return
        words = described(entry.step)
        self._progress(words)
        try:
            note = self._do(entry)
        except (Untouched, OSError) as error:
            why = printable(str(error))
            self._journal.ended(self._eviction.id, entry.seq, Progress.REFUSED, why)
            self._left.append(Left(words, why))
            return
        self._journal.ended(self._eviction.id, entry.seq, Progress.DONE, note)
        self._done.append(words)

    def _note(self, entry: Entry) -> Callable[[Undo], None]:
        return lambda undo: self._journal.begun(self._eviction.id, entry.seq, undo)

    def _do(self, entry: Entry) -> str:
        note, keep = self._note(entry), self._journal.state.quarantine
        kept = f"{self._eviction.id}-{entry.seq}"
        match entry.step:
            case Freeze() | Unmount() | Preserve() | Kill() | UnloadModule() | SetKernelValue() | Unregister() if (
                not self._same_boot
            ):
                return "the machine was started anew since"
            case Freeze() as step:
                return self._freeze(step, note)
            case Unmount() as step:
                return mounts.unmount(self._kernel.procfs, step, note)
            case Preserve(target=target):
                return self._preserve(target)
            case Kill():
                return self._kill()
            case RemoveLines() as step:
                former = entry.undo if isinstance(entry.undo, EditedFile) else None
                if former and edits.edited_already(former):
                    return ""
                edits.remove_lines(step, keep, kept, note, former)
            case SetLines() as step:
                former = entry.undo if isinstance(entry.undo, EditedFile) else None
                if former and edits.edited_already(former):
                    return ""
                edits.set_lines(step, keep, kept, note, former)
            case RestorePackaged() as step:
                former = entry.undo if isinstance(entry.undo, EditedFile) else None
                if former and edits.edited_already(former):
                    return ""
                edits.restore_packaged(step, content_of(step), keep, kept, note, former)
            case Quarantine() as step:
                moved = entry.undo if isinstance(entry.undo, MovedFile) else None
                if moved and files.moved_already(moved, keep, step.file):
                    return ""
                users = [] if step.loaded_by_others else running(self._kernel, step.file, self._held())
                if users:
                    raise Untouched(f"process {users[0]}, which is not in the plan, runs or maps it")
                files.quarantine(step, keep, kept, note, moved)
            case RemoveLink() as step:
                links.remove_link(step, note, entry.undo if isinstance(entry.undo, RemovedLink) else None)
            case SetKernelValue() as step:
                value = entry.undo if isinstance(entry.undo, KernelValueSet) else None
                kernel_values.set_usual(step, note, value)
            case Unregister() as step:
                taken = entry.undo if isinstance(entry.undo, Unregistered) else None
                kernel_values.unregister(step, note, taken)
            case MaskUnit(unit=unit, manager=manager):
                path = manager + b"/" + os.fsencode(unit)
                if isinstance(entry.undo, MadeLink) and os.path.islink(path) and os.readlink(path) == _DEVNULL:
                    return ""
                links.make_link(path, _DEVNULL, note)
            case UnloadModule() as step:
                return modules.unload(self._kernel.procfs, step, note)
            case SetRestartPolicy() as step:
                policy = entry.undo if isinstance(entry.undo, RestartPolicySet) else None
                runtimes.set_policy(step, note, policy)
            case ReloadManager(socket=socket, stop=stop):
                note(ManagerReloaded(socket=socket))
                try:
                    systemd.reload(socket, stop)
                except systemd.Ended as error:
                    return str(error)
        return ""

    def _held(self) -> Iterator[int]:
        return (held.key.pid for held in self._gang.held) if self._gang else iter(())

    def _preserve(self, target: Target) -> str:
        """Evidence is kept as far as there is room; that there is none for it stops nothing."""
        try:
            folder = self._journal.state.evidence(self._eviction.id)
        except OSError as error:
            return f"evidence: {error.strerror}"
        try:
            return "; ".join(preserve(self._kernel, target, folder, bytes_to_keep(self._eviction.plan)))
        finally:
            os.close(folder)

    def _freeze(self, step: Freeze, note: Callable[[Undo], None]) -> str:
        stocks = self._stocks
        group = os.fsencode(stocks.group) if stocks.group else None
        note(FrozenGroup(group=group, homes=stocks.homes_of([target.key for target in step.targets])))
        self._gang = Gang(self._kernel, step, stocks, own_pids(self._kernel))
        whole = self._gang.stop()
        note(FrozenGroup(group=group, homes=stocks.homes))
        return f"{len(self._gang.held)} stopped in {self._gang.rounds} rounds" + ("" if whole else ", more may run")

    def let_go(self) -> None:
        """Have what an eviction that was cut short still holds go on where it was; what was ended stays ended."""
        step = next((one.step for one in self._eviction.entries if isinstance(one.step, Freeze)), None)
        if step is not None and self._same_boot and not self._killed and self._stocks.left_behind:
            Gang(self._kernel, step, self._stocks, own_pids(self._kernel)).stop()

    def _kill(self) -> str:
        if self._gang is None:
            return "nothing was left to end"
        self._gang.stop()
        alive = self._stocks.end()
        self._ended = len(self._gang.held) - len(alive)
        if alive:
            raise Untouched(f"process {alive[0].pid} did not end")
        return f"{self._ended} ended"


def bytes_to_keep(plan: Plan) -> int:
    """Room that the quarantine needs for the files of a plan, with some to spare."""
    kept = (RemoveLines, SetLines, RestorePackaged, Quarantine)
    sizes = [step.file.size for step in plan.steps if isinstance(step, kept)]
    return sum(sizes) + SPARE_BYTES if sizes else 0


def let_go(kernel: Kernel, journal: Journal, eviction: Eviction) -> None:
    """Have what an eviction that was cut short still holds go on where it was.  Raises `Untouched`."""
    with _Run(kernel, journal, eviction, lambda _: None) as run:
        run.let_go()
