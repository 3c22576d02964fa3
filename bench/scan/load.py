"""The load under which a scan is measured: sleepers and burners, ended by their pids whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SLEEP_SECONDS: Final = 900
"""How long a sleeper lives when nobody is left to end it."""


@contextmanager
def running(command: list[str], count: int) -> Iterator[None]:
    """``count`` processes of one command, killed at the end."""
    pids: list[int] = []
    try:
        while len(pids) < count:
            pids.append(os.posix_spawn(command[0], command, os.environ))
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


def sleeper() -> list[str]:
    """The command of a process that does nothing."""
    program = shutil.which("sleep")
    if program is None:
        raise SystemExit("bench.scan: there is no sleep on the search path")
    return [program, str(_SLEEP_SECONDS)]
