"""Undo evictions: what they changed is put back, the last step first."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from davy.hands import edits, files, kernel_values, links, runtimes, systemd
from davy.hands.errors import Untouched
from davy.host import Kernel
from davy.journal import Eviction, Journal, Progress
from davy.model.plan import Left
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
    UnloadedModule,
    Unmounted,
    Unregistered,
)
from davy.respond.carry_out import let_go
from davy.respond.containers import found_again
from davy.respond.words import described, manager


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
                        if moved.within is not None:
                            moved = msgspec.structs.replace(moved, within=found_again(kernel, moved.within))
                        files.restore_moved(moved, keep)
                        where = f" in container {moved.within.name}" if moved.within else ""
                        put_back.append(f"{os.fsdecode(moved.path)}{where}")
                    case EditedFile() as edited:
                        edits.restore_edited(edited, keep)
                        put_back.append(os.fsdecode(edited.path))
                    case RemovedLink() as removed:
                        links.restore_link(removed)
                        put_back.append(os.fsdecode(removed.path))
                    case MadeLink() as made:
                        links.unmake_link(made)
                    case KernelValueSet() as value:
                        kernel_values.restore_value(value)
                        put_back.append(os.fsdecode(value.path))
                    case Unregistered() as format_:
                        kernel_values.restore_format(format_)
                        put_back.append(os.fsdecode(format_.path))
                    case RestartPolicySet() as policy:
                        runtimes.restore_policy(policy)
                        put_back.append(f"the restart policy {policy.before} of container {policy.name}")
                    case ManagerReloaded(socket=socket):
                        reloads.append(socket)
                    case Unmounted():
                        pass  # see `not_put_back`
                    case UnloadedModule(name=name):
                        why = "Davy never loads a module: it stays out until something else loads it"
                        left.append(Left(f"load the kernel module {name} again", why))
                    case FrozenGroup():
                        let_go(kernel, journal, eviction)
            except (Untouched, OSError) as error:
                why = printable(str(error))
                journal.ended(eviction.id, entry.seq, Progress.KEPT, why)
                left.append(Left(described(entry.step), why))
                continue
            journal.ended(eviction.id, entry.seq, Progress.UNDONE)
        for socket in reloads:
            try:
                systemd.reload(socket)
            except systemd.Ended:
                continue
            except Untouched as error:
                left.append(Left(f"have {manager(socket)} read its units again", printable(str(error))))
    return tuple(put_back), tuple(left)
