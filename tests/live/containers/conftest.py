"""Real containers: a Docker daemon and Podman of the test's own, and nspawn; nothing of them is left afterwards.

No image is fetched: one is made of a static program.  No bridge, no firewall rule and no network is touched.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from tests.live.containers import aftermath
from tests.live.containers.aftermath import left_nothing
from tests.live.eviction.support import Davy, dies_with_us, tool, within

GANG = Path(__file__).parents[1] / "eviction" / "gang.c"
PASSWD = "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n"
MINING = ("-o", "stratum+tcp://127.0.0.1:3333", "-u", "nobody", "--donate-level=1")
SECONDS = 170
PROGRAM = "/tmp/kdevtmpfsi"


def for_a_while() -> list[str]:
    """The environment in which a member of a gang lives, as options of an engine."""
    return ["--env", f"GANG_UNTIL={time.time() + SECONDS:.0f}", "--env", "GANG_STOP=/stop"]


@pytest.fixture
def davy(tmp_path: Path) -> Davy:
    return Davy(tmp_path / "state")


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for an engine's data, where Davy does not look for what intruders leave."""
    folder = Path(tempfile.mkdtemp(prefix="davy-containers-", dir="/srv"))
    watch = [sys.executable, "-m", aftermath.__name__]
    with subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True) as watching:
        assert watching.stdin is not None
        watching.stdin.write(os.fsencode(folder) + b"\n")
        watching.stdin.flush()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
            watching.stdin.close()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Static programs that any container can run: one that idles, and one that burns."""
    folder = tmp_path_factory.mktemp("programs")
    made = {}
    for role in ("idle", "miner"):
        subprocess.run(
            [tool("gcc", "gcc"), "-static", "-O1", "-o", folder / role, GANG, f"-DROLE={role}", "-DARGUMENTS="],
            check=True,
        )  # fmt: skip
        made[role] = (folder / role).read_bytes()
    return made


def image(files: dict[str, bytes]) -> bytes:
    """A tree of these files, as an archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("etc", "tmp", "usr", "usr/bin"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(folder)
        for path, content in {"etc/passwd": PASSWD.encode(), **files}.items():
            file = tarfile.TarInfo(path)
            file.size, file.mode = len(content), 0o644 if path.startswith("etc/") else 0o755
            archive.addfile(file, io.BytesIO(content))
    return packed.getvalue()


class Engine:
    """An engine's client."""

    def __init__(self, *command: str | Path) -> None:
        self._command: Sequence[str] = [os.fspath(word) for word in command]

    def __call__(self, *words: str, given: bytes = b"") -> str:
        done = subprocess.run([*self._command, *words], input=given, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode().strip()

    def inspect(self, name: str, template: str) -> str:
        return self("inspect", "--format", template, name)

    def pid(self, name: str) -> int:
        return int(self.inspect(name, "{{.State.Pid}}"))

    def put(self, name: str, path: str, content: bytes) -> None:
        """A program into a container, as an intruder's download is."""
        place = Path(f"/proc/{self.pid(name)}/root{path}")
        place.write_bytes(content)
        place.chmod(0o755)
        os.chown(place, 999, 999)

    def drop_all(self) -> None:
        for name in self("ps", "--all", "--quiet").split():
            self("kill", name) if self.inspect(name, "{{.State.Running}}") == "true" else None
            self("rm", "--force", name)


@pytest.fixture
def docker(home: Path) -> Iterator[Engine]:
    """A Docker daemon of our own, without any network."""
    daemon, client = tool("dockerd", "docker.io"), "/usr/bin/docker"
    socket, settings = home / "docker.sock", home / "daemon.json"
    settings.write_text("{}")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                daemon, "--data-root", home / "data", "--exec-root", home / "exec", "--host", f"unix://{socket}",
                "--pidfile", home / "docker.pid", "--config-file", settings, "--storage-driver=vfs",
                "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us,
        )  # fmt: skip
    engine = Engine(client, "--host", f"unix://{socket}")
    try:
        assert within(30, lambda: socket.exists() or process.poll() is not None)
        assert process.poll() is None, (home / "log").read_text(errors="replace")[-2000:]
        yield engine
        engine.drop_all()
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        left_nothing(home)


@pytest.fixture
def podman(home: Path) -> Iterator[Engine]:
    """Podman with its storage at a place of our own."""
    engine = Engine(
        tool("podman", "podman"), "--root", home / "root", "--runroot", home / "runroot", "--tmpdir", home / "tmp",
        "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file",
        f"--runtime={tool('runc', 'runc')}",
    )  # fmt: skip
    try:
        yield engine
        engine.drop_all()
    finally:
        left_nothing(home)


def policy(engine: Engine, name: str) -> str:
    return str(json.loads(engine.inspect(name, "{{json .HostConfig.RestartPolicy}}"))["Name"])
