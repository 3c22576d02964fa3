"""What ``davy scan --since WHEN`` compares with: an earlier look, the baseline, or a time."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from davy.cli.options import CannotError

if TYPE_CHECKING:
    from davy.journal import Journal
    from davy.model.memory import Changes, Memory
    from davy.model.snapshot import Snapshot

LAST: Final = "last"
BASELINE: Final = "baseline"
_DURATION: Final = re.compile(r"(\d{1,6}) ?(s|sec|min|m|h|d|w)", re.ASCII)
_SECONDS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def check_since(when: str, *, this_host: bool) -> None:
    """Refuse in one line, before anything is looked at, what is no time; or is in the memory of another host."""
    if when in (LAST, BASELINE):
        if not this_host:
            raise CannotError(f"--since {when} is of this host's own memory: give a time, such as 3d or 2026-01-31")
    else:
        _moment(when, 0.0)


def asked(journal: Journal | None, when: str, now: float) -> Memory | None:
    """What is remembered of that look or time; None where nothing is of so long ago.  Raises `CannotError`."""
    from davy.journal import seen

    if when == BASELINE:
        memory = seen.at_baseline(journal) if journal is not None else None
        if memory is None:
            raise CannotError("no baseline is recorded: davy baseline")
    elif when == LAST:
        memory = seen.last(journal) if journal is not None else None
        if memory is None:
            raise CannotError("no earlier scan is remembered: give a time, such as 3d, to go by the times of the files")
    else:
        memory = seen.at_time(journal, _moment(when, now)) if journal is not None else None
    return memory


def changes_since(snapshot: Snapshot, when: str, memory: Memory | None) -> Changes:
    """What has changed by the memory, or by the times of the files where there is none of so long ago."""
    from davy.journal.comparing import changes, changes_by_times
    from davy.scan import autostart_gaps

    if memory is not None:
        return changes(snapshot.autostarts, memory, autostart_gaps(snapshot))
    return changes_by_times(snapshot.autostarts, _moment(when, snapshot.taken))


def _moment(when: str, now: float) -> float:
    """A duration before ``now``, or a time, in this host's zone where it names none; in seconds since the epoch."""
    if found := _DURATION.fullmatch(when):
        return now - int(found[1]) * _SECONDS[found[2]]
    try:
        if not when.isprintable():
            raise ValueError(when)
        day = date.fromisoformat(when) if len(when) <= 10 else None
        return (datetime(day.year, day.month, day.day) if day else datetime.fromisoformat(when)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise CannotError(
            f"--since {when} is no time: give last, baseline, a duration such as 2h or 3d, or 2026-01-31T06:00:00Z"
        ) from None
