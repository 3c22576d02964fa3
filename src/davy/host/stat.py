"""The kernel's lines about one process, parsed.

Source: proc_pid_stat(5), proc_pid_status(5), cgroups(7), Documentation/scheduler/sched-stats.rst.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final, NamedTuple

from davy.host.errors import Gone
from davy.model.cgroup_names import group_name
from davy.model.facts import Exe

_DELETED: Final = " (deleted)"


class Stat(NamedTuple):
    """The fields of ``/proc/PID/stat`` that Davy uses, times in clock ticks."""

    name: str
    state: str
    ppid: int
    pgrp: int
    session: int
    tty: int
    flags: int
    cpu_ticks: int
    children_ticks: int
    nice: int
    threads: int
    start_ticks: int
    rss_pages: int


def parse_stat(data: bytes) -> Stat:
    """``/proc/PID/stat``; the name may hold spaces and parentheses, so fields start after the last ``)``.

    Raises `Gone` for a line the kernel did not write, or not whole: something may be mounted over it.
    """
    opening, closing = data.find(b"("), data.rfind(b")")
    fields = data[closing + 2 :].split()
    if opening < 0 or closing < opening or len(fields) < 22:
        raise Gone("stat: cut short")
    try:
        return Stat(
            name=os.fsdecode(data[opening + 1 : closing]),
            state=chr(fields[0][0]),
            ppid=int(fields[1]),
            pgrp=int(fields[2]),
            session=int(fields[3]),
            tty=int(fields[4]),
            flags=int(fields[6]),
            cpu_ticks=int(fields[11]) + int(fields[12]),
            children_ticks=int(fields[13]) + int(fields[14]),
            nice=int(fields[16]),
            threads=int(fields[17]),
            start_ticks=int(fields[19]),
            rss_pages=int(fields[21]),
        )
    except ValueError:
        raise Gone("stat: not as the kernel writes it") from None


def ended(stat: Stat) -> bool:
    """Whether nothing of a process runs any more; one whose first thread has ended may go on in the others."""
    return stat.state in "ZX" and stat.threads <= 1


def parse_uid(status: bytes) -> int | None:
    """The effective user id in ``/proc/PID/status``."""
    start = status.find(b"\nUid:\t")
    if start < 0:
        return None
    return int(status[start + 6 : status.find(b"\n", start + 6)].split()[1])


def parse_inner_pid(status: bytes) -> int | None:
    """The last pid in ``NSpid`` of ``/proc/PID/status``, the innermost namespace's; None where there is only one."""
    start = status.find(b"\nNSpid:\t")
    pids = status[start + 8 : status.find(b"\n", start + 8)].split() if start >= 0 else []
    return int(pids[-1]) if len(pids) > 1 else None


@lru_cache(maxsize=256)
def parse_cgroup(data: bytes) -> str | None:
    """The control group: that of the unified hierarchy, or systemd's named one where that says nothing.

    Where neither does (version 1 without systemd), that of a controller, if it names a container.
    Many processes share theirs, so a text that was just read is not parsed again.
    """
    unified = named = None
    others: list[str] = []
    for line in data.splitlines():
        _, _, rest = line.partition(b":")
        controllers, _, path = rest.partition(b":")
        if controllers == b"":
            unified = os.fsdecode(path)
        elif controllers == b"name=systemd":
            named = os.fsdecode(path)
        else:
            others.append(os.fsdecode(path))
    found = unified if unified not in (None, "/") or named is None else named
    if found in (None, "/"):
        return next((other for other in others if group_name(other)), found)
    return found


def parse_unified(data: bytes) -> str | None:
    """The control group in the unified hierarchy alone."""
    for line in data.splitlines():
        if line.startswith(b"0::"):
            return os.fsdecode(line[3:])
    return None


def parse_exe(target: str) -> Exe:
    """Where ``/proc/PID/exe`` points, with the kernel's mark of a deleted file taken off."""
    deleted = target.endswith(_DELETED)
    path = target.removesuffix(_DELETED) if deleted else target
    return Exe(path, deleted, memory_only=path.startswith("/memfd:"))


def parse_schedstat(data: bytes) -> tuple[float, float]:
    """CPU time and run delay of one thread, in seconds."""
    fields = data.split()
    return int(fields[0]) / 1e9, int(fields[1]) / 1e9


def parse_sleeps(status: bytes) -> tuple[bool, int]:
    """Whether a thread wants a CPU, and how often it gave one back by itself.  Raises ValueError."""
    state = status.find(b"\nState:\t")
    switches = status.index(b"\nvoluntary_ctxt_switches:\t")
    end = status.find(b"\n", switches + 1)
    return status[state + 8 : state + 9] == b"R", int(status[switches + 26 : end if end >= 0 else None])
