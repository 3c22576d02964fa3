"""How what a covered file of the kernel's shows differs from what the kernel says.  Pure.

Everything is looked at twice, and each time the kernel's own answer is taken just before and just after the one that
is doubted, so that no change in between is taken for a lie.

Source: proc_stat(5), proc_loadavg(5), proc_uptime(5), proc_modules(5), proc_meminfo(5).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_CORES_LEAST: Final = 0.25
"""Busy cores by which a claim must be off before it is called one: the two are not read at the very same time."""
_SECONDS_LEAST: Final = 0.3
_NAMED_MOST: Final = 5
_LINE_MOST: Final = 80


class Shown(NamedTuple):
    """One file as Davy's own procfs has it just before and just after, and as the ordinary one shows it in between."""

    time: float
    """When it was read, in seconds."""
    before: bytes
    ordinary: bytes
    after: bytes


def difference(name: str, first: Shown, second: Shown, ticks_per_second: int) -> str | None:
    """How a file of ``/proc`` differs from the kernel's, in words; None when it was not seen to, both times.

    ``name`` is relative to ``/proc``.
    """
    shown = (first, second)
    if any(not one.before.strip() and not one.after.strip() for one in shown):
        return None  # the kernel itself has nothing to say
    if not any(one.ordinary.strip() for one in shown):
        return "shows nothing"
    if name == "stat":
        return _idle(first, second, ticks_per_second) or _uncounted(shown)
    if name == "uptime":
        return _out_of_time(shown)
    if all(text.count(b"\n") <= 1 for one in shown for text in (one.before, one.after)):
        return _another_line(shown) or _still(first, second)
    return _left_out(shown) or _other_values(shown) or _still(first, second)


def _busy_ticks(stat: bytes) -> int | None:
    """Ticks that tasks, interrupts and steal took, of all CPUs."""
    fields = stat.partition(b"\n")[0].split()
    if len(fields) < 6 or fields[0] != b"cpu" or not all(field.isdigit() for field in fields[1:9]):
        return None
    numbers = [int(field) for field in fields[1:9]]
    return sum(numbers) - numbers[3] - numbers[4]


def _idle(first: Shown, second: Shown, ticks_per_second: int) -> str | None:
    seconds = second.time - first.time
    busy = [_busy_ticks(text) for text in (first.before, second.before, first.ordinary, second.ordinary)]
    if busy[2] is None or busy[3] is None:
        return "says nothing of the CPUs' time"
    if busy[0] is None or busy[1] is None or seconds < _SECONDS_LEAST:
        return None
    cores = (busy[1] - busy[0]) / ticks_per_second / seconds
    claimed = (busy[3] - busy[2]) / ticks_per_second / seconds
    if abs(cores - claimed) <= _CORES_LEAST:
        return None
    return f"claims {max(claimed, 0.0):.1f} busy cores while the kernel counts {cores:.1f}"


def _counts(stat: bytes) -> dict[bytes, int]:
    """What only grows: context switches, processes started."""
    rows = (line.split() for line in stat.splitlines())
    return {
        row[0]: int(row[1]) for row in rows if len(row) == 2 and row[0] in (b"ctxt", b"processes") and row[1].isdigit()
    }


def _uncounted(shown: Sequence[Shown]) -> str | None:
    for one in shown:
        before, ordinary, after = map(_counts, (one.before, one.ordinary, one.after))
        if before.keys() <= after.keys() and all(
            name in ordinary and before[name] <= ordinary[name] <= after[name] for name in before
        ):
            return None
    return "counts other context switches than the kernel"


def _seconds_up(uptime: bytes) -> float | None:
    try:
        return float(uptime.split()[0])
    except (IndexError, ValueError):
        return None


def _out_of_time(shown: Sequence[Shown]) -> str | None:
    words = None
    for one in shown:
        before, ordinary, after = map(_seconds_up, (one.before, one.ordinary, one.after))
        if before is None or after is None or (ordinary is not None and before <= ordinary <= after):
            return None
        claimed = "no time" if ordinary is None else f"{ordinary:.0f} s"
        words = f"claims {claimed} since the start of the machine, the kernel {after:.0f} s"
    return words


def _another_line(shown: Sequence[Shown]) -> str | None:
    if any(one.before != one.after or one.ordinary == one.before for one in shown):
        return None
    ordinary, kernels = (os.fsdecode(text[:_LINE_MOST].strip()) for text in (shown[1].ordinary, shown[1].after))
    return f"says {ordinary} where the kernel says {kernels}"


def _lines(text: bytes) -> dict[tuple[bytes, int], bytes]:
    """Lines by their first word, and the how manieth of that word each is."""
    found: dict[tuple[bytes, int], bytes] = {}
    counts: Counter[bytes] = Counter()
    for line in text.splitlines():
        words = line.split(None, 1)
        if words:
            found[words[0], counts[words[0]]] = line
            counts[words[0]] += 1
    return found


def _names(keys: Iterator[tuple[bytes, int]]) -> str:
    names = list(dict.fromkeys(os.fsdecode(key[0]).rstrip(":") for key in keys))
    more = f" and {len(names) - _NAMED_MOST} more" if len(names) > _NAMED_MOST else ""
    return ", ".join(names[:_NAMED_MOST]) + more


def _left_out(shown: Sequence[Shown]) -> str | None:
    missing: set[tuple[bytes, int]] | None = None
    for one in shown:
        now = (_lines(one.before).keys() & _lines(one.after).keys()) - _lines(one.ordinary).keys()
        missing = now if missing is None else missing & now
    return f"leaves out {_names(iter(sorted(missing)))}" if missing else None


def _other_values(shown: Sequence[Shown]) -> str | None:
    """Lines that the kernel did not change while they were read, and that are others all the same."""
    other: set[tuple[bytes, int]] | None = None
    for one in shown:
        before, ordinary, after = map(_lines, (one.before, one.ordinary, one.after))
        now = {key for key, line in ordinary.items() if before.get(key) == after.get(key) != line}
        other = now if other is None else other & now
    return f"says otherwise than the kernel of {_names(iter(sorted(other)))}" if other else None


def _still(first: Shown, second: Shown) -> str | None:
    moved = first.before == first.after != second.before == second.after
    return "does not move while the kernel's does" if moved and first.ordinary == second.ordinary else None
