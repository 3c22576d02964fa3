"""Carry out a plan step by step, each written to the journal before it is done.

A plan that was cut short is carried out again from the same journal: steps that were done are passed over, a
step that was begun is finished.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from davy.collect.processes import own_pids
from davy.hands import files, links, systemd
from davy.hands.errors import Untouched
from davy.hands.processes import Stocks
from davy.host import Kernel
from davy.journal import Entry, Eviction, Journal, Progress
from davy.model.plan import (
    Freeze,
    Kill,
    Left,
    MaskUnit,
    Preserve,
    Quarantine,
    ReloadManager,
    RemoveLines,
    RemoveLink,
    Step,
)
from davy.model.undo import EditedFile, FrozenGroup, MadeLink, ManagerReloaded, MovedFile, RemovedLink, Undo
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
        case Preserve(target=target):
            return f"keep the evidence of {target.name} ({target.pid})"
        case RemoveLines(file=file, lines=lines):
            word = "line" if len(lines) == 1 else "lines"
            return f"take {word} {', '.join(map(str, lines))} out of {os.fsdecode(file.path)}"
        case Quarantine(file=file, why=why):
            return f"move {os.fsdecode(file.path)} to the quarantine: {why}"
        case RemoveLink(path=path):
            return f"remove the link {os.fsdecode(path)}"
        case MaskUnit(unit=unit):
            return f"mask {unit} until the next start of the machine"
        case ReloadManager(stop=stop):
            return "have systemd read its units again" + (f", stop {', '.join(stop)}" if stop else "")
        case Kill():
            return "end everything that was frozen, at once"


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
        self._stocks = Stocks(kernel.procfs, f"davy-{eviction.id}-{kernel.boot_id[:8]}")
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
        except Untouched as error:
            self._journal.ended(self._eviction.id, entry.seq, Progress.REFUSED, str(error))
            self._left.append(Left(words, str(error)))
            return
        self._journal.ended(self._eviction.id, entry.seq, Progress.DONE, note)
        self._done.append(words)

    def _note(self, entry: Entry) -> Callable[[Undo], None]:
        return lambda undo: self._journal.begun(self._eviction.id, entry.seq, undo)

    def _do(self, entry: Entry) -> str:
        note, keep = self._note(entry), self._journal.state.quarantine
        kept = f"{self._eviction.id}-{entry.seq}"
        match entry.step:
            case Freeze() | Preserve() | Kill() if not self._same_boot:
                return "the machine was started anew since"
            case Freeze() as step:
                return self._freeze(step, note)
            case Preserve(target=target):
                folder = self._journal.state.evidence(self._eviction.id)
                try:
                    return "; ".join(preserve(self._kernel, target, folder))
                finally:
                    os.close(folder)
            case Kill():
                return self._kill()
            case RemoveLines() as step:
                former = entry.undo if isinstance(entry.undo, EditedFile) else None
                if former and files.edited_already(former):
                    return ""
                files.remove_lines(step, keep, kept, note, former)
            case Quarantine() as step:
                moved = entry.undo if isinstance(entry.undo, MovedFile) else None
                if moved and files.moved_already(moved, keep):
                    return ""
                users = running(self._kernel, step.file, self._held())
                if users:
                    raise Untouched(f"process {users[0]}, which is not in the plan, runs or maps it")
                files.quarantine(step, keep, kept, note, moved)
            case RemoveLink(path=path) as step:
                if isinstance(entry.undo, RemovedLink) and not os.path.lexists(path):
                    return ""
                links.remove_link(step, note)
            case MaskUnit(unit=unit, manager=manager):
                path = manager + b"/" + os.fsencode(unit)
                if isinstance(entry.undo, MadeLink) and os.path.lexists(path):
                    return ""
                links.make_link(path, _DEVNULL, note)
            case ReloadManager(socket=socket, stop=stop):
                note(ManagerReloaded(socket=socket))
                systemd.reload(socket, stop)
        return ""

    def _held(self) -> Iterator[int]:
        return (held.key.pid for held in self._gang.held) if self._gang else iter(())

    def _freeze(self, step: Freeze, note: Callable[[Undo], None]) -> str:
        note(FrozenGroup(group=os.fsencode(self._stocks.group) if self._stocks.group else None))
        self._gang = Gang(self._kernel, step, self._stocks, own_pids(self._kernel))
        whole = self._gang.stop()
        return f"{len(self._gang.held)} stopped in {self._gang.rounds} rounds" + ("" if whole else ", more may run")

    def _kill(self) -> str:
        if self._gang is None:
            return "nothing was left to end"
        self._gang.stop()
        alive = self._stocks.end()
        self._ended = len(self._gang.held) - len(alive)
        if alive:
            raise Untouched(f"process {alive[0].pid} did not end")
        return f"{self._ended} ended"


def undo_entries(journal: Journal, evictions: Sequence[Eviction]) -> tuple[tuple[str, ...], tuple[Left, ...]]:
    """Undo what these evictions changed, the last step first: what was put back, and what was kept as it is."""
    put_back: list[str] = []
    left: list[Left] = []
    keep = journal.state.quarantine
    for eviction in evictions:
        reloads: list[bytes] = []
        for entry in reversed(eviction.entries):
            if entry.undo is None or entry.state not in (Progress.DONE, Progress.BEGUN):
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
                    case FrozenGroup():
                        pass  # what was ended stays ended
            except Untouched as error:
                journal.ended(eviction.id, entry.seq, Progress.KEPT, str(error))
                left.append(Left(described(entry.step), str(error)))
                continue
            journal.ended(eviction.id, entry.seq, Progress.UNDONE)
        for socket in reloads:
            try:
                systemd.reload(socket)
            except Untouched as error:
                left.append(Left("have systemd read its units again", str(error)))
    return tuple(put_back), tuple(left)
