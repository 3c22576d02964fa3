"""What a burning process computes with: its memory, its code, its threads, and what it asks of the kernel."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from davy.model.facts import ProcessKey


class Backing(StrEnum):
    """What lies behind memory that is nobody's file."""

    ANONYMOUS = "anonymous"
    HUGE = "huge pages"
    """hugetlbfs: MAP_HUGETLB, memfd_create with MFD_HUGETLB, or a file of a mounted one."""
    SHARED = "shared"
    """A memfd, ``/dev/zero`` mapped shared, or System V shared memory."""


class Region(Struct, frozen=True):
    """Writable mappings of one size.  Neighbours of one kind are one mapping to the kernel."""

    bytes: int
    backing: Backing
    count: int = 1


class ThreadWork(Struct, frozen=True):
    """One thread over its whole life.  Source: proc_pid_status(5), sched-stats (schedstat)."""

    tid: int
    cpu_seconds: float
    sleeps: int
    """Voluntary context switches: how often it gave the CPU back by itself."""
    cpus: int
    """On how many CPUs it may run."""
    busy: bool
    """Whether it wanted a CPU at every look."""


class Workload(Struct, frozen=True, kw_only=True):
    """Measured facts of one process that burns CPU, read without stopping it.

    Source: proc_pid_maps(5), proc_pid_status(5), proc_pid_io(5), proc_pid_mem(5), proc_pid_fd(5).
    """

    pid: int
    start_ticks: int
    regions: tuple[Region, ...] = ()
    """Writable memory that is nobody's file, 256 KiB or more a mapping, the biggest first."""
    huge_bytes: int = 0
    """In use of hugetlbfs."""
    transparent_huge_bytes: int | None = None
    """In use of transparent huge pages; None where the process is too big to be asked."""
    code_bytes: int = 0
    """Executable memory that is nobody's file."""
    writable_code_bytes: int = 0
    """The part of it that is writable at the same time."""
    code_looks: int = 0
    """How often a part of that memory was read; 0 when it could not be."""
    code_changes: int = 0
    """How many of those looks found it other than the look before."""
    threads: tuple[ThreadWork, ...] = ()
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    """CPU time within the kernel over its whole life: the calls it makes, and the pages it touches first."""
    read_calls: int | None = None
    """read(2) and its like over its whole life, sockets included; None where that is kept back."""
    write_calls: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    window_calls: int | None = None
    """Of both, between the first look and the last."""
    open_files: tuple[str, ...] = ()
    """Regular files and devices that are open other than as output and error, some of them."""
    sockets: int = 0
    """How many descriptors of sockets it has, of every kind."""

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)

    @property
    def busy_threads(self) -> int:
        return sum(thread.busy for thread in self.threads)


class MsrWrite(Struct, frozen=True):
    """A line of the kernel's log: somebody wrote to a processor's own register.  Source: arch/x86/kernel/msr.c."""

    name: str
    """The writer's comm, as it was then."""
    pid: int
    register: int
    since_boot: float | None = None
    """Seconds after the start of the machine."""


class HugePageLine(Struct, frozen=True):
    """A line that has the kernel keep huge pages back.

    Source: sysctl.d(5), Documentation/admin-guide/mm/hugetlbpage.rst.
    """

    path: str
    line: int
    text: str
    pages: int
    owner_package: str | None = None


class Tuning(Struct, frozen=True, kw_only=True):
    """Settings of the machine that RandomX gains by.

    Source: Documentation/admin-guide/{mm/hugetlbpage,tainted-kernels}.rst, arch/x86/kernel/msr.c.
    """

    huge_pages: int | None = None
    """Huge pages of the usual size that the kernel keeps back now (``vm.nr_hugepages``)."""
    giant_pages: int | None = None
    """The same of 1 GiB each."""
    huge_page_lines: tuple[HugePageLine, ...] = ()
    msr_writes: tuple[MsrWrite, ...] = ()
    msr_writes_allowed: bool | None = None
    """Whether writes are allowed without a word in the log; None where the module is not loaded."""
    out_of_specification: bool | None = None
    """Taint bit 2: the kernel says that a processor is run out of its specification."""


class RoundingMode(StrEnum):
    """Where floating point rounds to.  Source: IEEE 754-2008 4.3; fegetround(3)."""

    NEAREST = "nearest"
    """What every thread begins with, and nearly every program stays with."""
    DOWN = "down"
    UP = "up"
    ZERO = "toward zero"


class ThreadRounding(Struct, frozen=True, kw_only=True):
    """How often one thread was found in each rounding mode."""

    tid: int
    nearest: int = 0
    down: int = 0
    up: int = 0
    zero: int = 0
    changes: int = 0
    """How many of the samples found another mode than the sample before."""

    @property
    def samples(self) -> int:
        return self.nearest + self.down + self.up + self.zero

    @property
    def directed(self) -> int:
        """How many of them found a mode that is not the usual one."""
        return self.down + self.up + self.zero


class Rounding(Struct, frozen=True, kw_only=True):
    """The rounding modes of the busiest threads of one process, some milliseconds apart.

    Source: Intel SDM volume 1, 10.2.3 (MXCSR); Arm ARM, FPCR; read as ptrace(2) tells (PTRACE_GETREGSET).  RandomX
    sets the mode by an instruction of its programs: RandomX specification, 5.4.1 (CFROUND).
    """

    pid: int
    start_ticks: int
    threads: tuple[ThreadRounding, ...] = ()

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)
