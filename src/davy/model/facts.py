"""Facts: what was read off a host, true whatever anyone thinks of it.

Text from the host (names, command lines, paths) is decoded once with ``surrogateescape``, so that
``os.fsencode`` gives back the very bytes; it is escaped where it is shown (`davy.present.text`).
Times are seconds since the epoch (float) unless the name says otherwise.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct

PF_KTHREAD: Final = 0x00200000
"""The flag of a kernel thread in ``/proc/PID/stat`` field 9 (include/linux/sched.h)."""


class ProcessKey(NamedTuple):
    """A process's identity: a pid alone is reused, a pid with its start time (clock ticks since boot) is not."""

    pid: int
    start_ticks: int

    @property
    def subject(self) -> str:
        return f"process:{self.pid}:{self.start_ticks}"


class FileKey(NamedTuple):
    """A file's identity within one boot: device and inode number."""

    device: int
    inode: int


class Exe(Struct, frozen=True):
    """Where ``/proc/PID/exe`` points.  Source: proc_pid_exe(5), memfd_create(2)."""

    path: str
    deleted: bool = False
    memory_only: bool = False


class Process(Struct, frozen=True, kw_only=True):
    """One process as ``survey`` saw it.  Source: proc_pid_stat(5), proc_pid_status(5), cgroups(7)."""

    pid: int
    start_ticks: int
    start_time: float
    name: str
    """The comm, at most 15 bytes, chosen by the process itself."""
    state: str
    ppid: int
    pgrp: int
    session: int
    tty: int
    flags: int
    nice: int
    threads: int
    rss_bytes: int
    cpu_seconds: float
    """User and system time over the process's whole life."""
    children_cpu_seconds: float
    """The same of the children it has waited for."""
    window_cpu_seconds: float | None = None
    """CPU time within the sampling window; None when it was not alive at both ends."""
    window_wait_seconds: float | None = None
    """Within the window: time its threads were ready to run but others ran (run delay, all threads added up)."""
    uid: int | None = None
    user: str | None = None
    login_uid: int | None = None
    """Who logged in (audit); None when nobody did: a daemon, cron, an exploit."""
    audit_session: int | None = None
    cmdline: tuple[str, ...] = ()
    exe: Exe | None = None
    cwd: str | None = None
    cgroup: str | None = None
    inner_pid: int | None = None
    """Its pid as it sees itself, where that is in a pid namespace below Davy's; None elsewhere."""
    script: str | None = None
    """The script file an interpreter was given, made absolute; None for a program that is its own."""
    inline: str | None = None
    """The program text an interpreter was given on its command line (``sh -c``, ``python -c``)."""

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)

    @property
    def subject(self) -> str:
        return self.key.subject

    @property
    def exe_path(self) -> str | None:
        return self.exe.path if self.exe else None

    @property
    def kernel_thread(self) -> bool:
        return bool(self.flags & PF_KTHREAD)

    @property
    def program(self) -> str | None:
        """The file whose text decides what this process does: the script if there is one, else the executable."""
        return self.script or (self.exe.path if self.exe else None)

    @property
    def invocation(self) -> str:
        """The command line as one string, or the kernel's name in brackets."""
        return " ".join(self.cmdline) if self.cmdline else f"[{self.name}]"


class Executable(Struct, frozen=True, kw_only=True):
    """Identity of a program file, read through the running process where there is one.  Source: stat(2), elf(5)."""

    path: str
    device: int
    inode: int
    size: int
    mode: int
    uid: int
    links: int
    mtime: float
    ctime: float
    birth: float | None = None
    sha256: str | None = None
    """None when the file is larger than Davy reads or could not be read."""
    md5: str | None = None
    """Only to compare with a package database that keeps md5 sums."""
    elf: bool = False
    static: bool = False
    """An ELF program without an interpreter (PT_INTERP)."""
    stripped: bool = False
    """An ELF program without a symbol table."""
    owner_package: str | None = None
    """The installed package that lists this path."""
    unmodified: bool | None = None
    """Whether the content is the one the package installed; None when nothing says."""
    twin: str | None = None
    """The path of a packaged file with the very same content, if this one is a copy under another path."""

    @property
    def key(self) -> FileKey:
        return FileKey(self.device, self.inode)

    @property
    def subject(self) -> str:
        return f"file:{self.path}"


class ThreadLoad(Struct, frozen=True):
    """CPU time of one thread.  Source: Documentation/scheduler/sched-stats (schedstat)."""

    tid: int
    name: str
    cpu_seconds: float
    waited_seconds: float
    """Time it was ready to run but others ran (run delay)."""


class ProcessDetail(Struct, frozen=True, kw_only=True):
    """The costly facts ``examine`` takes of the few processes that ``triage`` named."""

    pid: int
    start_ticks: int
    environment: tuple[str, ...] = ()
    root: str | None = None
    namespaces: dict[str, int] = {}
    """Namespace kind to inode number.  Source: namespaces(7)."""
    open_files: int | None = None
    terminal: str | None = None
    """The terminal its standard input, output or error is open on."""
    mapped_files: tuple[str, ...] = ()
    anonymous_executable_bytes: int = 0
    huge_bytes: int = 0
    thread_loads: tuple[ThreadLoad, ...] = ()
    executable: Executable | None = None
    folder_mode: int | None = None
    """Permission bits of the folder that its program lies in."""
    script: Executable | None = None
    names: tuple[str, ...] = ()
    """Paths of other examined processes' programs that its command line, script or image contains."""

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)


class Renewal(Struct, frozen=True, kw_only=True):
    """A program that kept appearing under new pids while the window passed, each short-lived."""

    path: str
    pids: tuple[int, ...]
    running: int
    """How many of the sightings found it running on a CPU, not sleeping."""
    sightings: int
    looks: int
    """How often the process list was looked at within the window."""


class Restart(Struct, frozen=True):
    """A process that was seen starting an evicted program again."""

    starter: ProcessKey
    program: str


class Socket(Struct, frozen=True, kw_only=True):
    """One socket and who holds it.  Source: sock_diag(7), linux/inet_diag.h, linux/tcp.h."""

    protocol: str
    """tcp or udp."""
    state: str
    local_address: str
    local_port: int
    remote_address: str
    remote_port: int
    inode: int
    uid: int
    cgroup_id: int | None = None
    pids: tuple[int, ...] = ()
    ownerless: bool = False
    """Nobody who can be seen holds it: every process was asked, twice, and it is still there."""
    age_seconds: float | None = None
    """At least this long connected: the time since the last byte sent or received is a lower bound."""
    bytes_sent: int | None = None
    bytes_received: int | None = None
    messages_sent: int | None = None
    """Segments with data in them, which for short messages is how many there were."""
    messages_received: int | None = None
    rtt_seconds: float | None = None


class Account(Struct, frozen=True):
    """One line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


class KnownFile(Struct, frozen=True):
    """A path that a known family uses and that is there on disk."""

    path: str
    family: str
    executable: Executable | None = None
    """None of a folder that lies there instead."""
    immutable: bool = False
    """Whether nobody can change it (``chattr +i``)."""

    @property
    def subject(self) -> str:
        return f"file:{self.path}"


class Load(Struct, frozen=True, kw_only=True):
    """What the host's CPUs did over the window.  Source: proc_stat(5), Documentation/accounting/psi."""

    window_seconds: float
    busy_cores: float
    """Cores busy with anything but idle and iowait."""
    pressure_percent: float | None = None
    """Share of the last ten seconds in which some task waited for a CPU (``/proc/pressure/cpu``, some avg10)."""


class Host(Struct, frozen=True, kw_only=True):
    name: str | None
    kernel: str | None = None
    boot_time: float | None = None
    boot_id: str | None = None
    cpus: int | None = None
    installed: float | None = None
    """When this system was installed or first started, by the oldest of the files that are made then."""


class Gap(Struct, frozen=True):
    """What could not be read, and why: nothing is skipped in silence."""

    collector: str
    what: str
    why: str
