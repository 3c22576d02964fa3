"""Hands on files: to the quarantine and back, lines out and back.

Each takes the journal's word (`note`) and calls it with what undoes the step before it changes anything.
A step that was cut short is done again from the start; what a former try left behind is its own, and found.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from davy.hands.attributes import (
    APPEND_ONLY,
    IMMUTABLE,
    attributes_of,
    inode_flags,
    put_back,
    put_back_flags,
    set_inode_flags,
    storable,
    unlocked,
)
from davy.hands.errors import Untouched
from davy.hands.folders import folder_of
from davy.model.plan import FileIdentity, Quarantine, RemoveLines
from davy.model.undo import EditedFile, FileAttributes, MovedFile, Undo

EDIT_LIMIT: Final = 16 << 20
"""A file with lines to take out may be so large."""
SPARE_BYTES: Final = 16 << 20
"""So much must stay free where the quarantine is."""
_CHUNK: Final = 1 << 18

Note = Callable[[Undo], None]


def _shown(path: bytes) -> str:
    return os.fsdecode(path)


@contextmanager
def _opened(folder: int, name: bytes, path: bytes) -> Iterator[int]:
    """A regular file by its name in an open folder; never a link, a FIFO or a device."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise Untouched(f"{_shown(path)}: not a regular file")
        unseen = os.O_NOATIME if os.geteuid() in (0, found.st_uid) else 0
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | unseen, dir_fd=folder)
    except FileNotFoundError:
        raise Untouched(f"{_shown(path)}: gone") from None
    except OSError as error:
        raise Untouched(f"{_shown(path)}: {error.strerror}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sha256(descriptor: int) -> str:
    digest, offset = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, _CHUNK, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def _expect(descriptor: int, file: FileIdentity) -> os.stat_result:
    """Raises `Untouched` unless the open file is the one the plan saw."""
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino) != file.key or not stat.S_ISREG(found.st_mode):
        raise Untouched(f"{_shown(file.path)}: another file than the plan saw")
    if found.st_size != file.size or _sha256(descriptor) != file.sha256:
        raise Untouched(f"{_shown(file.path)}: changed since the plan")
    return found


def _keep(source: int, keep: int, kept: str, sha256: str, path: bytes) -> None:
    """Copy an open file into the quarantine as ``kept``: synced, compared, mode 0600."""
    size = os.fstat(source).st_size
    room = os.fstatvfs(keep)
    if room.f_bavail * room.f_frsize < size + SPARE_BYTES:
        raise Untouched(f"{_shown(path)}: no room in the quarantine for {size} bytes")
    with suppress(FileNotFoundError):
        os.unlink(kept, dir_fd=keep)
    try:
        copy = os.open(kept, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=keep)
    except OSError as error:
        raise Untouched(f"{_shown(path)}: quarantine: {error.strerror}") from None
    try:
        offset = 0
        while chunk := os.pread(source, _CHUNK, offset):
            os.write(copy, chunk)
            offset += len(chunk)
        os.fsync(copy)
        os.fsync(keep)
        if _sha256(copy) != sha256:
            raise Untouched(f"{_shown(path)}: the copy in the quarantine differs")
    except OSError as error:
        with suppress(OSError):
            os.unlink(kept, dir_fd=keep)
        raise Untouched(f"{_shown(path)}: quarantine: {error.strerror}") from None
    finally:
        os.close(copy)


@contextmanager
def writable(folder: int, former: int | None = None) -> Iterator[None]:
    """A folder whose immutable or append-only flag is off meanwhile.

    ``former`` are the flags that an earlier try wrote down: cut short, it may have left them off.
    """
    now = inode_flags(folder)
    lock = ((now or 0) | (former or 0)) & (IMMUTABLE | APPEND_ONLY)
    if now is None or not lock:
        yield
        return
    unlocked(folder, now)
    try:
        yield
    finally:
        set_inode_flags(folder, now | lock)


def _unlock(descriptor: int, found: os.stat_result, path: bytes) -> None:
    flags = inode_flags(descriptor)
    if flags is not None and flags & (IMMUTABLE | APPEND_ONLY):
        if found.st_nlink > 1:
            raise Untouched(f"{_shown(path)}: immutable, and it has other names that are not ours to change")
        unlocked(descriptor, flags)


def quarantine(step: Quarantine, keep: int, kept: str, note: Note, former: MovedFile | None = None) -> None:
    """Move a file to the quarantine folder ``keep``: copy, sync, compare, tell the journal, unlink.

    ``former`` is what an earlier try that was cut short wrote down: it may have cleared the flags since.
    Raises `Untouched` when the file is not what the plan saw, or cannot be kept.
    """
    file = step.file
    with folder_of(file.path) as (folder, name), _opened(folder, name, file.path) as source:
        found = _expect(source, file)
        attributes = former.attributes if former else attributes_of(source)
        folder_flags = former.folder_flags if former else inode_flags(folder)
        _keep(source, keep, kept, file.sha256, file.path)
        note(
            MovedFile(
                path=file.path, attributes=attributes, kept=kept, sha256=file.sha256, folder_flags=folder_flags
            )
        )  # fmt: skip
        with _or_as_it_was(source, attributes, file.path):
            _unlock(source, found, file.path)
            with writable(folder, folder_flags):
                now = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if (now.st_dev, now.st_ino) != file.key:
                    raise Untouched(f"{_shown(file.path)}: swapped while it was moved")
                os.unlink(name, dir_fd=folder)
            os.fsync(folder)


@contextmanager
def _or_as_it_was(descriptor: int, attributes: FileAttributes, path: bytes) -> Iterator[None]:
    """What fails is `Untouched`, and the file has its flags again."""
    try:
        yield
    except OSError as error:
        with suppress(OSError):
            put_back_flags(descriptor, attributes)
        raise Untouched(f"{_shown(path)}: {error.strerror}") from None
    except Untouched:
        with suppress(OSError):
            put_back_flags(descriptor, attributes)
        raise


def moved_already(undo: MovedFile, keep: int, file: FileIdentity) -> bool:
    """Whether a step that was cut short had come as far as the unlink; another may have taken the name since."""
    with folder_of(undo.path) as (folder, name):
        try:
            now = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if (now.st_dev, now.st_ino) == file.key:
                return False
        except FileNotFoundError:
            pass
        done = _kept_whole(keep, undo.kept, undo.sha256)
        if done:
            _lock_again(folder, undo.folder_flags, undo.path)
        return done


def _lock_again(folder: int, flags: int | None, path: bytes) -> None:
    """Give a folder back the flags that a step, cut short, had taken off it."""
    try:
        with writable(folder, flags):
            pass
    except OSError as error:
        raise Untouched(f"{_shown(path)}: its folder: {error.strerror}") from None


def _kept_whole(keep: int, kept: str, sha256: str) -> bool:
    try:
        descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=keep)
    except OSError:
        return False
    try:
        return _sha256(descriptor) == sha256
    finally:
        os.close(descriptor)


def without_lines(
    content: bytes, lines: tuple[int, ...], texts: tuple[bytes, ...], remains: tuple[bytes, ...] = ()
) -> bytes:
    """``content`` without these lines (1-based), each compared with what the plan saw.  Raises `Untouched`.

    Where there are ``remains`` of a line they stay in its place, with its end.
    """
    rows = re.findall(rb"[^\n]*\n|[^\n]+", content)
    for number, text in zip(lines, texts, strict=True):
        if number > len(rows) or rows[number - 1].rstrip(b"\r\n") != text.rstrip(b"\r"):
            raise Untouched(f"line {number} is no longer what the plan saw")
    kept = dict(zip(lines, remains or (b"",) * len(lines), strict=True))
    return b"".join(
        kept[number] + (row[len(row.rstrip(b"\r\n")) :] if kept[number] else b"") if number in kept else row
        for number, row in enumerate(rows, 1)
    )


def _beside(path: bytes, seq: int) -> bytes:
    return b".davy-" + hashlib.blake2s(path, digest_size=4).hexdigest().encode() + b"-%d" % seq


def _tidy(folder: int, path: bytes) -> None:
    """Remove what a step that was cut short left beside the file."""
    for name in (_beside(path, 0), _beside(path, 1), _beside(path, 1) + b"~"):
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _replace(folder: int, name: bytes, fresh: bytes, content: bytes, attributes: FileAttributes) -> None:
    """Put new content under a name in one step, with owner, mode, extended attributes and times."""
    with suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=folder)
    descriptor = os.open(
        fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
    )
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        put_back(descriptor, attributes)
        os.fsync(descriptor)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError:
        with suppress(OSError):
            os.unlink(fresh, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def remove_lines(step: RemoveLines, keep: int, kept: str, note: Note, former: EditedFile | None = None) -> None:
    """Take lines out of a file; every other byte, its owner and its mode stay.  ``former`` as in `quarantine`.

    Raises `Untouched`.
    """
    file = step.file
    if file.size > EDIT_LIMIT:
        raise Untouched(f"{_shown(file.path)}: larger than {EDIT_LIMIT} bytes")
    with folder_of(file.path) as (folder, name), _opened(folder, name, file.path) as source:
        if former:
            _tidy(folder, file.path)
        found = _expect(source, file)
        attributes = former.attributes if former else attributes_of(source)
        folder_flags = former.folder_flags if former else inode_flags(folder)
        content = os.pread(source, file.size, 0)
        after = without_lines(content, step.lines, step.texts, step.remains)
        _keep(source, keep, kept, file.sha256, file.path)
        note(
            EditedFile(
                path=file.path, attributes=attributes, kept=kept, before_sha256=file.sha256,
                after_sha256=hashlib.sha256(after).hexdigest(), folder_flags=folder_flags,
            )
        )  # fmt: skip
        with _or_as_it_was(source, attributes, file.path):
            _unlock(source, found, file.path)
            with writable(folder, folder_flags):
                now = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if (now.st_dev, now.st_ino) != file.key:
                    raise Untouched(f"{_shown(file.path)}: swapped while it was edited")
                fresh = FileAttributes(
                    mode=attributes.mode, uid=attributes.uid, gid=attributes.gid, atime_ns=attributes.atime_ns,
                    mtime_ns=max(storable(attributes.mtime_ns + 1_000_000_000), time.time_ns()), flags=None,
                    xattrs=attributes.xattrs,
                )  # fmt: skip
                _replace(folder, name, _beside(file.path, 0), after, fresh)


def edited_already(undo: EditedFile) -> bool:
    """Whether a step that was cut short had come as far as putting the new content in place."""
    with folder_of(undo.path) as (folder, name):
        done = _same(folder, name, undo.path, undo.after_sha256)
        if done:
            _lock_again(folder, undo.folder_flags, undo.path)
        return done


def _kept_content(keep: int, kept: str, sha256: str, path: bytes) -> bytes:
    try:
        descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=keep)
    except OSError as error:
        raise Untouched(f"{_shown(path)}: what was kept of it: {error.strerror}") from None
    try:
        chunks, offset = [], 0
        while chunk := os.pread(descriptor, _CHUNK, offset):
            chunks.append(chunk)
            offset += len(chunk)
    finally:
        os.close(descriptor)
    content = b"".join(chunks)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Untouched(f"{_shown(path)}: what was kept of it has changed")
    return content


def restore_moved(undo: MovedFile, keep: int) -> None:
    """Put a file back from the quarantine, where nothing else has taken its name.  Raises `Untouched`."""
    content = _kept_content(keep, undo.kept, undo.sha256, undo.path)
    with folder_of(undo.path) as (folder, name), _put_back_in(folder, name, undo):
        if _same(folder, name, undo.path, undo.sha256):
            return
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            raise Untouched(f"{_shown(undo.path)}: something else is there now; the file stays in the quarantine")
        fresh = _beside(undo.path, 1)
        _replace(folder, fresh, fresh + b"~", content, undo.attributes)
        try:
            os.link(fresh, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.unlink(fresh, dir_fd=folder)


def restore_edited(undo: EditedFile, keep: int) -> None:
    """Put the original content back, where the file is still what the eviction left.  Raises `Untouched`."""
    content = _kept_content(keep, undo.kept, undo.before_sha256, undo.path)
    with folder_of(undo.path) as (folder, name), _put_back_in(folder, name, undo):
        if _same(folder, name, undo.path, undo.before_sha256):
            return
        if not _same(folder, name, undo.path, undo.after_sha256):
            raise Untouched(f"{_shown(undo.path)}: changed since the eviction; the original stays in the quarantine")
        _replace(folder, name, _beside(undo.path, 1), content, undo.attributes)


def _same(folder: int, name: bytes, path: bytes, sha256: str) -> bool:
    try:
        with _opened(folder, name, path) as descriptor:
            return _sha256(descriptor) == sha256
    except Untouched:
        return False


@contextmanager
def _put_back_in(folder: int, name: bytes, undo: MovedFile | EditedFile) -> Iterator[None]:
    """While a file is put back its folder may be written to; then it has its flags, and so has the file, last of all.

    Nothing is left of an earlier try that was cut short.
    """
    try:
        with writable(folder, undo.folder_flags):
            _tidy(folder, undo.path)
            yield
            with _opened(folder, name, undo.path) as descriptor:
                put_back_flags(descriptor, undo.attributes)
    except OSError as error:
        raise Untouched(f"{_shown(undo.path)}: {error.strerror}") from None
