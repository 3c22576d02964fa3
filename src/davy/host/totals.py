"""What the kernel counts for the whole machine: CPU time, forks, threads.

Source: proc_stat(5), proc_loadavg(5), sysinfo(2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from davy.host.errors import Refused, mapped
from davy.host.syscalls import sysinfo_threads

_CPUS_LIMIT: Final = 8192
_DIGITS: Final = 20


class CpuTimes(NamedTuple):
    """One CPU's time since boot, in clock ticks (`Kernel.ticks_per_second`); of an older kernel's missing ones, 0."""

    user: int
    """The time of virtual machines that run on it (`guest`) among it."""
    nice: int
    system: int
    idle: int
    iowait: int
    irq: int
    softirq: int
    steal: int
    guest: int
    guest_nice: int

    @property
    def tasks(self) -> int:
        """What tasks took.

        Unless the kernel was built to measure each switch (VIRT_CPU_ACCOUNTING_GEN), a tick gives its whole length to
        whom it finds: right in the long run, wrong by a few ticks of the kernel's within a second.
        """
        return self.user + self.nice + self.system

    @property
    def interrupts(self) -> int:
        return self.irq + self.softirq

    @property
    def passed(self) -> int:
        """All time.  Two looks at an idle CPU may differ by less than passed: idle time is brought up to date late."""
        return self.tasks + self.interrupts + self.idle + self.iowait + self.steal


class Totals(Struct, frozen=True):
    """``/proc/stat``."""

    whole: CpuTimes
    """All CPUs together, those that are off by now among them."""
    cpus: Mapping[int, CpuTimes]
    """Those that are on, by number."""
    switches: int
    boot_time: int
    """Seconds since the epoch."""
    forks: int
    """Tasks made since boot, threads among them."""
    running: int
    """Tasks that run or want to."""


class Load(Struct, frozen=True):
    """``/proc/loadavg``."""

    averages: tuple[float, float, float]
    """Tasks that run, want to, or wait for a device, over 1, 5 and 15 minutes."""
    running: int
    threads: int
    """Every thread of the machine, whatever its pid namespace, zombies among them."""
    last_pid: int
    """The last pid given in the pid namespace of this procfs; a thread may have it."""


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _DIGITS:
        raise ValueError(text)
    return int(text)


def parse_totals(data: bytes) -> Totals:
    """``/proc/stat``.  Raises `Refused` for what the kernel does not write."""
    whole: CpuTimes | None = None
    cpus: dict[int, CpuTimes] = {}
    counts = {b"ctxt": 0, b"btime": 0, b"processes": 0, b"procs_running": 0}
    try:
        for line in data.splitlines():
            name, _, rest = line.partition(b" ")
            if name.startswith(b"cpu"):
                numbers = [_number(word) for word in rest.split()[:10]]
                if len(numbers) < 4:
                    raise ValueError(line)
                times = CpuTimes(*numbers, *[0] * (10 - len(numbers)))
                if name == b"cpu":
                    whole = times
                elif len(cpus) < _CPUS_LIMIT:
                    cpus[_number(name[3:])] = times
            elif name in counts:
                counts[name] = _number(rest.strip())
    except ValueError:
        raise Refused("stat: not as the kernel writes it") from None
    if whole is None or not cpus:
        raise Refused("stat: it has no CPUs")
    return Totals(whole, cpus, counts[b"ctxt"], counts[b"btime"], counts[b"processes"], counts[b"procs_running"])


def parse_load(data: bytes) -> Load:
    """``/proc/loadavg``.  Raises `Refused` for what the kernel does not write."""
    words = data.split()
    try:
        one, five, fifteen = (float(word) for word in words[:3])
        running, _, threads = words[3].partition(b"/")
        return Load((one, five, fifteen), _number(running), _number(threads), _number(words[4]))
    except (ValueError, IndexError):
        raise Refused("loadavg: not as the kernel writes it") from None


def thread_count() -> int:
    """Every thread of the machine modulo 65,536, by sysinfo(2): the same count as `Load.threads`, through no file."""
    try:
        return sysinfo_threads()
    except OSError as error:
        raise mapped(error, "sysinfo") from None
