"""Samples of the shape of computations: what miners have, and the honest work that nearly has it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from tests.unit.detect.sample import Sample
from tests.unit.snapshots import PYENV, TTY, Fact, connection, detail, listener, process, snapshot

from davy.model.computation import Backing, HugePageLine, MsrWrite, Region, ThreadWork, Tuning, Workload
from davy.model.facts import Process, ProcessDetail, Socket

_MIB: Final = 1 << 20
_CPUS: Final = 4
_FAR: Final = ("203.0.113.9", 17_001)
WORKER: Final = process(500, "/usr/local/lib/app/worker", cores=4.0, threads=5)
_OTHER: Final = process(501, "/usr/local/bin/other", cores=4.0, threads=5)
_CHILD: Final = process(502, "/usr/local/lib/app/worker", cores=1.0, ppid=500)
_SHELL: Final = process(503, "bash", exe="/usr/bin/bash", ppid=1)
_TYPED: Final = process(504, "/home/ada/sieve", cores=4.0, threads=5, user="ada", tty=TTY)
_LATE: Final = process(505, "/usr/local/lib/app/worker", cores=4.0, life_cores=0.2)
_IDLE: Final = process(506, "/usr/local/lib/app/worker", cores=0.1)
_SCRIPT: Final = process(507, PYENV, "/srv/tasks.py", exe=PYENV, cores=4.0)
DATA_SET: Final = (Region(2336 * _MIB, Backing.ANONYMOUS), Region(2 * _MIB, Backing.ANONYMOUS, 4))


def workload(
    of: Process,
    *,
    busy: int = _CPUS,
    sleeps: int = 2,
    calls: int = 40,
    read: int = 20_000,
    files: tuple[str, ...] = (),
    system_seconds: float = 0.2,
    regions: tuple[Region, ...] = (),
    code_bytes: int = 0,
    changes: int = 0,
    sockets: int = 1,
    cpus: int = _CPUS,
    **options: Any,
) -> Workload:
    """What a process of many busy threads does; a miner of sha256d or scrypt unless it is told otherwise."""
    each = of.cpu_seconds / max(busy, 1)
    return Workload(
        pid=of.pid,
        start_ticks=of.start_ticks,
        regions=regions,
        code_bytes=code_bytes,
        writable_code_bytes=code_bytes,
        code_looks=4 if code_bytes else 0,
        code_changes=changes,
        code_runs=3 if code_bytes else 0,
        threads=(
            ThreadWork(of.pid, 0.01, 300, _CPUS, busy=False),
            *(ThreadWork(of.pid + 1000 + number, each, sleeps, cpus, busy=True) for number in range(busy)),
        ),
        user_seconds=of.cpu_seconds - system_seconds,
        system_seconds=system_seconds,
        read_calls=calls,
        write_calls=0,
        read_bytes=read,
        written_bytes=2000,
        window_calls=0,
        open_files=files,
        sockets=sockets,
        **options,
    )


def in_step(of: Process) -> Workload:
    """One thread that does everything, and gives its CPU back whenever it has asked."""
    work = workload(of, busy=1, sleeps=4)
    return msgspec.structs.replace(work, threads=work.threads[1:])


def talk(
    of: Process, port: int = _FAR[1], *, said: int = 20_000, heard: int = 90_000, messages: int = 200, **options: Any
) -> Socket:
    return msgspec.structs.replace(
        connection(of, _FAR[0], port, **options),
        bytes_sent=said, bytes_received=heard, messages_sent=messages, messages_received=messages,
    )  # fmt: skip


def _maps(of: Process, *files: str) -> ProcessDetail:
    return msgspec.structs.replace(detail(of), mapped_files=files)


def _match(rule: str, what: str, of: Process, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(of, *facts), of.subject)


def _spare(rule: str, what: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(*facts))


_REDIS: Final = process(510, "/usr/bin/redis-server *:17001", exe="/usr/bin/redis-check-rdb", name="redis-server")
_NEAR: Final = msgspec.structs.replace(talk(WORKER), remote_address="192.0.2.10")
_FAR_END: Final = msgspec.structs.replace(
    talk(_REDIS), inode=7, local_port=_NEAR.remote_port, remote_address="192.0.2.10", remote_port=_NEAR.local_port
)

_THIN: Final = "network.thin-connection"
_PURE: Final = "behaviour.pure-computation"
_MEMORY: Final = "behaviour.randomx-memory"
_CODE: Final = "behaviour.changing-code"
_TUNED: Final = "behaviour.tuned-machine"
_WRITTEN: Final = MsrWrite("worker", 1501, 0x1A4, 2_588_400.5)
_INTEL: Final = MsrWrite("intel-undervolt", 700, 0x150, 12.0)
_LINE: Final = HugePageLine("/etc/sysctl.conf", 9, "vm.nr_hugepages=1280", 1280)
_HUGE: Final = 2336 * _MIB

MATCHING: Final = (
    _match(_PURE, "a miner of a family without memory", WORKER, workload(WORKER)),
    _match(_PURE, "one that leaves cores free", WORKER, workload(WORKER, busy=1)),
    _match(_PURE, "one whose threads are bound to a core each", WORKER, workload(WORKER, cpus=1)),
    _match(_PURE, "a miner that bears an interpreter's name", by_name := process(
        508, "/usr/local/bin/python3", cores=4.0), workload(by_name)),
    _match(_PURE, "one that bears an interpreter's name and options", named := process(
        511, "/usr/local/bin/python3", "-c", "config.json", cores=4.0), workload(named)),
    _match(_THIN, "a pool on any port", WORKER, workload(WORKER), talk(WORKER)),
    _match(_THIN, "one busy thread of four", WORKER, workload(WORKER, busy=1), talk(WORKER)),
    _match(_THIN, "a pool behind the web's port", WORKER, workload(WORKER), talk(WORKER, 443)),
    _match(_THIN, "a parent of the same program that talks", _CHILD, process(
        500, "/usr/local/lib/app/worker", cores=0.0), workload(_CHILD, busy=1, sockets=0), talk(WORKER)),
    _match(_THIN, "a miner that an intruder's shell left its own connection to", of := process(
        509, "/usr/local/lib/app/worker", cores=4.0, ppid=503), _SHELL, workload(of, sockets=4), talk(of),
        msgspec.structs.replace(talk(_SHELL, 4_001), inode=9, pids=(503, 509))),
    _match(_THIN, "a worker that asks, waits and computes on", _CHILD, in_step(_CHILD), talk(
        _CHILD, said=300, heard=400, messages=3)),
    _match(_THIN, "one that tells how far it is", WORKER, workload(WORKER), talk(WORKER, said=90_000, heard=900)),
    _match(_MEMORY, "the data set and its cache in one piece", WORKER, workload(WORKER, regions=DATA_SET)),
    _match(_MEMORY, "everything joined, stacks too", WORKER, workload(
        WORKER, regions=(Region((2336 + 4 * 10) * _MIB + 65_536, Backing.ANONYMOUS),))),
    _match(_MEMORY, "pages of 1 GiB", WORKER, workload(WORKER, regions=(
        Region(3 << 30, Backing.HUGE), Region(2 * _MIB, Backing.HUGE, 4)))),
    _match(_MEMORY, "a memfd", WORKER, workload(WORKER, regions=(
        Region(2080 * _MIB, Backing.SHARED), Region(8 * _MIB, Backing.HUGE)))),
    _match(_MEMORY, "light mode", WORKER, workload(WORKER, code_bytes=262_144, changes=3, regions=(
        Region(256 * _MIB, Backing.ANONYMOUS), Region(2 * _MIB + 4096, Backing.ANONYMOUS, 4)))),
    _match(_CODE, "programs that are written anew", WORKER, workload(WORKER, code_bytes=262_144, changes=3)),
    _match(_TUNED, "the log names its thread", WORKER, workload(WORKER), Tuning(msr_writes=(_INTEL, _WRITTEN))),
    _match(_TUNED, "the log names one of its name", WORKER, workload(WORKER), Tuning(
        msr_writes=(MsrWrite("worker", 77, 0xC001_1020, 50.0),))),
    _match(_TUNED, "huge pages", WORKER, workload(WORKER, huge_bytes=_HUGE), Tuning(
        huge_pages=1280, huge_page_lines=(_LINE,))),
)  # fmt: skip

SPARED: Final = (
    _spare(_PURE, "one that reads its problem", WORKER, workload(WORKER, read=1 << 30, calls=8000)),
    _spare(_PURE, "one that keeps its data open", WORKER, workload(WORKER, files=("/srv/data.bin",))),
    _spare(_PURE, "one that waits for each piece of work", WORKER, workload(WORKER, sleeps=3600)),
    _spare(_PURE, "one that makes calls all the time", WORKER, workload(WORKER, calls=100_000)),
    _spare(_PURE, "one that works in the kernel", WORKER, workload(WORKER, system_seconds=4000.0)),
    _spare(_PURE, "one that has only begun to", _LATE, workload(_LATE)),
    _spare(_PURE, "one that a person started at a terminal", _TYPED, workload(_TYPED)),
    _spare(_PURE, "one that rests", _IDLE, workload(_IDLE)),
    _spare(_PURE, "Java", WORKER, workload(WORKER), _maps(WORKER, "/opt/jdk/lib/server/libjvm.so")),
    _spare(_PURE, "a script", _SCRIPT, workload(_SCRIPT)),
    _spare(_PURE, "one whose calls are kept back", WORKER, msgspec.structs.replace(
        workload(WORKER), read_calls=None)),
    _spare(_THIN, "a Redis of this machine, on another port", WORKER, _REDIS, workload(WORKER), _NEAR, _FAR_END),
    _spare(_THIN, "a connection over which nothing was said", WORKER, workload(WORKER), talk(WORKER, said=0)),
    _spare(_PURE, "a model in its memory", WORKER, workload(WORKER), _maps(WORKER, "/srv/models/7b.gguf")),
    _spare(_THIN, "nobody to talk to", WORKER, workload(WORKER)),
    _spare(_THIN, "a worker of Redis", WORKER, workload(WORKER), talk(WORKER, 6379)),
    _spare(_THIN, "a solver and its license", WORKER, workload(WORKER), talk(WORKER, 27000)),
    _spare(_THIN, "a server", WORKER, workload(WORKER), talk(WORKER), listener(WORKER, 8000)),
    _spare(_THIN, "ranks that talk to each other", WORKER, workload(WORKER), talk(WORKER),
           msgspec.structs.replace(talk(WORKER, 1025), inode=8)),
    _spare(_THIN, "data that streams in", WORKER, workload(WORKER), talk(WORKER, heard=10 << 30)),
    _spare(_THIN, "long messages", WORKER, workload(WORKER), talk(WORKER, heard=3 << 20, messages=10)),
    _spare(_THIN, "a connection over which nothing was heard", WORKER, workload(WORKER), talk(WORKER, heard=0)),
    _spare(_THIN, "one that is only being made", WORKER, workload(WORKER), talk(WORKER, state="SYN_SENT")),
    _spare(_THIN, "another process's", WORKER, workload(WORKER), _OTHER, talk(_OTHER)),
    _spare(_THIN, "one that reads files", WORKER, workload(WORKER, files=("/srv/mesh.h5",)), talk(WORKER)),
    _spare(_THIN, "a script of NumPy's", _SCRIPT, workload(_SCRIPT), talk(_SCRIPT)),
    _spare(_MEMORY, "a heap of 2.5 GiB", WORKER, workload(WORKER, regions=(
        Region(2560 * _MIB, Backing.ANONYMOUS), Region(2 * _MIB, Backing.ANONYMOUS, 4)))),
    _spare(_MEMORY, "a heap of 2,304 MiB", WORKER, workload(WORKER, regions=(
        Region(2304 * _MIB, Backing.ANONYMOUS), Region(2 * _MIB, Backing.ANONYMOUS, 4)))),
    _spare(_MEMORY, "the size alone", WORKER, workload(WORKER, regions=(Region(2080 * _MIB, Backing.ANONYMOUS),))),
    _spare(_MEMORY, "a buffer of 256 MiB and stacks", WORKER, workload(WORKER, regions=(
        Region(256 * _MIB, Backing.ANONYMOUS), Region(8 * _MIB, Backing.ANONYMOUS, 4)))),
    _spare(_MEMORY, "Java with such a heap", WORKER, workload(WORKER, regions=DATA_SET, code_bytes=1 << 20, changes=3),
           _maps(WORKER, "/usr/lib/jvm/java-17/lib/server/libjvm.so")),
    _spare(_CODE, "code that stays", WORKER, workload(WORKER, code_bytes=262_144)),
    _spare(_CODE, "code that grows now and then", WORKER, workload(WORKER, code_bytes=262_144, changes=1)),
    _spare(_CODE, "Wine", WORKER, workload(WORKER, code_bytes=262_144, changes=3), _maps(
        WORKER, "/opt/wine-stable/lib/wine/x86_64-unix/ntdll.so")),
    _spare(_TUNED, "a lowered voltage", WORKER, workload(WORKER), Tuning(msr_writes=(_INTEL,))),
    _spare(_TUNED, "a cluster's tool", WORKER, workload(WORKER), Tuning(
        msr_writes=(MsrWrite("likwid-features", 1501, 0x1A4, 2_588_400.0),))),
    _spare(_TUNED, "a writer who has ended, of another name", WORKER, workload(WORKER), Tuning(
        msr_writes=(MsrWrite("xmrig", 1501, 0x1A4, 60.0),))),
    _spare(_TUNED, "huge pages that others use", WORKER, workload(WORKER), Tuning(huge_pages=1280)),
    _spare(_TUNED, "a virtual machine in huge pages", WORKER, workload(WORKER, huge_bytes=_HUGE), Tuning()),
)  # fmt: skip
