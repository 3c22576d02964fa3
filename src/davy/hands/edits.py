"""Hands on content: lines out of a file or into it, a package's own content back into one, and all of it undone."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from davy.hands.attributes import attributes_of, inode_flags, storable
from davy.hands.errors import Untouched
from davy.hands.files import Note
from davy.hands.folders import folder_of, locked_again, marked, times_of, writable
from davy.hands.kept import keep_copy, kept_content
from davy.hands.opened import expected, opened, same, sha256_of, still
from davy.hands.placing import beside, or_as_it_was, placed, put_back_in, tidied, unlock
from davy.model.plan import FileIdentity, LineSet, RemoveLines, RestorePackaged, SetLines
from davy.model.undo import EditedFile, FileAttributes

EDIT_LIMIT: Final = 16 << 20
"""A file with lines to take out may be so large."""


def rows_of(content: bytes) -> list[bytes]:
    """The lines of a file, each with its end; put together they are the file."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def with_lines(content: bytes, lines: Sequence[LineSet]) -> bytes:
    """``content`` with these lines in place, each that is replaced compared with what the plan saw.

    A line has the end of the one it replaces, or of its neighbour above; behind a last line without an end it has
    none, too.  Raises `Untouched`.
    """
    rows = rows_of(content)
    made = [b""] * (len(rows) + 1)
    for line in lines:
        at = line.number - 1
        if not 0 <= at <= len(rows) or b"\n" in line.after:
            raise Untouched(f"line {line.number}: there is no such place")
        if line.before is None:
            usual = next((_end(row) for row in (*rows[:at][::-1], *rows[at:]) if _end(row)), b"\n")
            if at == len(rows) and rows and not rows[-1].endswith(b"\n"):
                made[at] += usual + line.after
            else:
                made[at] += line.after + usual
        elif at == len(rows) or _bare(rows[at]) != line.before:
            raise Untouched(f"line {line.number} is no longer what the plan saw")
        else:
            rows[at] = line.after + rows[at][len(_bare(rows[at])) :]
    return b"".join(piece for pair in zip(made, [*rows, b""], strict=True) for piece in pair)


def _bare(row: bytes) -> bytes:
    return row.rstrip(b"\r\n")


def _end(row: bytes) -> bytes:
    return b"\r\n" if row.endswith(b"\r\n") else b"\n" if row.endswith(b"\n") else b""


def without_lines(
    content: bytes, lines: tuple[int, ...], texts: tuple[bytes, ...], remains: tuple[bytes, ...] = ()
) -> bytes:
    """``content`` without these lines (1-based), each compared with what the plan saw.  Raises `Untouched`.

    Where there are ``remains`` of a line they stay in its place, with its end.
    """
    rows = rows_of(content)
    for number, text in zip(lines, texts, strict=True):
        if not 0 < number <= len(rows) or rows[number - 1].rstrip(b"\r\n") != text.rstrip(b"\r"):
            raise Untouched(f"line {number} is no longer what the plan saw")
    kept = dict(zip(lines, remains or (b"",) * len(lines), strict=True))
    return b"".join(
        kept[number] + (row[len(row.rstrip(b"\r\n")) :] if kept[number] else b"") if number in kept else row
        for number, row in enumerate(rows, 1)
    )


def remove_lines(step: RemoveLines, keep: int, kept: str, note: Note, former: EditedFile | None = None) -> None:
    """Take lines out of a file; every other byte, its owner and its mode stay.  ``former`` as in `davy.hands.files`.

    Raises `Untouched`.
    """
    file = step.file
    if file.size > EDIT_LIMIT:
        raise Untouched(f"{os.fsdecode(file.path)}: larger than {EDIT_LIMIT} bytes")
    with folder_of(file.path) as (folder, name), opened(folder, name, file.path) as source:
        expected(source, file)
        content = os.pread(source, file.size, 0)
        after = without_lines(content, step.lines, step.texts, step.remains)
        attributes = former.attributes if former else attributes_of(source)
        _edit(_Open(folder, name, source, file), after, attributes, attributes, _Keeping(keep, kept, note), former)


def set_lines(step: SetLines, keep: int, kept: str, note: Note, former: EditedFile | None = None) -> None:
    """Give lines their place in a configuration file.  As `remove_lines`; a file that has other names is refused, for
    they would be left with the old content.

    Raises `Untouched`.
    """
    file = step.file
    if file.size > EDIT_LIMIT:
        raise Untouched(f"{os.fsdecode(file.path)}: larger than {EDIT_LIMIT} bytes")
    with folder_of(file.path) as (folder, name), opened(folder, name, file.path) as source:
        found = expected(source, file)
        if found.st_nlink > 1:
            raise Untouched(f"{os.fsdecode(file.path)}: has other names")
        after = with_lines(os.pread(source, file.size, 0), step.lines)
        attributes = former.attributes if former else attributes_of(source)
        _edit(_Open(folder, name, source, file), after, attributes, attributes, _Keeping(keep, kept, note), former)


def restore_packaged(
    step: RestorePackaged, content: bytes, keep: int, kept: str, note: Note, former: EditedFile | None = None
) -> None:
    """Give a file its package's ``content``, with the owner and the mode that it has there.  As `remove_lines`.

    Raises `Untouched`.
    """
    file = step.file
    if hashlib.sha256(content).hexdigest() != step.sha256:
        raise Untouched(f"{os.fsdecode(file.path)}: the archive of {step.package} has changed since the plan")
    with folder_of(file.path) as (folder, name), opened(folder, name, file.path) as source:
        attributes = former.attributes if former else attributes_of(source)
        packaged = msgspec.structs.replace(attributes, mode=step.mode, uid=step.uid, gid=step.gid)
        _edit(_Open(folder, name, source, file), content, attributes, packaged, _Keeping(keep, kept, note), former)


class _Open(NamedTuple):
    """The file of a step, open."""

    folder: int
    name: bytes
    source: int
    file: FileIdentity


class _Keeping(NamedTuple):
    """Where the original goes, and who is told before anything changes."""

    keep: int
    kept: str
    note: Note


def _edit(
    at: _Open, after: bytes, attributes: FileAttributes, later: FileAttributes, keeping: _Keeping,
    former: EditedFile | None,
) -> None:  # fmt: skip
    """Replace the content of an open file that is the one the plan saw.

    ``attributes`` are what an undo puts back, ``later`` what it has until then.
    """
    folder, name, source, file = at
    keep, kept, note = keeping
    if former:
        tidied(folder, file.path)
    found = expected(source, file)
    folder_flags = former.folder_flags if former else inode_flags(folder)
    times = former.folder_times if former else times_of(folder)
    keep_copy(source, keep, kept, file.sha256, file.path)
    note(
        EditedFile(
            path=file.path, attributes=attributes, kept=kept, before_sha256=file.sha256,
            after_sha256=hashlib.sha256(after).hexdigest(), folder_flags=folder_flags, folder_times=times,
        )
    )  # fmt: skip
    with or_as_it_was(source, attributes, file.path):
        unlock(source, found, file.path)
        with writable(folder, folder_flags):
            fresh = FileAttributes(
                mode=later.mode, uid=later.uid, gid=later.gid, atime_ns=later.atime_ns,
                mtime_ns=max(storable(later.mtime_ns + 1_000_000_000), time.time_ns()), flags=None,
                xattrs=later.xattrs,
            )  # fmt: skip
            placed(folder, name, beside(file.path, 0), after, fresh, lambda: still(folder, name, found, file.path))
            marked(folder, times)


def edited_already(undo: EditedFile) -> bool:
    """Whether a step that was cut short had come as far as putting the new content in place."""
    with folder_of(undo.path) as (folder, name):
        done = same(folder, name, undo.path, undo.after_sha256)
        if done:
            locked_again(folder, undo.folder_flags, undo.path)
        return done


def restore_edited(undo: EditedFile, keep: int) -> None:
    """Put the original content back, where the file is still what the eviction left.  Raises `Untouched`."""
    content = kept_content(keep, undo.kept, undo.before_sha256, undo.path)
    with folder_of(undo.path) as (folder, name), put_back_in(folder, name, undo):
        if same(folder, name, undo.path, undo.before_sha256):
            return
        with opened(folder, name, undo.path) as now:
            left = os.fstat(now)
            if sha256_of(now) != undo.after_sha256:
                raise Untouched(
                    f"{os.fsdecode(undo.path)}: changed since the eviction; "
                    f"the original stays in the quarantine as {undo.kept}"
                )
            placed(
                folder, name, beside(undo.path, 1), content, undo.attributes,
                lambda: still(folder, name, left, undo.path),
            )  # fmt: skip
