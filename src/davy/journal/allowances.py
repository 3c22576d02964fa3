"""What the owner has decided, kept in the state folder: ``allowances.json``.

It outlives upgrades with the folder, and counts only while whoever runs Davy (root, as a rule) owns folder and file
and nobody else may write to either: else an intruder could allow himself.  It is written beside and renamed, so it is
always whole.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec
from msgspec import Struct

from davy.journal.state import State, StateError
from davy.model.allowance import Allowance
from davy.model.facts import Gap
from davy.model.text import encodable

NAME: Final = "allowances.json"
_BYTES: Final = 4 << 20
_MOST: Final = 1024
"""More decisions than this are not kept: each is looked at in every scan."""


class _Kept(Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    last: int
    """The highest id ever given: none is given twice."""
    allowances: tuple[Allowance, ...]


def decided(folder: str) -> tuple[Allowance | Gap, ...]:
    """What was allowed, from a state folder that need not be there; a `Gap` where it does not count, and why."""
    try:
        return _read(os.path.abspath(folder)).allowances
    except FileNotFoundError:
        return ()
    except StateError as error:
        return (Gap("allowances", os.path.join(folder, NAME), f"{error}: nothing is allowed by it"),)
    except OSError as error:
        if error.errno == errno.EACCES:
            return (Gap("allowances", os.path.join(folder, NAME), "belongs to another user"),)
        return (Gap("allowances", os.path.join(folder, NAME), error.strerror or "cannot be read"),)


@contextmanager
def held(state: State) -> Iterator[State]:
    """Nobody else decides meanwhile; waits for whoever does."""
    held_open = os.open(f"{NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=state.fd)
    try:
        fcntl.flock(held_open, fcntl.LOCK_EX)
        yield state
    finally:
        os.close(held_open)


def allow(state: State, wanted: Allowance) -> Allowance:
    """Keep a decision under a new id; one for the same program, unit and user takes the other's place."""
    kept = _of(state)
    fresh = msgspec.structs.replace(wanted, id=kept.last + 1)
    rest = tuple(
        one for one in kept.allowances if (one.sha256, one.unit, one.user) != (fresh.sha256, fresh.unit, fresh.user)
    )
    if len(rest) >= _MOST:
        raise StateError(f"{_MOST} programs are allowed already: davy allow --forget one")
    _write(state, _Kept(1, fresh.id, (*rest, fresh)))
    return fresh


def forget(state: State, number: int) -> Allowance | None:
    """Take a decision back; None when there is none of that id."""
    kept = _of(state)
    found = next((one for one in kept.allowances if one.id == number), None)
    if found is not None:
        _write(state, _Kept(1, kept.last, tuple(one for one in kept.allowances if one is not found)))
    return found


def _of(state: State) -> _Kept:
    try:
        return _read(state.folder)
    except FileNotFoundError:
        return _Kept(1, 0, ())
    except OSError as error:
        raise StateError(f"{os.path.join(state.folder, NAME)}: {error.strerror}") from None


def _read(folder: str) -> _Kept:
    """Raises `StateError` for what does not count, and OSError."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(os.fstat(held), folder)
        try:
            file = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=held)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise StateError(f"{NAME} is a link") from None
            raise
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _BYTES:
                raise StateError(f"{NAME} is no file that Davy wrote")
            _check(found, NAME)
            content = os.read(file, _BYTES + 1)
        finally:
            os.close(file)
    finally:
        os.close(held)
    try:
        return msgspec.json.decode(content, type=_Kept)
    except msgspec.DecodeError as error:
        raise StateError(f"{NAME} cannot be understood: {error}") from None


def _check(found: os.stat_result, name: str) -> None:
    if found.st_uid != os.geteuid():
        raise StateError(f"{name} belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StateError(f"others may write to {name}")


def _write(state: State, kept: _Kept) -> None:
    """Write beside, sync, rename: whoever reads meanwhile has the old decisions or the new ones."""
    content = msgspec.json.format(msgspec.json.encode(encodable(kept)), indent=1)
    beside = f".{NAME}.{os.getpid()}"
    try:
        with suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=state.fd)
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(beside, how, 0o600, dir_fd=state.fd)
        try:
            with os.fdopen(file, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            os.rename(beside, NAME, src_dir_fd=state.fd, dst_dir_fd=state.fd)
            os.fsync(state.fd)
        except OSError:
            with suppress(OSError):
                os.unlink(beside, dir_fd=state.fd)
            raise
    except OSError as error:
        raise StateError(f"{os.path.join(state.folder, NAME)}: {error.strerror}") from None
