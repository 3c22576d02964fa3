"""What the live tests share: a throw-away Debian with real systemd and cron, booted in half a second."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = "systemd,systemd-sysv,dbus,libpam-systemd,cron,procps,util-linux,libsqlite3-0,libffi8,libssl3"
SERVERS = "iproute2,openssh-server,openssh-client,sshpass,rsyslog,nginx-light,php-fpm"
IN_CI = os.environ.get("CI") == "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("live"):
            item.add_marker(pytest.mark.skip(reason="needs root: real processes, files and services are touched"))


class Lab:
    """One booted container; this project and its Python are bound read-only.

    What changes in it is thrown away, unless it is ``kept`` in ``root``.
    """

    def __init__(self, root: Path, name: str, log: Path, *, kept: bool = False) -> None:
        self._groups = [
            path for kind in ("unified", "systemd") if (path := Path("/sys/fs/cgroup") / kind).is_dir()
        ] or [Path("/sys/fs/cgroup")]
        self._mine = [group / name for group in self._groups]
        for group in self._mine:
            group.mkdir(exist_ok=True)

        def enter() -> None:
            for group in self._mine:
                (group / "cgroup.procs").write_text(str(os.getpid()))
            os.setsid()

        self._log = log.open("wb")
        self._nspawn = subprocess.Popen(
            [
                "systemd-nspawn", "--boot", f"--directory={root}", f"--machine={name}",
                *([] if kept else ["--volatile=overlay"]),
                "--register=no", "--keep-unit", "--private-network", "--capability=all",
                f"--bind-ro={PROJECT}", f"--bind-ro={sys.base_prefix}",
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, preexec_fn=enter,
        )  # fmt: skip
        self.leader = 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            if children:
                self.leader = int(children[0])
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.05)
        self.close()
        raise RuntimeError(f"the lab did not come up: {log.read_text(errors='replace')[-2000:]}")

    def run(self, *command: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """A command in the container."""
        return subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", *command],
            capture_output=True, text=True, check=check, timeout=timeout, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "davy", *arguments, check=check, timeout=timeout)

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        self.put(path, text.encode(), mode)

    def put(self, path: str, content: bytes, mode: str = "0644") -> None:
        script = f"mkdir -p $(dirname {path}); cat > {path}; chmod {mode} {path}"
        subprocess.run(["nsenter", "-t", str(self.leader), "-a", "/bin/sh", "-c", script], input=content, check=True)

    def close(self) -> None:
        if self.leader and self._nspawn.poll() is None:
            self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._log.close()
        for group in self._mine:
            for folder in sorted(group.rglob("*"), reverse=True):
                if folder.is_dir():
                    folder.rmdir()
            group.rmdir()


@pytest.fixture(scope="session")
def lab_root() -> Iterator[Path]:
    """A Debian tree with systemd; ``DAVY_LAB_ROOT`` names one that was made before."""
    with debian("DAVY_LAB_ROOT", PACKAGES) as root:
        yield root


@pytest.fixture(scope="session")
def servers_root() -> Iterator[Path]:
    """The same with sshd, nginx and PHP-FPM; ``DAVY_SERVERS_LAB_ROOT`` names one that was made before."""
    with debian("DAVY_SERVERS_LAB_ROOT", f"{PACKAGES},{SERVERS}") as root:
        yield root


@contextmanager
def debian(ready: str, packages: str) -> Iterator[Path]:
    """A Debian tree with these packages, unless the variable ``ready`` names one."""
    if ready in os.environ:
        yield Path(os.environ[ready])
        return
    missing = [tool for tool in ("debootstrap", "systemd-nspawn") if shutil.which(tool) is None]
    if missing:
        if IN_CI:
            pytest.fail(f"missing: {', '.join(missing)}")
        pytest.skip(f"needs {', '.join(missing)} (apt-get install debootstrap systemd-container)")
    folder = Path(tempfile.mkdtemp(prefix="davy-lab-", dir="/var/tmp"))
    sources = (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*"))
    words = (word for source in sources if source.is_file() for word in source.read_text().split())
    mirror = next(
        (word for word in words if re.fullmatch(r"https?://\S+/debian/?", word)), "http://deb.debian.org/debian"
    )
    try:
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(folder), mirror],
            check=True, stdout=subprocess.DEVNULL, timeout=600,
        )  # fmt: skip
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def lab(lab_root: Path, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(lab_root, f"davy-lab-{os.getpid()}", tmp_path / "lab.log")
    yield made
    made.close()


@pytest.fixture(scope="module")
def lab_for_module(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for all tests of a module."""
    made = Lab(lab_root, f"davy-lab-module-{os.getpid()}", tmp_path_factory.mktemp("lab") / "lab.log")
    yield made
    made.close()


@pytest.fixture
def servers(servers_root: Path, tmp_path: Path) -> Iterator[Lab]:
    """A lab in which sshd, nginx and PHP-FPM run as Debian sets them up."""
    made = Lab(servers_root, f"davy-servers-{os.getpid()}", tmp_path / "servers.log")
    yield made
    made.close()


@pytest.fixture
def rebootable(lab_root: Path, tmp_path: Path) -> Iterator[Callable[[], AbstractContextManager[Lab]]]:
    """Boots one container, again and again, each time in ``with``: what changes in it is kept until the test ends."""
    changes, work, tree = tmp_path / "changes", tmp_path / "work", tmp_path / "tree"
    for folder in (changes, work, tree):
        folder.mkdir()
    layers = f"lowerdir={lab_root},upperdir={changes},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "davy-lab", "-o", layers, str(tree)], check=True)
    boots = itertools.count()

    @contextmanager
    def boot() -> Iterator[Lab]:
        number = next(boots)
        made = Lab(tree, f"davy-lab-{os.getpid()}-{number}", tmp_path / f"lab-{number}.log", kept=True)
        try:
            yield made
        finally:
            made.close()

    try:
        yield boot
    finally:
        subprocess.run(["umount", str(tree)], check=True)
        shutil.rmtree(changes)
