"""The Debian tree in which cases are recorded: made once, kept in ``/var/tmp/davy-lab``, never written to by a case.

``debian.txt`` and ``pypi.txt`` say what is in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bench.debian import FILES, Tree, listed

LAB: Final = Tree(Path(os.environ.get("DAVY_CORPUS", "/var/tmp/davy-lab")))
_HERE: Final = Path(__file__).parent
_SCIENCE: Final = "/opt/science"
_BASE: Final = (
    "systemd", "systemd-sysv", "dbus", "cron", "procps", "util-linux", "iproute2", "kmod", "passwd", "ca-certificates",
    "libsqlite3-0", "libffi8", "libssl3", "python3", "python3-venv", "tmux",
)  # fmt: skip
_QUIET: Final = (
    "boinc-client.service", "mariadb.service", "nginx.service", "postgresql.service", "redis-server.service",
    "unattended-upgrades.service", "clamav-freshclam.service", "apt-daily.timer", "apt-daily-upgrade.timer",
    "plocate-updatedb.timer", "phpsessionclean.timer", "dpkg-db-backup.timer", "logrotate.timer", "fstrim.timer",
    "e2scrub_all.timer",
)  # fmt: skip
"""What would start at every boot: a case starts what it is about, and nothing else runs."""


def ready() -> Path:
    """The tree, with this Davy in it; makes what is missing.  Raises `OSError` and `subprocess.CalledProcessError`."""
    LAB.once("base", ",".join(_BASE), lambda: LAB.bootstrap(_BASE))
    LAB.once("debian", (_HERE / "debian.txt").read_text(), _debian)
    LAB.once("pypi", (_HERE / "pypi.txt").read_text(), _pypi)
    LAB.once("finish", "\n".join((*_QUIET, *FILES.values())), _finish)
    LAB.davy()
    return LAB.path


def _debian() -> None:
    LAB.install(listed(_HERE / "debian.txt"))
    LAB.forget("finish")


def _pypi() -> None:
    LAB.inside("python3", "-m", "venv", "--without-pip", _SCIENCE)
    LAB.install_from_pypi(_SCIENCE, listed(_HERE / "pypi.txt"))


def _finish() -> None:
    for link in (LAB.path / "etc/systemd/system").glob("*.wants/*"):
        if link.name in _QUIET:
            link.unlink()
    LAB.name_itself()
    if "\nada:" not in (LAB.path / "etc/passwd").read_text():
        LAB.inside("useradd", "--uid", "1000", "--create-home", "--shell", "/bin/bash", "ada")
