"""A private mount and pid namespace in which processes are hidden, gone with all that is in it when it is closed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_HERE: Final = Path(__file__).parent
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOLDER: Final = "/dev/shm/stage"
COVERED: Final = f"{FOLDER}/kdevtmpfsi"
PRELOADED: Final = f"{FOLDER}/dbused"
LIBRARY: Final = f"{FOLDER}/libprocesshider.so"
_SECONDS: Final = 10.0


class Ran(NamedTuple):
    """What a command inside printed, and how long it took; ``status`` is None when its time was over."""

    output: str
    seconds: float
    status: int | None


class Stage:
    """Use it in ``with``.  ``/dev/shm`` and ``/etc`` in it are its own; nothing of the host is changed."""

    def __init__(self, pid_max: int | None) -> None:
        self._children: list[subprocess.Popen[bytes]] = []
        self._first = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sleep", "infinity"],
            stdin=subprocess.DEVNULL,
        )
        self._leader = 0
        try:
            _wait_for(self._up, "the namespace")
            self.shell("mount -t tmpfs none /dev/shm && mkdir " + FOLDER)
            if pid_max is not None:
                self.shell(f"echo {pid_max} > /proc/sys/kernel/pid_max")
            self.pid_max = int(self.shell("cat /proc/sys/kernel/pid_max"))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _up(self) -> bool:
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text().split()
        self._leader = int(children[0]) if children else 0
        return bool(self._leader) and "sleep" in Path(f"/proc/{self._leader}/comm").read_text()

    def close(self) -> None:
        if self._leader:
            with suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGKILL)  # all others in its pid namespace end with it
        for child in (*self._children, self._first):
            child.kill()
            child.wait()

    def _inside(self, command: list[str]) -> list[str]:
        return ["nsenter", "--target", str(self._leader), "--mount", "--pid", "--", *command]

    def run(self, command: list[str], seconds: float) -> Ran:
        """Run a command inside, for ``seconds`` at most; whatever it has started ends with it."""
        begun = time.monotonic()
        child = subprocess.Popen(
            self._inside(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, cwd="/",
            env={"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        status: int | None = None
        try:
            output, _ = child.communicate(timeout=seconds)
            status = child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            output, _ = child.communicate()
        return Ran(output, time.monotonic() - begun, status)

    def shell(self, line: str) -> str:
        """What a shell inside prints.  Raises RuntimeError when it fails."""
        ran = self.run(["/bin/sh", "-c", line], _SECONDS)
        if ran.status != 0:
            raise RuntimeError(f"{line}: {ran.output}")
        return ran.output

    def start(self, program: str) -> int:
        """Start a loop of this name that burns a core; its pid inside."""
        self.shell(f"cp --dereference /bin/sh {program}")
        child = subprocess.Popen(
            self._inside([program, "-c", "while :; do :; done"]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self._children.append(child)
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        _wait_for(lambda: bool(children.read_text().split()), program)
        outside = int(children.read_text().split()[0])
        _wait_for(lambda: os.readlink(f"/proc/{outside}/exe") == program, program)
        status = Path(f"/proc/{outside}/status").read_text()
        return next(int(line.split()[-1]) for line in status.splitlines() if line.startswith("NSpid:"))

    def cover(self, pid: int) -> None:
        """Mount an empty folder over a process's."""
        self.shell(f"mkdir {FOLDER}/empty && mount --bind {FOLDER}/empty /proc/{pid}")

    def preload(self, pid: int) -> None:
        """Have a library loaded into every program that leaves this process out of listings."""
        with tempfile.TemporaryDirectory(prefix="davy-bench-", dir="/var/tmp") as folder:
            library = f"{folder}/hide.so"
            subprocess.run(
                ["gcc", "-shared", "-fPIC", "-O2", f'-DHIDDEN="{pid}"', "-o", library, _HERE / "hide.c", "-ldl"],
                check=True,
            )  # fmt: skip
            self.shell(f"cp {library} {LIBRARY}")
        self.shell(f"cp -a /etc {FOLDER}/etc && mount --bind {FOLDER}/etc /etc && echo {LIBRARY} > /etc/ld.so.preload")

    def forge(self) -> None:
        """Mount a copy of ``/proc/stat`` over it that does not move any more: the machine looks idle."""
        self.shell(f"cat /proc/stat > {FOLDER}/stat && mount --bind {FOLDER}/stat /proc/stat")


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        with suppress(OSError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.01)
