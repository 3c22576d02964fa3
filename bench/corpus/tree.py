"""The Debian tree in which cases are recorded: made once, kept in ``/var/tmp/davy-lab``, never written to by a case.

Debian and PyPI are reached by their ordinary clients as this machine has them set up; nothing of that set-up stays in
the tree.  ``debian.txt`` and ``pypi.txt`` say what is in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

HOME: Final = Path(os.environ.get("DAVY_CORPUS", "/var/tmp/davy-lab"))
TREE: Final = HOME / "tree"
_HERE: Final = Path(__file__).parent
_PROJECT: Final = Path(__file__).parents[2]
_SCIENCE: Final = "/opt/science"
DAVY: Final = "/opt/davy"
_BASE: Final = (
    "systemd,systemd-sysv,dbus,cron,procps,util-linux,iproute2,kmod,passwd,ca-certificates,libsqlite3-0,libffi8,libssl3,"
    "python3,python3-venv,tmux"
)
_QUIET: Final = (
    "boinc-client.service", "mariadb.service", "nginx.service", "postgresql.service", "redis-server.service",
    "unattended-upgrades.service", "clamav-freshclam.service", "apt-daily.timer", "apt-daily-upgrade.timer",
    "plocate-updatedb.timer", "phpsessionclean.timer", "dpkg-db-backup.timer", "logrotate.timer", "fstrim.timer",
    "e2scrub_all.timer",
)  # fmt: skip
"""What would start at every boot: a case starts what it is about, and nothing else runs."""
_FILES: Final = {
    "etc/hostname": "lab\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab\n",
    "etc/resolv.conf": "nameserver 192.88.99.53\n",
    "etc/machine-id": "1ab01ab01ab01ab01ab01ab01ab01ab0\n",
    "etc/apt/sources.list": "deb http://deb.debian.org/debian bookworm main\n",
}


def lock() -> BinaryIO:
    """Have the tree to ourselves, and wait for who else has it; let go of when what it gives is closed."""
    HOME.mkdir(parents=True, exist_ok=True)
    held = (HOME / "lock").open("wb")
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def ready() -> Path:
    """The tree, with this Davy in it; makes what is missing.  Raises `OSError` and `subprocess.CalledProcessError`."""
    HOME.mkdir(parents=True, exist_ok=True)
    _once("base", _BASE, _base)
    _once("debian", (_HERE / "debian.txt").read_text(), _debian)
    _once("pypi", (_HERE / "pypi.txt").read_text(), _pypi)
    _once("finish", "\n".join((*_QUIET, *_FILES.values())), _finish)
    _once("davy", _source_digest(), _davy)
    return TREE


def _once(name: str, content: str, make: Callable[[], None]) -> None:
    stamp, digest = HOME / f"{name}.made", hashlib.sha256(content.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    print(f"making the tree: {name}", file=sys.stderr, flush=True)
    make()
    stamp.write_text(digest)


def _listed(name: str) -> list[str]:
    lines = (_HERE / name).read_text().splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def _base() -> None:
    if TREE.exists():
        shutil.rmtree(TREE)
    sources = (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*"))
    words = (word for source in sources if source.is_file() for word in source.read_text().split())
    mirror = next(
        (word for word in words if re.fullmatch(r"https?://\S+/debian/?", word)), "http://deb.debian.org/debian"
    )
    subprocess.run(
        ["nice", "debootstrap", "--variant=minbase", f"--include={_BASE}", "bookworm", TREE, mirror],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@contextmanager
def _reaching_out() -> Iterator[None]:
    """The tree with this machine's way to Debian, which is taken out of it again."""
    lent = [Path("/etc/resolv.conf"), Path("/etc/hosts"), *Path("/etc/apt/sources.list.d").glob("debian*")]
    policy = TREE / "usr/sbin/policy-rc.d"
    for path in lent:
        shutil.copy(path, f"{TREE}{path}")
    (TREE / "etc/apt/sources.list").write_text("")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    subprocess.run(["mount", "-t", "proc", "proc", TREE / "proc"], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", TREE / "proc"], check=True)
        for path in (policy, *(TREE / "etc/apt/sources.list.d").glob("*")):
            path.unlink()
        _write_files()


def _write_files() -> None:
    for name, text in _FILES.items():
        (TREE / name).write_text(text)


def _debian() -> None:
    with _reaching_out():
        inside("apt-get", "-qq", "update")
        inside("apt-get", "-qq", "install", "-y", "--no-install-recommends", *_listed("debian.txt"))
        inside("apt-get", "clean")
    (HOME / "finish.made").unlink(missing_ok=True)


def _pypi() -> None:
    inside("python3", "-m", "venv", "--without-pip", _SCIENCE)
    _install(_SCIENCE, *_listed("pypi.txt"))


def _install(environment: str, *packages: str) -> None:
    target = f"{TREE}{environment}/lib/python3.11/site-packages"
    subprocess.run(
        [
            "nice", sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--upgrade",
            "--target", target, *packages,
        ],
        check=True, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip


def _finish() -> None:
    for link in (TREE / "etc/systemd/system").glob("*.wants/*"):
        if link.name in _QUIET:
            link.unlink()
    _write_files()
    if "\nada:" not in (TREE / "etc/passwd").read_text():
        inside("useradd", "--uid", "1000", "--create-home", "--shell", "/bin/bash", "ada")


def _source_digest() -> str:
    files = [_PROJECT / "pyproject.toml", *sorted((_PROJECT / "src").rglob("*"))]
    kept = (file for file in files if file.is_file() and file.suffix in (".py", ".c", ".toml", ".json"))
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in kept)


def _davy() -> None:
    """This Davy as an installation has it, so that a capsule shows no path of this machine."""
    inside("python3", "-m", "venv", "--clear", "--without-pip", DAVY)
    _install(DAVY, str(_PROJECT))


def inside(*command: str) -> None:
    """Run a program of the tree in the tree.  Raises `subprocess.CalledProcessError`."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    subprocess.run(["nice", "chroot", TREE, *command], check=True, env=environment, stdout=subprocess.DEVNULL)
