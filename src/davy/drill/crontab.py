"""One line into a user's crontab and out again; every other byte stays as it was.  Source: cron(8), crontab(5)."""

from __future__ import annotations

import grp
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from pwd import struct_passwd
from typing import Final

from davy.drill.record import Line

# Debian and Ubuntu; openSUSE; Alpine; Red Hat and Arch, whose folder holds the subfolders of the first two.
_SPOOLS: Final = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/etc/crontabs", "/var/spool/cron")
_LIMIT: Final = 1 << 20


class Unwritable(Exception):
    """The crontab cannot be edited; the message says why."""


def spool() -> Path | None:
    """The folder of the users' crontabs; None when this machine has none."""
    return next((Path(folder) for folder in _SPOOLS if os.path.isdir(folder)), None)


def command_of(text: str) -> str:
    """The command of a crontab line, as cron hands it to ``/bin/sh -c``."""
    return text.split(None, 5)[5].replace("\\%", "%")


def add(account: struct_passwd, text: str, hidden_name: str, announce: Callable[[Line], None]) -> Line:
    """Append the line to the user's crontab; ``announce`` is told before it is done.  Raises `Unwritable`."""
    folder = spool()
    if folder is None:
        raise Unwritable("this machine has no folder of crontabs")
    path = folder / account.pw_name
    try:
        data, status = _read(path)
        separator = b"\n" if data and not data.endswith(b"\n") else b""
        line = Line(
            path=os.fspath(path),
            user=account.pw_name,
            text=text,
            created=status is None,
            newline_added=bool(separator),
            before_sha256=hashlib.sha256(data).hexdigest(),
        )
        owner = (status.st_uid, status.st_gid) if status else _owner(folder, account)
        mode = stat.S_IMODE(status.st_mode) if status else 0o600
        announce(line)
        _replace(path, data + separator + text.encode() + b"\n", owner, mode, hidden_name)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror}") from None
    return line


def remove(line: Line, hidden_name: str) -> str | None:
    """Take the line out wherever it now stands; says what was removed.  Raises `Unwritable`."""
    path = Path(line.path)
    try:
        data, status = _read(path)
        if status is None:
            return None
        wanted = line.text.encode()
        lines = data.split(b"\n")
        kept = b"\n".join(each for each in lines if each != wanted)
        if line.newline_added and hashlib.sha256(kept.removesuffix(b"\n")).hexdigest() == line.before_sha256:
            kept = kept.removesuffix(b"\n")
        if line.created and not kept:
            path.unlink()
            return f"removed {path}"
        if kept == data:
            return None
        _replace(path, kept, (status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode), hidden_name)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror}") from None
    return f"removed the drill's line from {path}"


def _owner(folder: Path, account: struct_passwd) -> tuple[int, int]:
    """Who a new crontab belongs to: the user, in Debian's folder its group; BusyBox's crond wants root."""
    if folder.resolve() == Path("/etc/crontabs"):
        return 0, 0
    if folder.name == "crontabs":
        try:
            return account.pw_uid, grp.getgrnam("crontab").gr_gid
        except KeyError:
            pass
    return account.pw_uid, account.pw_gid


def _read(path: Path) -> tuple[bytes, os.stat_result | None]:
    """The crontab's bytes and status; none when it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return b"", None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LIMIT:
            raise Unwritable(f"{path} is no ordinary crontab")
        return file.read(), status


def _replace(path: Path, data: bytes, owner: tuple[int, int], mode: int, hidden_name: str) -> None:
    """Put the whole new content in place at once, with this owner and mode."""
    new = path.with_name(hidden_name)
    new.unlink(missing_ok=True)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
