"""Where a rehearsal is set up: programs put down, cron lines added, processes started, each recorded first."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from pwd import getpwnam, getpwuid, struct_passwd
from typing import Final

from davy.drill import crontab, processes
from davy.drill.processes import Launch, launch
from davy.drill.record import DrillError, Line, ProgramFile, Record, save

NICE: Final = 10
APPEAR_SECONDS: Final = 3.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHELLS: Final = ("/bin/sh", "/bin/dash", "/bin/bash", "/usr/bin/dash", "/usr/bin/bash", "/bin/ksh", "/bin/mksh")


class Stage:
    """The half-made drill: what has been made so far is in its record, before it is made."""

    def __init__(self, folder: Path, record: Record, cores: int) -> None:
        self.folder = folder
        self.record = record
        self.cores = cores
        self.cpu_seconds = max(1, math.ceil(record.until - time.time())) + 1
        self.skipped: list[str] = []

    @property
    def caller(self) -> struct_passwd:
        try:
            return getpwuid(os.geteuid())
        except KeyError:
            user = os.geteuid()
            return struct_passwd((str(user), "x", user, os.getegid(), "", "/", "/bin/sh"))

    def unprivileged(self) -> struct_passwd:
        """Who a broken-in service would run as: nobody if we are root, else only the caller can be had."""
        if os.geteuid() != 0:
            return self.caller
        try:
            return getpwnam("nobody")
        except KeyError:
            self.skipped.append("run as an unprivileged user: there is no user nobody")
            return self.caller

    def program(self, path: str, account: struct_passwd) -> None:
        """Put a copy of a shell at ``path``, never over anything that is there.  Raises `DrillError`."""
        data = _shell_image()
        hidden = Path(path).with_name(self.record.hidden_name)
        self._announce_folder(hidden.parent)
        try:
            with open(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700), "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), 0o755)
                if account.pw_uid != os.geteuid():
                    os.fchown(file.fileno(), account.pw_uid, account.pw_gid)
                status = os.fstat(file.fileno())
            self.record.files.append(
                ProgramFile(
                    path=path,
                    sha256=hashlib.sha256(data).hexdigest(),
                    size=len(data),
                    device=status.st_dev,
                    inode=status.st_ino,
                )
            )
            save(self.folder, self.record)
            os.link(hidden, path, follow_symlinks=False)
        except FileExistsError:
            raise already_there(path) from None
        except OSError as error:
            raise DrillError(f"cannot make {path}: {error.strerror}") from None
        finally:
            hidden.unlink(missing_ok=True)

    def cron_line(self, account: struct_passwd, text: str) -> None:
        """Add the line to the user's crontab, or note why it was skipped."""
        if os.geteuid() != 0:
            self.skipped.append(f"a line in {account.pw_name}'s crontab: only root can write there")
            return
        try:
            crontab.add(account, text, self.record.hidden_name, self._announce_line)
        except crontab.Unwritable as error:
            self.skipped.append(f"a line in {account.pw_name}'s crontab: {error}")

    def as_cron_would(self, account: struct_passwd, text: str) -> None:
        """Run the command of a crontab line at once, so that the drill needs no running cron."""
        self._launch(("/bin/sh", "-c", crontab.command_of(text)), "/bin/sh", account)

    def under_name(self, path: str, arguments: Sequence[str], program_text: str) -> None:
        """Run the program at ``path`` under foreign arguments; the shell reads what to do from standard input."""
        text = f"exec </dev/null; {program_text}\n"
        self._launch(arguments, path, self.caller, text.encode(), NICE)

    def appear(self, expected: dict[str, int]) -> None:
        """Wait until so many processes run each program.  Raises `DrillError` when they do not."""
        limit = time.monotonic() + APPEAR_SECONDS
        while True:
            found = processes.running(self.record.files)
            counts = {path: sum(each == path for each in found.values()) for path in expected}
            if all(counts[path] >= number for path, number in expected.items()):
                break
            if time.monotonic() > limit:
                missing = ", ".join(path for path, number in expected.items() if counts[path] < number)
                raise DrillError(f"{missing} did not start: is its folder mounted noexec?")
            time.sleep(0.02)
        self.record.processes = list(found)
        save(self.folder, self.record)

    def _launch(
        self,
        arguments: Sequence[str],
        program: str,
        account: struct_passwd,
        stdin: bytes = b"",
        nice: int | None = None,
    ) -> None:
        started = launch(
            Launch(
                program=program,
                arguments=arguments,
                environment={"PATH": _PATH, "HOME": account.pw_dir, "LOGNAME": account.pw_name, "SHELL": "/bin/sh"},
                account=account if account.pw_uid != os.geteuid() else None,
                nice=nice,
                cpu_seconds=self.cpu_seconds,
                stdin=stdin,
            )
        )
        self.record.processes.append(started)
        save(self.folder, self.record)

    def _announce_line(self, line: Line) -> None:
        self.record.lines.append(line)
        self._announce_folder(Path(line.path).parent)

    def _announce_folder(self, folder: Path) -> None:
        if os.fspath(folder) not in self.record.folders:
            self.record.folders.append(os.fspath(folder))
        save(self.folder, self.record)


def already_there(path: str) -> DrillError:
    return DrillError(f"{path} is already there and is not a drill's: it was left alone, and nothing was started")


def _shell_image() -> bytes:
    """A shell of this machine that also works under another name.  Raises `DrillError` when there is none.

    BusyBox does not: it decides by its name what it is.
    """
    tried = set()
    for name in _SHELLS:
        shell = os.path.realpath(name)
        if shell in tried or not os.access(shell, os.X_OK):
            continue
        tried.add(shell)
        try:
            trial = subprocess.run(
                ["/tmp/another-name", "-c", "exit 7"],
                executable=shell,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=5,
                check=False,
            )
            if trial.returncode == 7:
                return Path(shell).read_bytes()
        except (OSError, subprocess.TimeoutExpired):
            continue
    raise DrillError("no shell of this machine works under another name (BusyBox does not): install dash or bash")
