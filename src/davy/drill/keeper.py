"""Ends a drill at its deadline, whatever became of who started it: ``python -m davy.drill.keeper [--watch] RECORD``.

The keeper waits for the deadline, or for a signal to end.  It stays when the drill's actors are evicted earlier: an
undo may bring a live cron line back.  The watcher waits for the keeper, and does its work if it is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from davy.drill.clean import clean
from davy.drill.processes import alive, await_end
from davy.drill.record import load, locked

READY: Final = b"ready\n"
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_LOOK_SECONDS: Final = 30.0
"""How often the clock is looked at: it may be set, and the machine may sleep."""


def keep(path: Path) -> None:
    """Wait until the drill's time is over, then remove it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    record = load(path)
    _say_ready()
    with locked(path.parent):
        # The start has ended, one way or the other.
        record = load(path)
        if record is not None and not record.ready:
            clean(path.parent, record)
            return
    if record is None:
        return
    limit = time.monotonic() + (record.until - time.time())
    while (remaining := min(record.until - time.time(), limit - time.monotonic())) > 0:
        if signal.sigtimedwait(_SIGNALS, min(remaining, _LOOK_SECONDS)) or not path.exists():
            break
    _finish(path)


def watch(path: Path) -> None:
    """Wait until the keeper is gone, then remove what it left."""
    record = load(path)
    if record is not None and record.keeper is not None:
        try:
            keeper = os.pidfd_open(record.keeper.pid)
        except ProcessLookupError:
            keeper = None
        _say_ready()
        if keeper is not None and alive(record.keeper):
            await_end(keeper, None)
    _finish(path)


def _finish(path: Path) -> None:
    with locked(path.parent):
        record = load(path)
        if record is not None:
            clean(path.parent, record)


def _say_ready() -> None:
    """Tell the start that there is someone to clean up, and let go of it."""
    os.write(1, READY)
    os.dup2(2, 1)


def main(arguments: list[str]) -> None:
    *options, path = arguments
    # No folder of records: all was removed already.
    with suppress(FileNotFoundError):
        if options == ["--watch"]:
            watch(Path(path))
        else:
            keep(Path(path))


if __name__ == "__main__":
    main(sys.argv[1:])
