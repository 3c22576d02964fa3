"""Start a process that nobody waits for, know it again, and end it together with all that came of it.

A drill must not depend on what it tests: this reads ``/proc`` by itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
import select
import signal
import time
from collections.abc import Iterable, Sequence
from pwd import struct_passwd
from typing import Final

from msgspec import Struct

from davy.drill.record import DrillError, Identity, ProgramFile

_DELETED: Final = " (deleted)"
_ROUNDS: Final = 50
_USUAL_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD)


class Launch(Struct, frozen=True, kw_only=True):
    """What to run, and within which limits."""

    program: str
    arguments: Sequence[str]
    environment: dict[str, str]
    account: struct_passwd | None = None
    """Run as this user; only root can."""
    nice: int | None = None
    cpu_seconds: int | None = None
    """RLIMIT_CPU of the process and, each by itself, of all it starts."""
    stdin: bytes = b""
    stdout: int | None = None


def launch(wanted: Launch) -> Identity:
    """Start it on its own: a session, no terminal, standard files on /dev/null, ``/`` as folder, pid 1 as parent.

    Raises `DrillError` when the program cannot be run.  Source: daemon(7).
    """
    report, writer = os.pipe()
    reporter = _above_standard(writer)
    os.close(writer)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if grandchild := os.fork():
                os.write(reporter, b"pid %d\n" % grandchild)
            else:
                _become(wanted, reporter)
        except BaseException as error:
            os.write(reporter, b"error %s\n" % (getattr(error, "strerror", None) or repr(error)).encode())
        finally:
            os._exit(0)
    os.close(reporter)
    os.waitpid(child, 0)
    with open(report, "rb") as file:
        answers = dict(line.rstrip(b"\n").split(b" ", 1) for line in file)
    if b"error" in answers or b"pid" not in answers:
        raise DrillError(f"cannot run {wanted.program}: {answers.get(b'error', b'it did not start').decode()}")
    pid = int(answers[b"pid"])
    return identity(pid) or Identity(pid, 0)


def _become(wanted: Launch, reporter: int) -> None:
    """Turn this forked process into the wanted one.  Raises OSError; does not return otherwise."""
    null = os.open("/dev/null", os.O_RDWR)
    stdin = null
    if wanted.stdin:
        stdin, writer = os.pipe()
        os.write(writer, wanted.stdin)
        os.close(writer)
    stdout = null if wanted.stdout is None else wanted.stdout
    for number, descriptor in enumerate([_above_standard(each) for each in (stdin, stdout, null)]):
        os.dup2(descriptor, number)
    os.closerange(3, reporter)
    os.closerange(reporter + 1, 1 << 20)
    for number in _USUAL_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    os.chdir("/")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if wanted.cpu_seconds is not None:
        # Soft and hard alike: the kernel then ends it with SIGKILL, and not with SIGXCPU, which would dump core.
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        limit = wanted.cpu_seconds if hard == resource.RLIM_INFINITY else min(hard, wanted.cpu_seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    if wanted.nice is not None:
        os.setpriority(os.PRIO_PROCESS, 0, max(wanted.nice, os.getpriority(os.PRIO_PROCESS, 0)))
    if wanted.account is not None:
        os.setgroups([])
        os.setgid(wanted.account.pw_gid)
        os.setuid(wanted.account.pw_uid)
    os.execve(wanted.program, list(wanted.arguments), wanted.environment)


def _above_standard(descriptor: int) -> int:
    """A duplicate that is none of 0, 1 and 2, should the caller have had those closed; closed on exec."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


def identity(pid: int) -> Identity | None:
    """Of a live process; None when there is none of that pid, or only its zombie."""
    fields = _stat(pid)
    return Identity(pid, int(fields[19])) if fields and fields[0] not in (b"Z", b"X") else None


def alive(process: Identity | None) -> bool:
    return process is not None and identity(process.pid) == process


def _stat(pid: int) -> list[bytes]:
    """The fields of ``/proc/PID/stat`` that follow the name, state first; none when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def running(files: Iterable[ProgramFile]) -> dict[Identity, str]:
    """The processes that run one of these programs, deleted since or not, and which."""
    wanted = {file.path: file for file in files}
    found = {}
    for pid in pids():
        process = identity(pid)
        try:
            path = os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED)
            if process and path in wanted and _same_program(f"/proc/{pid}/exe", wanted[path]):
                found[process] = path
        except OSError:
            continue
    return found


def _same_program(exe: str, file: ProgramFile) -> bool:
    """By content, not by inode: what an undo brings back is the drill's as well."""
    with open(exe, "rb") as program:
        status = os.fstat(program.fileno())
        return (status.st_dev, status.st_size) == (file.device, file.size) and (
            hashlib.file_digest(program, "sha256").hexdigest() == file.sha256
        )


def _descendants(roots: Iterable[int]) -> set[int]:
    parents = {pid: int(fields[1]) for pid in pids() if (fields := _stat(pid))}
    family = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def end(process: Identity) -> int | None:
    """SIGKILL exactly this process; its pidfd, to wait on, or None when it is gone.  Source: pidfd_open(2)."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return None
    try:
        if alive(process):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            return os.dup(descriptor)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)
    return None


def await_end(descriptor: int, seconds: float | None) -> bool:
    """Wait until the process of this pidfd has ended; False when it has not within ``seconds``."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def end_all(files: Sequence[ProgramFile], processes: Iterable[Identity]) -> list[str]:
    """End whatever runs these programs, these processes, and their descendants, until nothing comes back.

    Says what was ended.  Raises `DrillError` when something cannot be ended.
    """
    named = set(processes)
    ended: dict[Identity, str] = {}
    for _ in range(_ROUNDS):
        found = running(files)
        roots = {process.pid for process in found} | {process.pid for process in named if alive(process)}
        if not roots:
            break
        victims = [process for pid in _descendants(roots) if (process := identity(pid))]
        try:
            descriptors = [descriptor for process in victims if (descriptor := end(process)) is not None]
        except OSError as error:
            raise DrillError(f"a process of the drill cannot be ended: {error.strerror}") from None
        ended |= found
        limit = time.monotonic() + 0.5
        for descriptor in descriptors:
            await_end(descriptor, max(0.0, limit - time.monotonic()))
            os.close(descriptor)
    else:
        raise DrillError(f"processes of the drill keep coming back: pids {sorted(roots)}")
    return [f"ended {path} (pid {process.pid})" for process, path in ended.items()]
