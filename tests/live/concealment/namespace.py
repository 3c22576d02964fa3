"""A private mount and pid namespace in a control group of its own, gone with all that is in it when it is closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.live.eviction.support import Answer, dies_with_us, within

PROJECT = Path(__file__).resolve().parents[3]
BURNER = "/dev/shm/kdevtmpfsi"


class Burner(NamedTuple):
    """A harmless loop; its pid inside and outside."""

    pid: int
    outside: int


class Namespace:
    """What is mounted and what runs in it is nobody else's; ``/dev/shm`` is its own, too.  Use it in ``with``."""

    def __init__(self) -> None:
        self._groups = self._made_groups()
        self._children: list[subprocess.Popen[bytes]] = []
        self._state = tempfile.TemporaryDirectory(prefix="davy-covers-", dir="/var/tmp")
        self.state = Path(self._state.name) / "state"
        self._first = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sleep", "infinity"],
            preexec_fn=self._enter, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.leader = 0
        if not within(10, self._up):
            self.close()
            raise RuntimeError("the namespace did not come up")
        self.run("mount", "-t", "tmpfs", "none", "/dev/shm")

    def _up(self) -> bool:
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text().split()
        if not children:
            return False
        self.leader = int(children[0])
        return "sleep" in Path(f"/proc/{self.leader}/comm").read_text()

    @staticmethod
    def _made_groups() -> list[Path]:
        hierarchies = [path for name in ("unified", "systemd") if (path := Path("/sys/fs/cgroup") / name).is_dir()]
        made = [path / f"davy-covers-{os.getpid()}" for path in hierarchies or [Path("/sys/fs/cgroup")]]
        for group in made:
            group.mkdir(exist_ok=True)
        return made

    def _enter(self) -> None:
        dies_with_us()
        for group in self._groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.leader:
            with suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)  # all others in its pid namespace end with it
        for child in (*self._children, self._first):
            child.kill()
            child.wait()
        for group in self._groups:
            assert within(10, lambda group=group: _removed(group)), f"{group} is not empty"  # type: ignore[misc]
        self._state.cleanup()

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", "--target", str(self.leader), "--mount", "--pid", "--", *command]

    def run(self, *command: str, check: bool = True, seconds: float = 60) -> str:
        """What a command inside prints."""
        done = subprocess.run(
            self._inside(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
            preexec_fn=self._enter, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def python(self, code: str) -> str:
        """What Python code inside prints."""
        return self.run(sys.executable, "-c", code)

    def davy(self, *arguments: str, seconds: float = 120) -> Answer:
        """Davy, as a person inside runs it."""
        command = [sys.executable, "-m", "davy", *arguments, "--json", "--state", os.fspath(self.state)]
        done = subprocess.run(
            self._inside(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
            preexec_fn=self._enter, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr == ""
        return Answer(done.returncode, json.loads(done.stdout))

    def considered(self) -> list[dict[str, Any]]:
        """What the last scan looked at closely and let go."""
        done = self.run(sys.executable, "-m", "davy", "explain", "--json", "--state", os.fspath(self.state))
        found: list[dict[str, Any]] = json.loads(done)
        return found

    def burner(self, program: str = BURNER) -> Burner:
        """Start a loop under a miner's name."""
        self.run("cp", "--dereference", "/bin/sh", program)
        return self.start(program, "-c", "while :; do :; done")

    def start(self, *command: str) -> Burner:
        """Start something inside that goes on."""
        child = subprocess.Popen(
            self._inside(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=self._enter
        )
        self._children.append(child)
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        assert within(10, lambda: bool(children.read_text().split())), f"{command} did not start"
        outside = int(children.read_text().split()[0])
        assert within(10, lambda: _runs(outside, command[0])), f"{command} did not start"
        status = Path(f"/proc/{outside}/status").read_text()
        (inside,) = [line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:")]
        return Burner(int(inside), outside)

    def mounted(self, point: str) -> int:
        """How many mounts there are at a point."""
        rows = Path(f"/proc/{self.leader}/mountinfo").read_text().splitlines()
        return sum(row.split(" ")[4] == point for row in rows)


def _runs(pid: int, program: str) -> bool:
    return os.readlink(f"/proc/{pid}/exe") == os.path.realpath(program) or os.readlink(f"/proc/{pid}/exe") == program


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()
