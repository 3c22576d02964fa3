"""What a drill is about to make, written down before it is made, so that whoever comes after can remove all of it.

One JSON file per drill, in a folder that only the caller can write: ``/run/davy-drill``, for an ordinary user
``$XDG_RUNTIME_DIR/davy-drill`` or ``davy-drill-UID`` in the temporary folder.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

LOCK_SECONDS: Final = 15.0
"""How long a start or a stop waits for another one."""


class DrillError(Exception):
    """A drill could not be started, or not be ended completely; the message is one line for a person."""


class Identity(Struct, frozen=True):
    """A process: its pid and its start time in clock ticks since boot, which no later bearer of the pid shares."""

    pid: int
    start_ticks: int


class ProgramFile(Struct, frozen=True, kw_only=True):
    """A program put down by the drill."""

    path: str
    sha256: str
    size: int
    device: int
    inode: int


class Line(Struct, frozen=True, kw_only=True):
    """A line added to a crontab."""

    path: str
    user: str
    text: str
    created: bool
    """There was no crontab before."""
    newline_added: bool
    """The crontab did not end with a newline, and was given one."""
    before_sha256: str
    """Of the crontab without the line."""


class Record(Struct, kw_only=True):
    """Everything one drill makes."""

    token: str
    """Names the record, and the hidden files that exist only while something is put in place."""
    name: str
    boot_id: str
    until: int
    """Seconds since the epoch; nothing of the drill outlives it."""
    ready: bool = False
    """The start went through to its end."""
    keeper: Identity | None = None
    watcher: Identity | None = None
    folders: list[str] = []
    """Where hidden files of this drill may be."""
    files: list[ProgramFile] = []
    lines: list[Line] = []
    processes: list[Identity] = []

    @property
    def hidden_name(self) -> str:
        """Of a file while it is being made; cron passes over names that begin with a dot."""
        return f".davy-drill-{self.token}"


def new_token() -> str:
    return secrets.token_hex(8)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def records_folder() -> Path:
    """The caller's folder of records, made if need be.  Raises `DrillError` when somebody else could write there."""
    user = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if user == 0:
        folder = Path("/run/davy-drill")
    elif runtime and os.path.isabs(runtime) and os.access(runtime, os.W_OK):
        folder = Path(runtime, "davy-drill")
    else:
        folder = Path(tempfile.gettempdir(), f"davy-drill-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise DrillError(f"no place to keep the drill's record: {folder}: {error.strerror}") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != user or status.st_mode & 0o077:
        raise DrillError(f"{folder} is not a private folder of this user: the drill's record is not safe there")
    return folder


@contextmanager
def locked(folder: Path, seconds: float | None = None) -> Iterator[None]:
    """Hold the one lock of all drills of this user; the folder goes with it when no record is left.

    Raises `DrillError` when not had within ``seconds``, FileNotFoundError when there is no folder (any more).
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        limit = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if limit is None else fcntl.LOCK_NB))
                break
            except BlockingIOError:
                if limit is not None and time.monotonic() > limit:
                    raise DrillError("another drill is being started or stopped: try again") from None
                time.sleep(0.01)
        if not os.path.samestat(os.fstat(descriptor), folder.lstat()):
            raise FileNotFoundError(f"{folder} was removed meanwhile")
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()
        os.close(descriptor)


def path_of(folder: Path, record: Record) -> Path:
    return folder / f"{record.token}.json"


def save(folder: Path, record: Record) -> None:
    """Write the record, whole or not at all."""
    path = path_of(folder, record)
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(msgspec.json.encode(record))
    new.replace(path)


def load(path: Path) -> Record | None:
    """The record; None when it is gone, which means that all of its drill was removed.

    Raises `DrillError` for one that somebody else owns or could write: what it lists would be removed.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DrillError(f"{path}: {error.strerror}") from None
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise DrillError(f"{path} is not a record of this user's drills")
    try:
        return msgspec.json.decode(data, type=Record)
    except msgspec.MsgspecError as error:
        raise DrillError(f"{path} is not the record of a drill: {error}") from None


def records(folder: Path) -> list[Record]:
    """Of all drills that run, or that were left behind."""
    found = (load(path) for path in sorted(folder.glob("*.json")))
    return [record for record in found if record is not None]
