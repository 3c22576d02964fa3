"""One booted Debian, thrown away afterwards, and the stand-in pool beside it in a network that leads nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_BOOT_SECONDS: Final = 60.0
_END_SECONDS: Final = 20.0
_INSIDE: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_OURS: Final = "/user.slice/user-0.slice/session-1.scope"
"""The control group of what is run inside to prepare and to look: a session of root's."""
_SHARES: Final = "65536"
"""Of the CPUs, against 1024 of each process outside: what else this machine does is not to slow a case."""


class Lab:
    """A container with its own systemd, cron and network.  ``close`` ends it and everything in it."""

    def __init__(self, tree: Path) -> None:
        self._name = f"davy-corpus-{os.getpid()}"
        self._groups = [
            path / self._name for kind in ("unified", "systemd") if (path := Path("/sys/fs/cgroup") / kind).is_dir()
        ] or [Path("/sys/fs/cgroup") / self._name]
        if (shares := Path("/sys/fs/cgroup/cpu")).is_dir():
            self._groups.append(shares / self._name)
        self._scratch = Path(tempfile.mkdtemp(prefix="corpus-lab-"))
        self._pools: list[subprocess.Popen[str]] = []
        self.leader = 0
        for group in self._groups:
            group.mkdir(exist_ok=True)
            if (share := group / "cpu.shares").is_file():
                share.write_text(_SHARES)
        with (self._scratch / "log").open("wb") as log:
            self._nspawn = subprocess.Popen(
                [
                    "systemd-nspawn", "--boot", f"--directory={tree}", f"--machine={self._name}", "--hostname=lab",
                    "--volatile=overlay", "--register=no", "--keep-unit", "--private-network", "--capability=all",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: self._enter(""), env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )  # fmt: skip
        try:
            self._booted()
            self._network()
        except BaseException:
            self.close()
            raise

    def _enter(self, group: str) -> None:
        """Put the calling process into a control group of the container's: ``""`` is that of the container itself."""
        for number, top in enumerate(self._groups):
            folder = top / "payload" / group.lstrip("/") if group and number == 0 else top
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "cgroup.procs").write_text(str(os.getpid()))

    def _booted(self) -> None:
        deadline = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            if children:
                self.leader = int(children[0])
                if self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"):
                    return
            time.sleep(0.05)
        raise RuntimeError(f"did not boot: {(self._scratch / 'log').read_text(errors='replace')[-1500:]}")

    def _network(self) -> None:
        """One wire between the container and a namespace of the pool's, which has no other."""
        pool = self._name
        subprocess.run(["ip", "netns", "add", pool], check=True)
        for command in (
            f"ip -n {pool} link set lo up",
            f"ip -n {pool} link add wire type veth peer name eth0 netns {self.leader}",
            f"ip -n {pool} addr add 192.88.99.1/24 dev wire",
            f"ip -n {pool} link set wire up",
        ):
            subprocess.run(command.split(), check=True)
        for inner in ("ip addr add 192.0.2.2/32 dev eth0", "ip link set eth0 up", "ip link set lo up",
                      "ip route add 192.88.99.0/24 dev eth0 src 192.0.2.2"):  # fmt: skip
            subprocess.run(["nsenter", "-t", str(self.leader), "-n", *inner.split()], check=True)
        subprocess.run(f"ip -n {pool} route add 192.0.2.2/32 dev wire".split(), check=True)

    def pool(self, address: str, port: int, protocol: str) -> None:
        """Have a stand-in pool listen there.  Its namespace leads nowhere else."""
        subprocess.run(["ip", "-n", self._name, "addr", "add", f"{address}/32", "dev", "wire"], check=False,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        served = subprocess.Popen(
            ["ip", "netns", "exec", self._name, sys.executable, _HERE / "programs" / "pool.py", address, str(port),
             protocol],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._pools.append(served)
        assert served.stdout is not None
        if served.stdout.readline() != "listening\n":
            raise RuntimeError(f"the stand-in pool does not listen on {address}:{port}")

    def run(self, *command: str, check: bool = True, text: str = "", seconds: float = 120, group: str = _OURS) -> str:
        """Run a program inside and wait for it; gives what it printed.  Raises `RuntimeError` when it fails."""
        ran = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", *command],
            input=text, capture_output=True, text=True, errors="surrogateescape", timeout=seconds,
            preexec_fn=self._entering(group), env=_INSIDE | {"HOME": "/root"}, check=False,
        )  # fmt: skip
        if check and ran.returncode != 0:
            raise RuntimeError(f"{' '.join(command)[:200]}: {(ran.stderr or ran.stdout)[-1500:]}")
        return ran.stdout

    def _entering(self, group: str) -> Callable[[], None]:
        return lambda: self._enter(group)

    def put(self, path: str, content: bytes) -> None:
        """Write a file inside; folders above it are made."""
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1"'
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "/bin/sh", "-c", script, "sh", path],
            input=content, capture_output=True, check=False, preexec_fn=self._entering(_OURS), env=_INSIDE,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{path}: {done.stderr.decode(errors='replace')[-500:]}")

    def burning(self, seconds: float) -> float:
        """Cores that processes of the container took, or waited for, over so many seconds; those that ended too."""
        before, began = self._wanted_seconds(), time.monotonic()
        time.sleep(seconds)
        return (self._wanted_seconds() - before) / (time.monotonic() - began)

    def _wanted_seconds(self) -> float:
        """CPU time taken, and time in which somebody waited for a CPU.  Source: cgroup-v2.rst."""
        payload = self._groups[0] / "payload"
        taken = next(line for line in (payload / "cpu.stat").read_text().splitlines() if line.startswith("usage_usec "))
        waited = (payload / "cpu.pressure").read_text().splitlines()[0].rpartition("=")[2]
        return (int(taken.split()[1]) + int(waited)) / 1e6

    def close(self) -> None:
        """End everything, and leave nothing behind."""
        for served in self._pools:
            served.kill()
            served.wait()
        if self._nspawn.poll() is None:
            self._nspawn.terminate()
            if self.leader:
                with suppress(OSError):
                    os.kill(self.leader, 9)
        with suppress(subprocess.TimeoutExpired):
            self._nspawn.wait(_END_SECONDS)
        if self._nspawn.poll() is None:
            self._nspawn.kill()
            self._nspawn.wait()
        subprocess.run(["ip", "netns", "del", self._name], check=False, stderr=subprocess.DEVNULL)
        for group in self._groups:
            _remove(sorted((each for each in group.rglob("*") if each.is_dir()), reverse=True))
            _remove([group])
        shutil.rmtree(self._scratch, ignore_errors=True)


def _remove(groups: Sequence[Path]) -> None:
    """Control groups, innermost first; what ends a moment later is waited for."""
    deadline = time.monotonic() + 5.0
    for group in groups:
        while group.is_dir():
            try:
                group.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
