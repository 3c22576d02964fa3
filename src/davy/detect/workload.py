"""Behaviour by shape: that a process does nothing but compute, and keeps one thin connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.behaviour import BURNING_CORES, life_cores, wanted_cores
from davy.detect.programs import interprets
from davy.detect.rule import Observation, detector
from davy.knowledge.honest_ports import service_port, service_program, web_port
from davy.knowledge.runtimes import runtime_of
from davy.model.computation import Workload
from davy.model.facts import Process, Socket
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_CALLS_AT_START: Final = 400
"""System calls to read or write that a program needs to load itself, read a configuration and say hello."""
_CALLS_A_SECOND: Final = 2.0
_SLEEPS_AT_START: Final = 8
"""Voluntary switches of a thread while it waits for its first work."""
_SLEEPS_A_SECOND: Final = 0.1
"""And later: who waits for every piece of work, as workers of a queue do, waits oftener."""
_INPUT: Final = 1 << 20
_INPUT_A_SECOND: Final = 2048
_SYSTEM_SHARE: Final = 0.03
_SYSTEM_AT_START: Final = 2.0
"""Seconds within the kernel to touch memory for the first time."""
_SHORT_READS: Final = 64 << 10
"""Bytes that may have been read one by one: hardly more is said to a miner."""
_NO_DATA: Final = ("/usr/", "/lib", "/dev/", "/proc/", "/memfd:", "/SYSV", "/anon_hugepage", "/etc/", "/run/")
"""Where mapped files say nothing of what a process computes from."""
_LIFELONG_SHARE: Final = 0.7

_TALK: Final = 64 << 10
_TALK_A_SECOND: Final = 1024
_MESSAGE: Final = 8 << 10
_MESSAGES: Final = 120
_MESSAGES_A_SECOND: Final = 6.0
"""In both directions; a pool has work every few seconds at most, and takes results and pings at the same pace."""
_SOCKETS_LIMIT: Final = 8
"""Descriptors of sockets, inherited ones and those of the machine's own services included."""
_ANSWERS_LEAST: Final = 2
"""From so many messages on it can be told whether the busy thread itself waits for each answer."""
_ANSWERS_OF_SEVERAL: Final = 4
_REPORTS: Final = 2.0
"""From so many times as much said as heard on a program reports to somebody, and is not told what to do."""


def burning(snapshot: Snapshot) -> Iterator[tuple[Process, Workload]]:
    """The processes that burn and whose shape is known."""
    ways = lookup(snapshot)
    for workload in snapshot.workloads:
        process = ways.by_subject.get(workload.key.subject)
        if process is not None and wanted_cores(snapshot, process) >= BURNING_CORES:
            yield process, workload


def _busy(snapshot: Snapshot, process: Process) -> tuple[int, int]:
    """How many threads of one program want a CPU, in all of its processes, and how many CPUs it may use."""
    alike = [work for other, work in burning(snapshot) if other.exe == process.exe]
    allowed = {thread.cpus for work in alike for thread in work.threads if thread.busy}
    apart = max(allowed, default=0) == 1
    cpus = snapshot.host.cpus or 1
    return sum(work.busy_threads for work in alike), cpus if apart else min(cpus, max(allowed, default=0) or cpus)


def native(snapshot: Snapshot, process: Process) -> bool:
    """Whether a process computes what is in its own program: it is no interpreter, and makes no code by its trade."""
    detail = lookup(snapshot).detail.get(process.subject)
    if detail is None or runtime_of(detail.mapped_files):
        return False
    if not interprets(snapshot, process) or not (process.script or process.inline):
        return True
    program = detail.executable
    installed = program is not None and bool(program.owner_package or program.twin) and program.unmodified is not False
    return not (installed or detail.script)


def _mapped_data(snapshot: Snapshot, process: Process) -> str | None:
    """A file that a process has in its memory and that is neither program nor library: a model, a table, a database."""
    detail = lookup(snapshot).detail.get(process.subject)
    for path in detail.mapped_files if detail else ():
        own = process.exe_path is not None and path.startswith(process.exe_path)
        if not own and not path.startswith(_NO_DATA) and ".so" not in path.rpartition("/")[2]:
            return path
    return None


def computes_only(snapshot: Snapshot, process: Process, work: Workload) -> tuple[str, ...]:
    """That a process has computed all its life and done hardly anything else, as evidence; empty when it has.

    Asked of its whole life, not of the moment: it read nothing to speak of, its busy threads never wait, and the
    kernel has little to do for it.
    """
    busy = [thread for thread in work.threads if thread.busy]
    cpu = work.user_seconds + work.system_seconds
    if not busy or not native(snapshot, process) or work.read_calls is None or work.write_calls is None:
        return ()
    calls, sleeps = work.read_calls + work.write_calls, sum(thread.sleeps for thread in busy)
    ran = sum(thread.cpu_seconds for thread in busy)
    lifelong = life_cores(snapshot, process) >= _LIFELONG_SHARE * wanted_cores(snapshot, process)
    if not lifelong or work.open_files or (work.read_bytes or 0) > _INPUT + _INPUT_A_SECOND * cpu:
        return ()
    few = _CALLS_AT_START + _CALLS_A_SECOND * cpu + min(work.read_bytes or 0, _SHORT_READS)
    if calls > few or sleeps > _SLEEPS_AT_START * len(busy) + _SLEEPS_A_SECOND * ran or _mapped_data(snapshot, process):
        return ()
    if work.system_seconds > _SYSTEM_AT_START * len(busy) + _SYSTEM_SHARE * cpu:
        return ()
    return (
        f"{cpu:.1f} s of CPU time, {work.system_seconds:.1f} s of it in the kernel",
        f"{calls} calls to read or write in all its life, {(work.read_bytes or 0) >> 10} KiB read",
        f"{len(busy)} busy threads, which gave a CPU back {sleeps} times",
        "no file open to read from",
    )


@detector("behaviour.pure-computation", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def pure_computation(snapshot: Snapshot) -> Iterator[Observation]:
    """A process has done nothing but compute since it began: no input, no waiting, hardly a system call, no terminal.

    Miners compute on every core from a few bytes of work.  So do prime sieves, benchmarks and simulations that take
    their problem from the command line: alone it says little.  Interpreters and runtimes are not meant.
    """
    details = lookup(snapshot).detail
    for process, work in burning(snapshot):
        detail = details.get(process.subject)
        if process.tty or detail is None or detail.terminal:
            continue
        evidence = computes_only(snapshot, process, work)
        if not evidence:
            continue
        pinned = sum(thread.busy and thread.cpus == 1 for thread in work.threads)
        busy, cpus = _busy(snapshot, process)
        everywhere = busy >= cpus
        where = "every core" if everywhere else f"{busy} of {cpus} cores"
        yield Observation(
            subject=process.subject,
            degree="every core" if everywhere else "some cores",
            summary=f"does nothing but compute, on {where}",
            evidence=evidence + ((f"{pinned} threads are bound to one CPU each",) if pinned > 1 else ()),
        )


def _gang(snapshot: Snapshot, process: Process) -> list[Process]:
    """A process, and its parent and children that run the same program."""
    ways = lookup(snapshot)
    parent = ways.parent(process)
    near = [*ways.children(process), *([parent] if parent else [])]
    return [process, *(each for each in near if each.exe is not None and each.exe == process.exe)]


def _to_a_service(snapshot: Snapshot, near: Socket) -> bool:
    """Whether the other end is on this machine, and a known service as a package installed it holds it."""
    ways = lookup(snapshot)
    ends = (near.remote_address, near.remote_port, near.local_address, near.local_port)
    return any(
        (process := ways.by_pid.get(pid)) is not None and process.exe_path and service_program(process.exe_path)
        for far in snapshot.sockets
        if (far.local_address, far.local_port, far.remote_address, far.remote_port) == ends
        for pid in far.pids
    )


def thin_connection_of(snapshot: Snapshot, process: Process, work: Workload) -> Socket | None:
    """The one connection of a process, if it has no other, listens nowhere, and hardly anything is said over it.

    What it inherited, and somebody else holds too, is not its own: the socket of an intruder's shell.
    """
    gang = {each.pid for each in _gang(snapshot, process)}
    own = [socket for socket in snapshot.sockets if socket.pids and gang.issuperset(socket.pids)]
    if len(own) != 1 or work.sockets > _SOCKETS_LIMIT:
        return None
    (only,) = own
    if only.protocol != "tcp" or only.state != "ESTABLISHED":
        return None
    if service_port(only.remote_port) or service_port(only.local_port) or _to_a_service(snapshot, only):
        return None
    age = snapshot.taken + snapshot.seconds - process.start_time
    said, heard = only.bytes_sent, only.bytes_received
    if not said or not heard or said + heard > _TALK + _TALK_A_SECOND * age:
        return None
    messages = (only.messages_received or 1) + (only.messages_sent or 1)
    if messages > _MESSAGES + _MESSAGES_A_SECOND * age:
        return None
    return only if (said + heard) / messages <= _MESSAGE else None


def _in_step(only: Socket, work: Workload) -> bool:
    """Whether every busy thread gave its CPU back for every message: it asks, waits for the answer, computes on.

    A miner's threads never wait for a pool: another one talks to it.  At the beginning some of them wait for the first
    work, so of several threads more is asked than of one that does everything itself.
    """
    busy = [thread for thread in work.threads if thread.busy]
    said, heard = only.messages_sent or 0, only.messages_received or 0
    least = _ANSWERS_LEAST if len(busy) == len(work.threads) == 1 else _ANSWERS_OF_SEVERAL
    in_turn = min(said, heard) >= least and abs(said - heard) <= 1
    return in_turn and all(thread.sleeps >= said for thread in busy)


def _reports(only: Socket) -> bool:
    """Whether it is told nothing: it says much more than it hears, or what it says is acknowledged, word for word.

    A pool has new work without being asked for it.
    """
    said, heard = only.bytes_sent or 0, only.bytes_received or 0
    told, acknowledged = only.messages_sent or 0, only.messages_received or 0
    in_turn = min(told, acknowledged) >= _ANSWERS_OF_SEVERAL and abs(told - acknowledged) <= 1
    return said > _REPORTS * heard or (in_turn and said >= heard)


@detector("network.thin-connection", aspect=Aspect.NETWORK, technique="T1496.001")
def thin_connection(snapshot: Snapshot) -> Iterator[Observation]:
    """A process that does nothing but compute keeps one thin connection, and nothing else comes out of it.

    It reads no file, writes none, and serves nobody: what it computes from arrives in a few bytes over that connection,
    and what it finds leaves by it.  That is what mining is.  Workers keep such connections to databases, queues and
    license servers, too: known ports of theirs are not meant, nor interpreters, nor whatever reads files; a native
    worker of one's own that asks a server of one's own for work is the same: tell Davy so.
    """
    for process, work in burning(snapshot):
        only = thin_connection_of(snapshot, process, work)
        if only is None:
            continue
        evidence = computes_only(snapshot, process, work)
        if not evidence:
            continue
        where = f"{only.remote_address}:{only.remote_port}"
        busy, cpus = _busy(snapshot, process)
        told = "is told" if 2 * busy >= cpus else "is told, on few cores"
        aloof = "reports" if _reports(only) else "in step" if _in_step(only, work) else None
        yield Observation(
            subject=process.subject,
            degree=aloof or ("to the web" if web_port(only.remote_port) else told),
            summary=f"does nothing but compute, and keeps one thin connection to {where}",
            evidence=(
                f"{only.bytes_sent} bytes sent and {only.bytes_received} received in "
                f"{snapshot.taken + snapshot.seconds - process.start_time:.0f} s",
                *evidence,
            ),
        )
