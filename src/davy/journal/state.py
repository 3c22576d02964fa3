"""The state folder: the journal, the quarantine and the evidence of evictions, readable by its owner alone."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SYSTEM = "/var/lib/davy"


class StateError(Exception):
    """The state folder cannot be used; the message says why in one line."""


class Busy(StateError):
    """Another eviction holds the lock."""


def default_folder() -> str:
    """``/var/lib/davy`` for root; for anyone else a folder of their own (XDG Base Directory: state)."""
    if os.geteuid() == 0:
        return SYSTEM
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "davy")


class State:
    """An open state folder."""

    def __init__(self, folder: str) -> None:
        """Make ``folder`` if need be and open it.  Raises `StateError` unless it is ours, and ours alone."""
        self.folder = os.path.abspath(folder)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            self.fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            found = os.fstat(self.fd)
            if found.st_uid != os.geteuid():
                raise StateError(f"state folder {self.folder}: belongs to another user")
            if stat.S_IMODE(found.st_mode) & 0o022:
                raise StateError(f"state folder {self.folder}: others may write to it")
            for name in ("quarantine", "evidence"):
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=self.fd)
            self.quarantine = self._folder("quarantine")
            probe = os.open(".writable", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
            os.close(probe)
            with suppress(FileNotFoundError):  # another Davy has tried the same at the same time
                os.unlink(".writable", dir_fd=self.fd)
        except OSError as error:
            raise StateError(f"state folder {self.folder}: {error.strerror}") from None

    def _folder(self, name: str) -> int:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)

    @property
    def journal(self) -> str:
        return os.path.join(self.folder, "journal.db")

    def evidence(self, eviction: int) -> int:
        """A descriptor of the folder that keeps the evidence of one eviction."""
        evidence = self._folder("evidence")
        try:
            with suppress(FileExistsError):
                os.mkdir(str(eviction), 0o700, dir_fd=evidence)
            return os.open(str(eviction), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=evidence)
        finally:
            os.close(evidence)

    def keys(self) -> frozenset[tuple[int, int]]:
        """Device and inode of every file in it, so that Davy passes its own state by."""
        found = set()
        for folder, _, files in os.walk(self.folder):
            for name in files:
                with suppress(OSError):
                    result = os.lstat(os.path.join(folder, name))
                    found.add((result.st_dev, result.st_ino))
        return frozenset(found)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One eviction at a time; held until the process ends, however it ends.  Raises `Busy`."""
        descriptor = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Busy("another eviction or undo is running") from None
            raise StateError(f"state folder {self.folder}: {error.strerror}") from None
        try:
            yield
        finally:
            os.close(descriptor)
