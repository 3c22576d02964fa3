"""A Debian with everything on it: web, databases, mail, a desktop, development.  ``debian.txt`` says what.

It is made once and kept in ``/var/tmp/davy-autostarts``; nothing is written to it afterwards.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bench.debian import FILES, Tree, listed

FULL: Final = Tree(Path(os.environ.get("DAVY_AUTOSTARTS", "/var/tmp/davy-autostarts")))
_PACKAGES: Final = Path(__file__).with_name("debian.txt")
_BASE: Final = (
    "systemd", "systemd-sysv", "dbus", "procps", "util-linux", "iproute2", "kmod", "passwd", "ca-certificates", "udev",
)  # fmt: skip


def ready() -> Path:
    """The tree, with this Davy in it; makes what is missing.  Raises `OSError` and `subprocess.CalledProcessError`."""
    FULL.once("base", ",".join(_BASE), lambda: FULL.bootstrap(_BASE))
    FULL.once("debian", _PACKAGES.read_text(), lambda: FULL.install(listed(_PACKAGES), recommended=True))
    FULL.once("finish", "\n".join(FILES.values()), _finish)
    FULL.davy()
    return FULL.path


def _finish() -> None:
    """A person's account, as such a host has one."""
    FULL.name_itself()
    if "\nada:" not in (FULL.path / "etc/passwd").read_text():
        FULL.inside("useradd", "--uid", "1000", "--create-home", "--shell", "/bin/bash", "ada")


def size() -> str:
    """How much there is of what it is measured by, in words."""
    root = FULL.path
    packages = sum(line == "Status: install ok installed" for line in _status(root))
    folders = ("usr/lib/systemd/system", "usr/lib/systemd/user", "etc/systemd/system", "etc/systemd/user")
    units = sum(path.is_file() for folder in folders for path in (root / folder).iterdir() if not path.is_symlink())
    return f"{packages:,} packages, {units:,} unit files"


def _status(root: Path) -> list[str]:
    return (root / "var/lib/dpkg/status").read_text(errors="replace").splitlines()
