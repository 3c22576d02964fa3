"""Hands on symbolic links: those that enable a unit, and the one that masks it."""

from __future__ import annotations

import os
import stat

from davy.hands.attributes import inode_flags, storable
from davy.hands.errors import Untouched
from davy.hands.files import Note
from davy.hands.folders import as_before, folder_of, marked, times_of, writable
from davy.model.plan import RemoveLink
from davy.model.undo import MadeLink, RemovedLink


def remove_link(step: RemoveLink, note: Note, former: RemovedLink | None = None) -> None:
    """Remove a symbolic link that still points where the plan saw it point.  Raises `Untouched`.

    ``former`` is what an earlier try that was cut short wrote down; it may have removed the link.
    """
    with folder_of(step.path) as (folder, name):
        try:
            folder_flags = former.folder_flags if former else inode_flags(folder)
            times = former.folder_times if former else times_of(folder)
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                if former is None:
                    raise
                with writable(folder, folder_flags):
                    return
            if not stat.S_ISLNK(found.st_mode) or os.readlink(name, dir_fd=folder) != step.destination:
                raise Untouched(f"{os.fsdecode(step.path)}: no longer the link the plan saw")
            note(
                RemovedLink(
                    path=step.path, destination=step.destination, uid=found.st_uid, gid=found.st_gid,
                    folder_flags=folder_flags, folder_times=times, atime_ns=storable(found.st_atime_ns),
                    mtime_ns=storable(found.st_mtime_ns),
                )
            )  # fmt: skip
            with writable(folder, folder_flags):
                os.unlink(name, dir_fd=folder)
                marked(folder, times)
        except OSError as error:
            raise Untouched(f"{os.fsdecode(step.path)}: {error.strerror}") from None


def restore_link(undo: RemovedLink) -> None:
    """Make a removed link again.  Raises `Untouched` where something else is there now."""
    with folder_of(undo.path) as (folder, name):
        try:
            with writable(folder, undo.folder_flags), as_before(folder, undo.folder_times):
                try:
                    os.symlink(undo.destination, name, dir_fd=folder)
                except FileExistsError:
                    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if not stat.S_ISLNK(found.st_mode) or os.readlink(name, dir_fd=folder) != undo.destination:
                        raise Untouched(f"{os.fsdecode(undo.path)}: something else is there now") from None
                os.chown(name, undo.uid, undo.gid, dir_fd=folder, follow_symlinks=False)
                if undo.atime_ns is not None and undo.mtime_ns is not None:
                    os.utime(name, ns=(undo.atime_ns, undo.mtime_ns), dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            raise Untouched(f"{os.fsdecode(undo.path)}: {error.strerror}") from None


def make_link(path: bytes, destination: bytes, note: Note) -> None:
    """Make a link where nothing is; one that leads there already is another's, and enough.  Raises `Untouched`."""
    with folder_of(path) as (folder, name):
        if _leads_to(folder, name, destination):
            return
        note(MadeLink(path=path, destination=destination))
        try:
            os.symlink(destination, name, dir_fd=folder)
        except FileExistsError:
            raise Untouched(f"{os.fsdecode(path)}: something is there already") from None
        except OSError as error:
            raise Untouched(f"{os.fsdecode(path)}: {error.strerror}") from None


def _leads_to(folder: int, name: bytes, destination: bytes) -> bool:
    try:
        return os.readlink(name, dir_fd=folder) == destination
    except OSError:
        return False


def unmake_link(undo: MadeLink) -> None:
    """Remove a link that an eviction made.  Raises `Untouched` where it is no longer that link."""
    with folder_of(undo.path) as (folder, name):
        try:
            if os.readlink(name, dir_fd=folder) != undo.destination:
                raise Untouched(f"{os.fsdecode(undo.path)}: no longer the link that the eviction made")
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Untouched(f"{os.fsdecode(undo.path)}: {error.strerror}") from None
