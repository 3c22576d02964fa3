"""Debian trees for measuring and recording: made once by ``debootstrap`` and ``apt``, kept under ``/var/tmp``.

Debian and PyPI are reached by their ordinary clients as this machine has them set up; nothing of that set-up stays in
a tree.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_PROJECT: Final = Path(__file__).parents[1]
_RELEASE: Final = "bookworm"
DAVY: Final = "/opt/davy"
"""Where this Davy is in a tree, as an installation has it: so that no fact taken there shows a path of this machine."""
FILES: Final[Mapping[str, str]] = {
    "etc/hostname": "lab\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab\n",
    "etc/resolv.conf": "nameserver 192.88.99.53\n",
    "etc/machine-id": "1ab01ab01ab01ab01ab01ab01ab01ab0\n",
    "etc/apt/sources.list": f"deb http://deb.debian.org/debian {_RELEASE} main\n",
}
"""What every tree says of itself."""


def listed(file: Path) -> list[str]:
    """The packages that a list names; lines that begin with ``#`` explain."""
    return [word for line in file.read_text().splitlines() if not line.startswith("#") for word in line.split()]


class Tree:
    """One tree, in a folder with its lock and with the stamps of what was done to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "tree"

    def lock(self) -> BinaryIO:
        """Have the tree to ourselves, and wait for who else has it; let go of when what it gives is closed."""
        self.home.mkdir(parents=True, exist_ok=True)
        held = (self.home / "lock").open("wb")
        fcntl.flock(held, fcntl.LOCK_EX)
        return held

    def once(self, name: str, content: str, make: Callable[[], None]) -> None:
        """Do something to the tree unless it was done before with the same content."""
        stamp, digest = self.home / f"{name}.made", hashlib.sha256(content.encode()).hexdigest()
        if stamp.is_file() and stamp.read_text() == digest:
            return
        print(f"making the tree: {name}", file=sys.stderr, flush=True)
        make()
        stamp.write_text(digest)

    def forget(self, name: str) -> None:
        """Have something done to the tree again."""
        (self.home / f"{name}.made").unlink(missing_ok=True)

    def bootstrap(self, packages: Sequence[str]) -> None:
        """Make the tree anew with the least there can be, and these.  Raises `subprocess.CalledProcessError`."""
        if self.path.exists():
            shutil.rmtree(self.path)
        subprocess.run(
            ["nice", "debootstrap", "--variant=minbase", f"--include={','.join(packages)}", _RELEASE, self.path,
             _mirror()],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def install(self, packages: Sequence[str], *, recommended: bool = False) -> None:
        """Install packages, starting none of their services.  Raises `subprocess.CalledProcessError`."""
        with self._reaching_out():
            self.inside("apt-get", "-qq", "update")
            words = [] if recommended else ["--no-install-recommends"]
            self.inside("apt-get", "-qq", "install", "-y", *words, *packages)
            self.inside("apt-get", "clean")

    def install_from_pypi(self, environment: str, packages: Sequence[str]) -> None:
        """Install packages of PyPI into a virtual environment in the tree, for the tree's Python 3.11."""
        target = f"{self.path}{environment}/lib/python3.11/site-packages"
        subprocess.run(
            [
                "nice", sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--upgrade",
                "--target", target, *packages,
            ],
            check=True, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip

    def davy(self) -> None:
        """Have this Davy in the tree.  Its Python is the tree's, with ``python3-venv``."""

        def make() -> None:
            self.inside("python3", "-m", "venv", "--clear", "--without-pip", DAVY)
            self.install_from_pypi(DAVY, [str(_PROJECT)])
            self.inside(f"{DAVY}/bin/python", "-m", "compileall", "-q", f"{DAVY}/lib")

        self.once("davy", _source_digest(), make)

    def inside(self, *command: str) -> None:
        """Run a program of the tree in the tree.  Raises `subprocess.CalledProcessError`."""
        programs = "/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": programs, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        subprocess.run(["nice", "chroot", self.path, *command], check=True, env=environment, stdout=subprocess.DEVNULL)

    def name_itself(self) -> None:
        """Write the files by which every tree is the same host."""
        for name, text in FILES.items():
            (self.path / name).write_text(text)

    @contextmanager
    def _reaching_out(self) -> Iterator[None]:
        """The tree with this machine's way to Debian, which is taken out of it again."""
        lent = [Path("/etc/resolv.conf"), Path("/etc/hosts"), *Path("/etc/apt/sources.list.d").glob("debian*")]
        policy = self.path / "usr/sbin/policy-rc.d"
        for path in lent:
            shutil.copy(path, f"{self.path}{path}")
        (self.path / "etc/apt/sources.list").write_text("")
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        subprocess.run(["mount", "-t", "proc", "proc", self.path / "proc"], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", self.path / "proc"], check=True)
            for path in (policy, *(self.path / "etc/apt/sources.list.d").glob("*")):
                path.unlink()
            self.name_itself()


def _mirror() -> str:
    """The archive of Debian that this machine's ``apt`` is set up with."""
    sources = (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*"))
    words = (word for source in sources if source.is_file() for word in source.read_text().split())
    return next(
        (word for word in words if re.fullmatch(r"https?://\S+/debian/?", word)), "http://deb.debian.org/debian"
    )


def _source_digest() -> str:
    files = [_PROJECT / "pyproject.toml", *sorted((_PROJECT / "src").rglob("*"))]
    kept = (file for file in files if file.is_file() and file.suffix in (".py", ".c", ".toml", ".json"))
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in kept)
