"""Remove all that a record lists, in an order in which nothing comes back; may be done again, at any time."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from davy.drill import crontab, processes
from davy.drill.record import DrillError, ProgramFile, Record, boot_id, path_of


def clean(folder: Path, record: Record) -> list[str]:
    """Remove the drill, then its record; says what was removed.  The lock must be held.

    Raises `DrillError` when something is left; the record then stays, so that it can be tried again.
    """
    done: list[str] = []
    left: list[str] = []
    same_boot = record.boot_id == boot_id()
    named = record.processes if same_boot else []
    try:
        done += [removed for line in record.lines if (removed := crontab.remove(line, record.hidden_name))]
    except crontab.Unwritable as error:
        left.append(str(error))
    try:
        done += processes.end_all(record.files, named)
        done += [removed for file in record.files if (removed := _remove(file))]
        # What a cron daemon started between the two.
        done += processes.end_all(record.files, ())
    except DrillError as error:
        left.append(str(error))
    except OSError as error:
        left.append(f"{error.filename}: {error.strerror}")
    for each in record.folders:
        Path(each, record.hidden_name).unlink(missing_ok=True)
    if left:
        raise DrillError(f"the drill {record.name} is not all removed: {'; '.join(left)}")
    path_of(folder, record).unlink(missing_ok=True)
    if same_boot:
        dismiss(record)
    return done


def dismiss(record: Record) -> None:
    """End the keeper and the watcher of a drill that is all removed, unless one of them is this very process."""
    for helper in (record.watcher, record.keeper):
        if helper is not None and helper.pid != os.getpid() and (descriptor := processes.end(helper)) is not None:
            processes.await_end(descriptor, 0.2)
            os.close(descriptor)


def kept(record: Record) -> bool:
    """Whether somebody still sees to it that the drill ends."""
    return record.boot_id == boot_id() and (processes.alive(record.keeper) or processes.alive(record.watcher))


def _remove(file: ProgramFile) -> str | None:
    """Remove the file if it is still what the drill put there.  Raises OSError."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        try:
            os.lstat(file.path)
        except FileNotFoundError:
            return None
        return f"left {file.path}: it is not the drill's any more"
    with open(descriptor, "rb") as program:
        status = os.fstat(descriptor)
        ours = (
            stat.S_ISREG(status.st_mode)
            and status.st_size == file.size
            and hashlib.file_digest(program, "sha256").hexdigest() == file.sha256
        )
        if not ours or not os.path.samestat(status, os.lstat(file.path)):
            return f"left {file.path}: it is not the drill's any more"
        os.unlink(file.path)
    return f"removed {file.path}"
