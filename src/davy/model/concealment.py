"""Facts about what hides: the ways of seeing processes and modules, and what may deceive those who look.

Times, text and paths are as in `davy.model.facts`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from davy.model.facts import Executable, ProcessKey


class View(StrEnum):
    """One way of seeing a process: a column of the table."""

    LISTING = "listing"
    """The ordinary ``/proc`` as the C library lists it: what ps and top see."""
    GETDENTS = "getdents64"
    """The same folder by the raw system call, below anything preloaded."""
    LOOK_UP = "look-up"
    """``/proc/PID`` of the ordinary ``/proc`` asked for by its name."""
    OWN_LISTING = "own procfs"
    """Davy's own procfs, listed: nothing can be mounted over it."""
    OWN_LOOK_UP = "own look-up"
    PIDFD = "pidfd_open"
    SIGNAL = "kill"
    """kill(2) with signal 0."""
    GROUP = "getpgid"
    SCHEDULER = "sched_getscheduler"
    CGROUP = "cgroup"
    """``cgroup.procs`` of every control group."""
    CHILDREN = "children"
    """The children that its parent's threads list."""
    SAMPLED = "on a CPU"
    """perf's CPU clock found it running."""
    TASKS = "task iterator"
    """The kernel's own task list, walked by a BPF program."""


LISTINGS: Final = frozenset({View.LISTING, View.GETDENTS, View.LOOK_UP, View.OWN_LISTING, View.OWN_LOOK_UP})
"""Views that something which hides can leave a process out of; every other view is the kernel's own."""


class ProcessRow(Struct, frozen=True, kw_only=True):
    """One process, and which views show it.  Views that were not asked are not in the table's columns."""

    pid: int
    start_ticks: int
    """0 where no view of it says when it started."""
    name: str
    seen: frozenset[View]
    missing: frozenset[View]
    """Views that left it out, in two sweeps, while it was alive."""
    covered: bool = False
    """Something is mounted over its folder in the ordinary ``/proc``."""

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)

    @property
    def subject(self) -> str:
        return self.key.subject

    @property
    def hidden(self) -> bool:
        """Alive in two of the kernel's own views, and left out of a listing or covered."""
        return len(self.seen - LISTINGS) >= 2 and (self.covered or bool(self.missing & LISTINGS))


class ProcessTable(Struct, frozen=True, kw_only=True):
    """Every process and every view that was asked.  Source: the idea is Volatility's modxview."""

    columns: tuple[View, ...]
    rows: tuple[ProcessRow, ...]
    uncounted: int = 0
    """Threads that the kernel counts and that no process which was seen has: the least of several looks."""
    unconfirmed: int = 0
    """Processes that some view left out, and that were too many to be held while everything was listed anew."""

    @property
    def hidden(self) -> tuple[ProcessRow, ...]:
        return tuple(row for row in self.rows if row.hidden)


class ModuleView(StrEnum):
    """One way of seeing a kernel module."""

    LISTING = "lsmod"
    """The ordinary ``/proc/modules``: what lsmod prints."""
    OWN_LISTING = "own procfs"
    """``/proc/modules`` of Davy's own procfs."""
    SYSFS = "/sys/module"
    SYMBOLS = "kallsyms"
    TRACED = "tracefs"
    """``available_filter_functions``: functions of the module that ftrace knows."""
    LOG = "kernel log"
    """It was loaded since boot, says the kernel's log; it may have been unloaded since."""


TAINTS: Final = {0: "P", 1: "F", 10: "C", 12: "O", 13: "E", 15: "K"}
"""Bits of the kernel's taint that a module sets, and their letters.  Source: tainted-kernels.rst."""


class ModuleRow(Struct, frozen=True, kw_only=True):
    """One kernel module, and which views show it."""

    name: str
    seen: frozenset[ModuleView]
    missing: frozenset[ModuleView]
    taint: str = ""
    """The letters of its own taint: O out of tree, E unsigned, F forced.  Source: tainted-kernels.rst."""
    file: str | None = None
    """Where its file lies; only looked for where the module is hidden, foreign, or has a file of note."""

    @property
    def subject(self) -> str:
        return f"module:{self.name}"

    @property
    def foreign(self) -> bool:
        """Not of the kernel's tree, unsigned or forced, as the kernel itself says."""
        return not {"O", "E", "F"}.isdisjoint(self.taint)

    @property
    def hidden(self) -> bool:
        """Loaded by another view, and not in what lsmod prints."""
        return ModuleView.LISTING in self.missing and bool(self.seen - {ModuleView.LOG})


class ModuleTable(Struct, frozen=True, kw_only=True):
    """Every module and every view that was asked; without columns where the kernel has no loadable modules."""

    columns: tuple[ModuleView, ...]
    rows: tuple[ModuleRow, ...] = ()
    taint: int = 0
    """``/proc/sys/kernel/tainted``, a mask."""
    stray_bytes: int = 0
    """What the kernel's module loader has allocated beyond the modules of the kernel's own list."""
    hooks: tuple[str, ...] = ()
    """Functions of the kernel whose execution is led elsewhere by ftrace."""

    @property
    def hidden(self) -> tuple[ModuleRow, ...]:
        return tuple(row for row in self.rows if row.hidden)

    @property
    def loaded(self) -> tuple[ModuleRow, ...]:
        """Those that are in the kernel now: what only its log names may have been unloaded."""
        return tuple(row for row in self.rows if row.seen - {ModuleView.LOG})

    @property
    def unexplained(self) -> str:
        """Letters of the kernel's taint that a module set, and no module that is seen bears."""
        borne = {letter for row in self.rows for letter in row.taint}
        return "".join(letter for bit, letter in TAINTS.items() if self.taint >> bit & 1 and letter not in borne)


class ModuleFile(Struct, frozen=True, kw_only=True):
    """A kernel module's file in a place of note, or one that something loads when the machine starts."""

    path: str
    name: str
    """The module's name: dashes are underscores."""
    executable: Executable
    signed: bool | None
    """Whether a signature is appended to it, nobody has checked whose; None where it is packed and cannot be opened."""
    listed: bool = True
    """Whether a listing of its folder shows it."""
    loaded_by: tuple[str, ...] = ()
    """Subjects of the autostarts that load it."""
    known: str | None = None
    """Why its name and place are known, in words; None when they are not."""

    @property
    def of_root(self) -> bool:
        """Whether only root can have written it: what anybody else writes says nothing of what the kernel loaded."""
        return written_by_root(self.executable)

    @property
    def subject(self) -> str:
        return f"file:{self.path}"


def written_by_root(file: Executable) -> bool:
    """Whether a file is root's, and nobody else may write to it."""
    return file.uid == 0 and not file.mode & 0o022


class CoverKind(StrEnum):
    PROCESS = "a process"
    KERNEL_FILE = "a file of the kernel's"
    PROGRAM = "a program"


class Cover(Struct, frozen=True, kw_only=True):
    """Something mounted over what others read: ``/proc/PID``, ``/proc/stat``, a program.

    Source: proc_pid_mountinfo(5).
    """

    kind: CoverKind
    point: str
    mount_id: int
    parent_id: int
    filesystem: str
    source: str
    root: str
    """The path within the file system that is mounted."""
    device: tuple[int, int]
    pid: int | None = None
    """The process whose folder is covered."""
    hides: str | None = None
    """The subject of that process, when it is alive."""
    forged: str | None = None
    """How what it shows differs from what the kernel, or the package, says, in words; None when it was not seen to."""
    origin: str | None = None
    """The regular file that is mounted there, by its own path, where this mount namespace has one."""
    elsewhere: bool = False
    """It is in the first process's mount namespace, which is not Davy's."""

    @property
    def subject(self) -> str:
        return f"mount:{self.point}"


class PreloadKind(StrEnum):
    FILE = "ld.so.preload"
    ENVIRONMENT = "environment"
    """``LD_PRELOAD`` or ``LD_AUDIT`` of a process."""
    LOADER = "loader"
    """The dynamic loader itself was changed, or reads another preload file."""
    MAPPED = "mapped everywhere"
    """A library that no package owns, mapped in programs that have nothing else in common."""


class Preload(Struct, frozen=True, kw_only=True):
    """A library that is loaded into programs which never asked for it.  Source: ld.so(8)."""

    kind: PreloadKind
    path: str
    """The library, or the loader."""
    source: str
    """The file or the variable that names it."""
    line: int | None = None
    text: str = ""
    """The line as it stands, without its end."""
    entry: str = ""
    """The library as the line or variable names it: ``$LIB`` and the like not replaced."""
    library: Executable | None = None
    """None when there is no such file, or it could not be read."""
    pids: tuple[int, ...] = ()
    """Processes whose environment names it, or that map it; a sample."""
    names: tuple[str, ...] = ()
    """Subjects of processes whose name or program its bytes contain."""
    hides: tuple[str, ...] = ()
    """Subjects of processes that a program which had it loaded did not see."""
    forges: tuple[str, ...] = ()
    """Files of the kernel's that read otherwise in a program which had it loaded."""

    @property
    def subject(self) -> str:
        return f"library:{self.path}"


class HiddenName(Struct, frozen=True, kw_only=True):
    """A name that answers when it is asked for, and that no listing of its folder shows."""

    path: str
    listed_by: str
    """Which listing left it out: ``the kernel's`` or ``the C library's``."""
    named_by: str
    """What led to it: a known path, a command, a process."""

    @property
    def subject(self) -> str:
        return f"file:{self.path}"


class Interval(Struct, frozen=True, kw_only=True):
    """CPU time within one part of the window, in cores (seconds of CPU per second)."""

    seconds: float
    busy: float
    """What tasks took, by the kernel's own account of its CPUs; interrupts and steal are not in it."""
    owned: float
    """What visible processes, kernel threads and processes that ended took."""
    unsure: float
    """What may be owned by processes whose end was not seen to its last thread."""

    @property
    def unowned(self) -> float:
        return max(self.busy - self.owned - self.unsure, 0.0)


class GroupShare(Struct, frozen=True):
    """CPU time of one control group that no visible process of it owns, in cores."""

    cgroup: str
    unowned: float


class Accounting(Struct, frozen=True, kw_only=True):
    """CPU time that passed, against CPU time that somebody owns.

    Source: proc_stat(5), Documentation/scheduler/sched-stats.rst, Documentation/accounting/taskstats.rst, cgroups(7).
    """

    cpus: int
    intervals: tuple[Interval, ...]
    groups: tuple[GroupShare, ...] = ()
    claimed_busy: float | None = None
    """Busy cores as the ordinary ``/proc/stat`` claims, which top reads; None when it could not be read."""
    counted_busy: float | None = None
    """Busy cores by the same numbers of a procfs that nothing can be mounted over; None where Davy has none.

    `busy` is measured by the clock, and these at ticks: a program that sleeps at every tick is not in them.
    """
    sampled_busy: float | None = None
    """Busy cores as perf's samples found them."""
    yardstick: float | None = None
    """The share of the time in which Davy itself wanted a CPU that it waited for one: 0 while a CPU is free."""

    @property
    def busy(self) -> float:
        """Cores that tasks took, over the whole window."""
        seconds = sum(one.seconds for one in self.intervals)
        return sum(one.busy * one.seconds for one in self.intervals) / seconds if seconds > 0 else 0.0

    @property
    def unowned(self) -> float:
        """Cores busy in every interval and owned by no visible process."""
        return min((one.unowned for one in self.intervals), default=0.0)
