"""A library preloaded into every program hides a burner from ps, top and Python's own listing; Davy is not deceived.

All of it in a mount namespace of its own, with an ``/etc`` of its own: the machine's preload file is never touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from davy.hands.attributes import IMMUTABLE, inode_flags, set_inode_flags

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
BURNER_SOURCE = HERE.parents[2] / "bench/scan/burner.c"
PRELOAD_FILE = Path("/etc/ld.so.preload")
LIBM = f"/lib/{os.uname().machine}-linux-gnu/libm.so.6"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def compiled(source: Path, made: Path, *options: str) -> Path:
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", *options, "-o", made, source], check=True)
    return made


class Room:
    """A mount namespace with an ``/etc`` of its own, a copy of the machine's; processes are everybody's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = folder / "etc"
        own.mkdir()
        setup = (
            f"mount -t tmpfs own {own} && cp -a /etc/. {own} && mount --bind {own} /etc && echo ready && exec sleep 300"
        )
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", setup],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._started: list[subprocess.Popen[str]] = []
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        self.etc = Path(f"/proc/{self._holder.pid}/root/etc")

    def _entered(self, *command: str | Path) -> list[str]:
        return ["nsenter", "--mount", f"--target={self._holder.pid}", f"--wd={self.folder}", *map(str, command)]

    def run(
        self, *command: str | Path, env: dict[str, str] | None = None, seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._entered("env", *(f"{name}={value}" for name, value in (env or {}).items()), *command),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    def python(self, text: str) -> str:
        done = self.run(sys.executable, "-c", text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._entered(*command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True
        )
        self._started.append(process)
        assert within(5, lambda: os.readlink(f"/proc/{process.pid}/exe") == str(command[0]))
        return process

    def davy(self, *words: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        state = self.folder / "state"
        done = self.run(sys.executable, "-m", "davy", *words, "--json", "--state", state, env=env, seconds=120)
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    def preload(self, text: str) -> Path:
        path = self.etc / PRELOAD_FILE.name
        path.write_text(text)
        return path

    def close(self) -> None:
        for process in (*self._started, self._holder):
            process.kill()
            process.wait()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    before = os.path.lexists(PRELOAD_FILE)
    made = Room(tmp_path)
    try:
        yield made
    finally:
        preload = made.etc / PRELOAD_FILE.name
        if preload.exists():
            unlocked(preload)
        made.close()
        assert os.path.lexists(PRELOAD_FILE) is before, "the machine's own preload file was touched"


def unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    flags = inode_flags(descriptor)
    if flags is not None and flags & IMMUTABLE:
        set_inode_flags(descriptor, flags & ~IMMUTABLE)
    os.close(descriptor)


def locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    flags = inode_flags(descriptor)
    if flags is not None and not flags & IMMUTABLE:
        try:
            set_inode_flags(descriptor, flags | IMMUTABLE)
        except OSError:
            flags = None
    os.close(descriptor)
    return flags is not None


@pytest.fixture
def burner(room: Room, tmp_path: Path) -> subprocess.Popen[str]:
    return room.start(compiled(BURNER_SOURCE, tmp_path / "netdnsd"))


@pytest.fixture
def library(burner: subprocess.Popen[str], tmp_path: Path) -> Path:
    """Hides the burner from whoever has it loaded."""
    return compiled(HERE / "hides.c", tmp_path / "libhides.so", "-shared", "-fPIC", f'-DHIDDEN="{burner.pid}"', "-ldl")


def actors(found: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [actor for one in found["incidents"] for actor in one["actors"] if actor["role"] == role]


def gaps(found: dict[str, Any]) -> list[str]:
    return [f"{gap['what']}: {gap['why']}" for gap in found["gaps"] if gap["collector"] == "preloads"]


def listed(room: Room, pid: int) -> dict[str, bool]:
    """Which of the usual tools show a process, in the room."""
    tools = {"PATH": SYSTEM_PATH, "COLUMNS": "512"}
    return {
        "ps": str(pid) in room.run("ps", "-e", "-o", "pid=", env=tools).stdout.split(),
        "top": any(
            line.split()[:1] == [str(pid)] for line in room.run("top", "-b", "-n", "1", env=tools).stdout.splitlines()
        ),
        "python": room.python(f"import os; print('{pid}' in os.listdir('/proc'))") == "True",
    }


def test_a_burner_hidden_from_every_tool_is_found_evicted_and_its_library_put_back(
    room: Room, burner: subprocess.Popen[str], library: Path
) -> None:
    assert listed(room, burner.pid) == {"ps": True, "top": True, "python": True}
    text = f"{LIBM}:{library} # both\n"
    preload = room.preload(text)
    assert listed(room, burner.pid) == {"ps": False, "top": False, "python": False}
    victim = room.start("/usr/bin/sleep", "250")
    assert within(5, lambda: str(library) in Path(f"/proc/{victim.pid}/maps").read_text())
    content, immutable = library.read_bytes(), locked(preload)

    status, found = room.davy("scan")
    assert (status, found["verdict"]) == (1, "confirmed"), json.dumps(found, indent=1)
    assert [actor["pid"] for actor in actors(found, "miner")] == [burner.pid]
    (hider,) = actors(found, "hider")
    assert (hider["kind"], hider["path"], hider["files"]) == ("library", str(library), [str(library)])
    rules = {finding["rule"] for one in found["incidents"] for finding in one["findings"]}
    assert {"concealment.preload-file", "concealment.preload-hides"} <= rules
    assert gaps(found) == [f"Davy itself: was preloaded with {library}; it started again without"]

    status, plan = room.davy("evict", "--dry-run")
    steps = plan["steps"]
    line, file = (
        next(number for number, step in enumerate(steps) if part in step)
        for part in ("out of /etc/ld.so.preload", f"move {library}")
    )
    assert line < file
    assert "keep it until they end" in steps[file]
    status, done = room.davy("evict", "--yes", "--verify-for", "1")
    assert (status, done["clean"], done["left"], done["remaining"]) == (0, True, [], []), json.dumps(done, indent=1)
    assert burner.wait(5) == -9
    assert preload.read_text() == f"{LIBM} # both\n"
    assert not library.exists()
    assert victim.poll() is None
    assert listed(room, victim.pid) == {"ps": True, "top": True, "python": True}
    status, found = room.davy("scan")
    assert (status, found["verdict"]) == (0, "clean"), json.dumps(found, indent=1)

    status, undone = room.davy("undo", "--yes")
    assert (status, undone["left"]) == (0, [])
    assert undone["put_back"][-1] == "/etc/ld.so.preload", "the library is back before the line that names it"
    assert (preload.read_text(), library.read_bytes()) == (text, content)
    if immutable:
        descriptor = os.open(preload, os.O_RDONLY)
        assert (inode_flags(descriptor) or 0) & IMMUTABLE
        os.close(descriptor)
