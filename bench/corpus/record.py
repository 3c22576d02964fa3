"""Records one case: puts it into a fresh Debian, starts it, waits until it burns, and has Davy take all facts there."""

from __future__ import annotations

import base64
import hashlib
import shlex
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from bench.corpus.case import Case, File, KernelThread, Options, Start, capsule_of
from bench.corpus.lab import Lab
from bench.corpus.tree import LAB
from bench.debian import DAVY
from davy import capsule
from davy.knowledge.pools import pool_endpoint
from davy.model.facts import PF_KTHREAD, Host, Process
from davy.model.snapshot import Snapshot

PROGRAMS: Final = Path(__file__).parent / "programs"
_KERNEL: Final = "6.1.0-lab-amd64"
_BOOT_ID: Final = "1ab01ab0-1ab0-41ab-81ab-1ab01ab01ab0"
_ROUNDINGS: Final = {"none": 0, "all": 1, "up-down": 2}
_PROTOCOLS: Final = {"xmr": 1, "stratum": 2}
_KERNEL_PIDS: Final = 4_000_000
"""Higher than any process of a container gets."""
_LOOK_SECONDS: Final = 0.3
_MADE: Final = "/run/made.davy"
_CRON_TABLE: Final = "/etc/cron.d/zz-start"
_GROUPS: Final = {"daemon": "/system.slice/web.service", "cron": "/system.slice/cron.service"}
_NOWHERE: Final = "</dev/null >/dev/null 2>&1"
_POOLS_NETWORK: Final = "192.88.99."
_LOOPBACK: Final = "127."
"""What listens there is brought by the case: a relay, for instance."""


def record(path: Path, case: Case) -> int:
    """Record a case into the capsule beside its file; gives the capsule's size.  Raises `RuntimeError`."""
    programs = {file.path: _compiled(file) for file in case.file if file.program is not None}
    lab = Lab(LAB.path)
    try:
        for address, port, protocol in _pools(case):
            lab.pool(address, port, protocol)
        _put(lab, case, programs)
        for number, start in enumerate(case.start):
            _start(lab, start, number)
        _wait(lab, case)
        if case.remove:
            lab.run("chattr", "-f", "-i", "-a", *case.remove, check=False)
            lab.run("rm", "-f", *case.remove)
        if case.after:
            lab.run("/bin/bash", "-euc", case.after)
        time.sleep(case.settle)
        lab.run(f"{DAVY}/bin/python", "-m", "davy", "snapshot", _MADE, seconds=120)
        taken = capsule.unpacked(base64.b64decode(lab.run("base64", _MADE)))
    finally:
        lab.close()
    content = capsule.packed(_with_kernel_threads(_normal(taken), case.kernel_thread))
    capsule_of(path).write_bytes(content)
    return len(content)


def _normal(snapshot: Snapshot) -> Snapshot:
    """Without what is of the machine that recorded it: its kernel and the modules in it."""
    host = msgspec.structs.replace(snapshot.host, name="lab", kernel=_KERNEL, boot_id=_BOOT_ID)
    assert isinstance(host, Host)
    return msgspec.structs.replace(snapshot, host=host, module_table=None)


def _with_kernel_threads(snapshot: Snapshot, threads: Iterable[KernelThread]) -> Snapshot:
    """With kernel threads beside what runs, as the machine's own list of processes has them."""
    since = snapshot.host.boot_time or snapshot.taken
    window = snapshot.load.window_seconds if snapshot.load else 0.0
    added = tuple(
        Process(
            pid=_KERNEL_PIDS + number, start_ticks=0, start_time=since, name=one.name, state="R" if one.cores else "S",
            ppid=2, pgrp=0, session=0, tty=0, flags=PF_KTHREAD, nice=0, threads=1, rss_bytes=0,
            cpu_seconds=one.cores * (snapshot.taken - since), children_cpu_seconds=0.0,
            window_cpu_seconds=one.cores * window, uid=0, user="root", cgroup="/",
        )
        for number, one in enumerate(threads)
    )  # fmt: skip
    return msgspec.structs.replace(snapshot, processes=(*snapshot.processes, *added))


def _pools(case: Case) -> set[tuple[str, int, str]]:
    found = set()
    for file in case.file:
        if file.program is None or file.options.pool is None:
            continue
        address, _, port = file.options.pool.rpartition(":")
        if address.startswith(_LOOPBACK):
            continue
        if not address.startswith(_POOLS_NETWORK) or pool_endpoint(address, int(port)):
            raise RuntimeError(f"{file.options.pool}: the stand-in pool is in {_POOLS_NETWORK}0/24 and nowhere else")
        found.add((address, int(port), file.options.protocol))
    return found


def _compiled(file: File) -> bytes:
    """A stand-in, compiled in the tree with what it is to do; kept for the next time."""
    options, source = file.options, PROGRAMS / f"{file.program}.c"
    words = ["-O2", *_defined(options), *(["-static"] if options.static else []), *([] if options.symbols else ["-s"])]
    sources = b"".join(each.read_bytes() for each in sorted(PROGRAMS.glob("*.[ch]")))
    made = LAB.home / "built" / hashlib.sha256(sources + repr((file.program, words)).encode()).hexdigest()
    if not made.is_file():
        made.parent.mkdir(exist_ok=True)
        for each in PROGRAMS.glob("*.[ch]"):
            (LAB.path / "tmp" / each.name).write_bytes(each.read_bytes())
        LAB.inside("gcc", *words, "-o", "/tmp/made", f"/tmp/{source.name}", "-lpthread", "-lm")
        (LAB.path / "tmp/made").rename(made)
        for each in PROGRAMS.glob("*.[ch]"):
            (LAB.path / "tmp" / each.name).unlink()
    return made.read_bytes()


def _defined(options: Options) -> list[str]:
    values: dict[str, str | int] = {
        "THREADS": options.threads, "PINNED": int(options.pinned), "ROUNDING": _ROUNDINGS[options.rounding],
        "DATASET": int(options.dataset), "CACHE": int(options.cache), "REWRITES": int(options.rewrites),
        "SHARES_MS": int(options.shares * 1000), "TEXT": _quoted("\n".join(options.strings)),
    }  # fmt: skip
    if options.pool is not None:
        address, _, port = options.pool.rpartition(":")
        values |= {
            "PROTOCOL": _PROTOCOLS[options.protocol], "POOL_HOST": _quoted(address), "POOL_PORT": int(port),
            "WALLET": _quoted(options.wallet), "WORKER": _quoted(options.worker),
        }  # fmt: skip
    return [f"-D{name}={value}" for name, value in values.items()]


def _quoted(text: str) -> str:
    """A C string."""
    return '"' + "".join(f"\\{byte:03o}" if byte in b'"\\\n?' else chr(byte) for byte in text.encode()) + '"'


def _put(lab: Lab, case: Case, programs: dict[str, bytes]) -> None:
    for account in case.account:
        home = account.home or f"/home/{account.name}"
        lab.run("useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", account.name)
    for file in case.file:
        mode = file.mode or ("0755" if file.program or file.copy or file.folder else "0644")
        if file.folder:
            lab.run("mkdir", "-p", file.path)
        elif file.link is not None:
            lab.put(file.path, b"")
            lab.run("ln", "-sfn", file.link, file.path)
        elif file.copy is not None:
            lab.put(file.path, b"")
            lab.run("cp", "--dereference", "-T", file.copy, file.path)
        else:
            lab.put(file.path, programs[file.path] if file.program else (file.text or "").encode())
        if file.link is None:
            lab.run("chown", f"{file.owner}:", file.path)
            lab.run("chmod", mode, file.path)
    for folder in {str(Path(file.path).parent): file.owner for file in case.file if "/home/" in file.path}.items():
        lab.run("chown", f"{folder[1]}:", folder[0])
    for unit in case.unit:
        lab.put(f"{unit.folder}/{unit.name}", unit.text.encode())
    if case.prepare:
        lab.run("/bin/bash", "-euc", case.prepare, seconds=case.patience)
    if case.unit:
        lab.run("systemctl", "daemon-reload")
    for unit in case.unit:
        if unit.enable:
            lab.run("systemctl", "enable", "--quiet", unit.name)
        if unit.start:
            lab.run("systemctl", "start", "--no-block", unit.name)
    for file in case.file:
        if file.attributes:
            lab.run("chattr", f"+{file.attributes}", file.path)


def _start(lab: Lab, start: Start, number: int) -> None:
    """Start one command as its kind of user would; what does it is gone afterwards."""
    if start.how == "cron":
        lab.put(
            _CRON_TABLE,
            f"SHELL=/bin/sh\n@reboot {start.user} {_run_text(start).replace('%', chr(92) + '%')}\n".encode(),
        )
        lab.run("sh", "-c", "rm -f /run/crond.reboot /var/run/crond.reboot; systemctl restart cron")
        _until(lambda: lab.run("pgrep", "-P", _main_pid(lab, "cron"), check=False) != "", 10, "cron starts nothing")
        lab.run("rm", "-f", _CRON_TABLE)
        return
    account = lab.run("getent", "passwd", start.user).strip().split(":")
    session = f"/user.slice/user-{account[2]}.slice/session-{4 + number}.scope"
    group = start.group or _GROUPS.get(start.how, session)
    plain = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "USER": start.user,
             "LOGNAME": start.user, "HOME": account[5], "SHELL": "/bin/bash"}  # fmt: skip
    as_user = ["setpriv", f"--reuid={account[2]}", f"--regid={account[3]}", "--init-groups",
               "env", "-i", *(f"{key}={value}" for key, value in (plain | start.environment).items())]  # fmt: skip
    nice = ["nice", "-n", str(start.nice)] if start.nice else []
    if start.how == "tmux":
        made = [*as_user, "TERM=xterm", *nice, "tmux", "new-session", "-d", "-s", f"work{number}", "bash", "-l"]
        typed = f"cd {shlex.quote(start.folder)} && {shlex.join(start.words)}"
        lab.run("sh", "-c", f"exec {shlex.join(made)} {_NOWHERE}", group=group)
        lab.run(*as_user, "tmux", "send-keys", "-t", f"work{number}", "-l", typed, group=group)
        lab.run(*as_user, "tmux", "send-keys", "-t", f"work{number}", "Enter", group=group)
        return
    if start.how == "person":
        text = f"echo {account[2]} > /proc/self/loginuid; exec setsid -f {shlex.join([*as_user, *nice])} bash -lc "
        lab.run("sh", "-c", f"{text}{shlex.quote(f'{_run_text(start)} & wait')} {_NOWHERE}", group=group)
        return
    text = _run_text(start)
    if start.parent:
        served = shlex.join([*as_user, *nice, *start.parent])
        lab.put("/run/start", f"{text}".encode())
        text = f"cd {shlex.quote(start.folder)}; exec setsid -f {served} </run/start >/dev/null 2>&1"
        lab.run("sh", "-c", text, group=group)
        _until(lambda: lab.run("pgrep", "-f", "--", start.parent[0], check=False) != "", 10, "the parent is not there")
        lab.run("rm", "-f", "/run/start")
        return
    lab.run(
        "sh", "-c", f"exec setsid -f {shlex.join([*as_user, *nice])} sh -c {shlex.quote(text)} {_NOWHERE}", group=group
    )


def _run_text(start: Start) -> str:
    """The shell text that becomes the command."""
    words = shlex.join(start.words)
    if start.memory_only:
        program = start.words[0]
        text = (
            f"import os; f = os.memfd_create('', 1); os.write(f, open({program!r}, 'rb').read());"
            f" os.unlink({program!r}); os.execve(f, {[start.name or program, *start.words[1:]]!r}, dict(os.environ))"
        )
        return f"cd {shlex.quote(start.folder)} && exec python3 -c {shlex.quote(text)} {_NOWHERE}"
    named = f"exec -a {shlex.quote(start.name)}" if start.name is not None else "exec"
    moved = f"cd {shlex.quote(start.folder)} && {named} {words}"
    if start.name is not None:
        return f"exec bash -c {shlex.quote(f'{moved} {_NOWHERE}')}"
    return f"{moved} {_NOWHERE}"


def _main_pid(lab: Lab, unit: str) -> str:
    return lab.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()


def _until(true: object, seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    assert callable(true)
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.05)


def _wait(lab: Lab, case: Case) -> None:
    """Until the case's processes burn as much as it says."""
    deadline, most = time.monotonic() + case.patience, 0.0
    while case.burns > 0.0:
        cores = lab.burning(_LOOK_SECONDS)
        if cores >= case.burns:
            return
        most = max(most, cores)
        if time.monotonic() > deadline:
            shown = lab.run("ps", "axfo", "pid,user,%cpu,args", check=False)
            raise RuntimeError(f"burns {most:.2f} cores at most, not {case.burns}\n{shown[-3000:]}")
