"""What the door tests share: a network of their own for real services, and what Davy says of one of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.live.eviction.support import Davy, dies_with_us, missing, within

ADDRESSES = ("198.51.100.1", "10.0.0.1")
"""What a network has beside loopback: one address of documentation, one private."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program(name: str, package: str, *more: str) -> str:
    """The path of a program, in ``more`` folders, too; without it the test is skipped, in CI it fails."""
    found = shutil.which(name, path=":".join((_PATH, *more)))
    return found or missing(f"needs {name} (apt-get install {package})")


class Network:
    """A network namespace with loopback and two addresses on it, from which nothing leads out."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=dies_with_us)
        self._started: list[subprocess.Popen[bytes]] = []
        own = os.readlink("/proc/self/ns/net")
        assert within(10, lambda: self._namespace() not in ("", own))
        self.run("ip", "link", "set", "lo", "up")
        for address in ADDRESSES:
            self.run("ip", "address", "add", f"{address}/32", "dev", "lo")

    def _namespace(self) -> str:
        try:
            return os.readlink(f"/proc/{self._holder.pid}/ns/net")
        except OSError:
            return ""

    def _inside(self, words: Sequence[str], user: str | None) -> list[str]:
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"] if user else []
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--", *as_user, *words]

    def run(
        self, *words: str, user: str | None = None, check: bool = True, stdin: str | None = None, seconds: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """A program in it."""
        done = subprocess.run(
            self._inside(words, user), input=stdin or "", capture_output=True, text=True, timeout=seconds, check=False,
            env={"PATH": _PATH, "LC_ALL": "C.UTF-8", **(environment or {})},
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def start(
        self, *words: str, user: str | None = None, log: Path | None = None, cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> int:  # fmt: skip
        """A service in it, which stays until it is stopped; its pid."""
        output = log.open("ab") if log else subprocess.DEVNULL
        process = subprocess.Popen(
            self._inside(words, user), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd or "/",
            env={"PATH": _PATH, "LC_ALL": "C.UTF-8", **(environment or {})}, preexec_fn=dies_with_us,
        )  # fmt: skip
        if log:
            output.close()
        self._started.append(process)
        return process.pid

    def listens(self, port: int) -> bool:
        """Whether anything in it listens on a port."""
        tables = (Path(f"/proc/{self._holder.pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
        rows = (line.split() for table in tables for line in table.splitlines()[1:])
        return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)

    def stop(self, pid: int) -> None:
        """End a service that was started in it, as its own user would."""
        process = next(one for one in self._started if one.pid == pid)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        for process in self._started:
            self.stop(process.pid)
        self._holder.kill()
        self._holder.wait()


def stands_open(davy: Davy, kind: str, pid: int, *options: str) -> dict[str, dict[str, Any]]:
    """What `davy harden` says of one service, by what opens it."""
    told = davy.json("harden", *options).json["exposures"]
    return {one["opening"]: one for one in told if one["subject"] == f"service:{kind}:{pid}"}
