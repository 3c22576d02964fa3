"""Carry out a plan step by step, each written to the journal before it is done.

A plan that was cut short is carried out again from the same journal: steps that were done are passed over, a
step that was begun is finished.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from davy.collect.processes import own_pids
from davy.hands import files, links, modules, mounts, systemd
from davy.hands.errors import Untouched
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
    Step,
    Target,
    UnloadModule,
    Unmount,
)
from davy.model.text import printable
from davy.model.undo import (
    EditedFile,
    FrozenGroup,
    MadeLink,
    ManagerReloaded,
    MovedFile,
    RemovedLink,
    Undo,
    UnloadedModule,
    Unmounted,
)
from davy.respond.freeze import Gang, running
from davy.respond.preserve import preserve

_DEVNULL = b"/dev/null"


class Carried(Struct, frozen=True, kw_only=True):
    """What came of a plan."""

    done: tuple[str, ...]
    left: tuple[Left, ...]
    ended: int
    """How many processes were ended."""


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
        case RemoveLines(file=file, lines=lines, remains=remains):
            word = ("what is not honest in line" if any(remains) else "line") + ("" if len(lines) == 1 else "s")
            return f"take {word} {', '.join(map(str, lines))} out of {os.fsdecode(file.path)}"
        case Quarantine(file=file, why=why, loaded_by_others=loaded):
            after = "; programs that have it loaded keep it until they end" if loaded else ""
            return f"move {os.fsdecode(file.path)} to the quarantine: {why}{after}"
        case RemoveLink(path=path):
            return f"remove the link {os.fsdecode(path)}"
        case MaskUnit(unit=unit):
            return f"mask {unit} until the next start of the machine"
        case ReloadManager(stop=stop):
            return "have systemd read its units again" + (f", stop {', '.join(stop)}" if stop else "")
        case UnloadModule(name=name):
            return f"unload the kernel module {name}"
        case Kill():
            return "end everything that was frozen, at once"


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
            case Freeze() | Unmount() | Preserve() | Kill() | UnloadModule() if not self._same_boot:
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
                if former and files.edited_already(former):
                    return ""
                files.remove_lines(step, keep, kept, note, former)
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
            case MaskUnit(unit=unit, manager=manager):
                path = manager + b"/" + os.fsencode(unit)
                if isinstance(entry.undo, MadeLink) and os.path.islink(path) and os.readlink(path) == _DEVNULL:
                    return ""
                links.make_link(path, _DEVNULL, note)
            case UnloadModule() as step:
                return modules.unload(self._kernel.procfs, step, note)
            case ReloadManager(socket=socket, stop=stop):
                note(ManagerReloaded(socket=socket))
                systemd.reload(socket, stop)
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
    sizes = [step.file.size for step in plan.steps if isinstance(step, (RemoveLines, Quarantine))]
    return sum(sizes) + files.SPARE_BYTES if sizes else 0


def not_put_back(evictions: Sequence[Eviction]) -> tuple[Left, ...]:
    """What an undo of these evictions leaves as it is on purpose, and why."""
    found = []
    for eviction in evictions:
        for entry in reversed(eviction.entries):
            if isinstance(entry.undo, Unmounted) and entry.state in (Progress.DONE, Progress.BEGUN):
                gone = entry.undo
                what = printable(f"the mount over {os.fsdecode(gone.point)}", 400)
                source = f"{gone.filesystem} {os.fsdecode(gone.source)}, its {os.fsdecode(gone.root)}"
                found.append(Left(what, printable(f"it would only hide again; it was of {source}", 400)))
    return tuple(found)


def undo_entries(
    kernel: Kernel, journal: Journal, evictions: Sequence[Eviction]
) -> tuple[tuple[str, ...], tuple[Left, ...]]:
    """Undo what these evictions changed, the last step first: what was put back, and what was kept as it is.

    One that was cut short is not finished any more, and what it still holds stopped goes on.
    """
    put_back: list[str] = []
    left: list[Left] = []
    keep = journal.state.quarantine
    for eviction in evictions:
        journal.close(eviction.id)
        reloads: list[bytes] = []
        for entry in reversed(eviction.entries):
            if entry.undo is None or entry.state not in (Progress.DONE, Progress.BEGUN, Progress.KEPT):
                continue
            try:
                match entry.undo:
                    case MovedFile() as moved:
                        files.restore_moved(moved, keep)
                        put_back.append(os.fsdecode(moved.path))
                    case EditedFile() as edited:
                        files.restore_edited(edited, keep)
                        put_back.append(os.fsdecode(edited.path))
                    case RemovedLink() as removed:
                        links.restore_link(removed)
                        put_back.append(os.fsdecode(removed.path))
                    case MadeLink() as made:
                        links.unmake_link(made)
                    case ManagerReloaded(socket=socket):
                        reloads.append(socket)
                    case Unmounted():
                        pass  # see `not_put_back`
                    case UnloadedModule(name=name):
                        why = "Davy never loads a module: it stays out until something else loads it"
                        left.append(Left(f"load the kernel module {name} again", why))
                    case FrozenGroup():
                        with _Run(kernel, journal, eviction, lambda _: None) as run:
                            run.let_go()
            except (Untouched, OSError) as error:
                why = printable(str(error))
                journal.ended(eviction.id, entry.seq, Progress.KEPT, why)
                left.append(Left(described(entry.step), why))
                continue
            journal.ended(eviction.id, entry.seq, Progress.UNDONE)
        for socket in reloads:
            try:
                systemd.reload(socket)
            except Untouched as error:
                left.append(Left("have systemd read its units again", printable(str(error))))
    return tuple(put_back), tuple(left)
