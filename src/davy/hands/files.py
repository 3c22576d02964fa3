"""Hands on whole files: to the quarantine and back.

Each hand on files takes the journal's word (`Note`) and calls it with what undoes the step before it changes
anything.  A step that was cut short is done again from the start; what a former try left behind is its own, and found.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from davy.hands.attributes import attributes_of, inode_flags
from davy.hands.errors import Untouched
from davy.hands.folders import folder_of, locked_again, marked, times_of, writable
from davy.hands.kept import keep_copy, kept_content, kept_whole
from davy.hands.opened import expected, opened, same, still
from davy.hands.placing import beside, or_as_it_was, placed, put_back_in, unlock
from davy.model.plan import FileIdentity, Quarantine
from davy.model.undo import MovedFile, Undo

Note = Callable[[Undo], None]


def quarantine(step: Quarantine, keep: int, kept: str, note: Note, former: MovedFile | None = None) -> None:
    """Move a file to the quarantine folder ``keep``: copy, sync, compare, tell the journal, unlink.

    ``former`` is what an earlier try that was cut short wrote down: it may have cleared the flags since.
    Raises `Untouched` when the file is not what the plan saw, or cannot be kept.
    """
    file = step.file
    with folder_of(file.path, file.within) as (folder, name), opened(folder, name, file.path) as source:
        found = expected(source, file)
        attributes = former.attributes if former else attributes_of(source)
        folder_flags = former.folder_flags if former else inode_flags(folder)
        times = former.folder_times if former else times_of(folder)
        keep_copy(source, keep, kept, file.sha256, file.path)
        note(
            MovedFile(
                path=file.path, attributes=attributes, kept=kept, sha256=file.sha256, folder_flags=folder_flags,
                folder_times=times, within=file.within,
            )
        )  # fmt: skip
        with or_as_it_was(source, attributes, file.path):
            unlock(source, found, file.path)
            with writable(folder, folder_flags):
                still(folder, name, found, file.path)
                os.unlink(name, dir_fd=folder)
                marked(folder, times)
            os.fsync(folder)


def moved_already(undo: MovedFile, keep: int, file: FileIdentity) -> bool:
    """Whether a step that was cut short had come as far as the unlink; another may have taken the name since."""
    with folder_of(undo.path, undo.within) as (folder, name):
        try:
            now = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if (now.st_dev, now.st_ino) == file.key:
                return False
        except FileNotFoundError:
            pass
        done = kept_whole(keep, undo.kept, undo.sha256)
        if done:
            locked_again(folder, undo.folder_flags, undo.path)
        return done


def restore_moved(undo: MovedFile, keep: int) -> None:
    """Put a file back from the quarantine, where nothing else has taken its name.  Raises `Untouched`."""
    content = kept_content(keep, undo.kept, undo.sha256, undo.path)
    with folder_of(undo.path, undo.within) as (folder, name), put_back_in(folder, name, undo):
        if same(folder, name, undo.path, undo.sha256):
            return
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            raise Untouched(
                f"{os.fsdecode(undo.path)}: something else is there now; "
                f"the file stays in the quarantine as {undo.kept}"
            )
        fresh = beside(undo.path, 1)
        placed(folder, fresh, fresh + b"~", content, undo.attributes)
        try:
            os.link(fresh, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.unlink(fresh, dir_fd=folder)
