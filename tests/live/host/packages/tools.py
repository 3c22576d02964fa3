"""The package tools of other distributions, fetched as Debian's packages and unpacked, not installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("rpm", "pacman-package-manager", "libarchive-tools", "db5.3-util")
_NEEDED = re.compile(r"^Inst (\S+) \(", re.MULTILINE)
"""What is not installed yet; what is would only be renewed, C library and all."""


class Tools:
    """What runs the tools that lie below a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises `subprocess.CalledProcessError` where they cannot be had."""
        apt = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root")
        try:
            plan = _output(*apt, "-s", "--no-install-recommends", "install", *_NAMES)
        except subprocess.CalledProcessError:  # the lists are old, or there are none
            _output(*apt, "update")
            plan = _output(*apt, "-s", "--no-install-recommends", "install", *_NAMES)
        if needed := _NEEDED.findall(plan):
            _output(*apt, "download", *needed, cwd=folder)
        for package in folder.glob("*.deb"):
            _output("dpkg-deb", "-x", str(package), str(folder))
        libraries = ":".join(str(path) for path in folder.glob("usr/lib/*-linux-gnu"))
        self._environment = {
            **os.environ, "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": libraries,
            "PATH": f"{folder}/usr/bin:{os.environ['PATH']}",
        }  # fmt: skip
        if (folder / "usr/lib/rpm").is_dir():
            self._environment["RPM_CONFIGDIR"] = str(folder / "usr/lib/rpm")

    def run(self, *command: str | Path, cwd: Path, given: bytes | None = None) -> str:
        run = subprocess.run(command, cwd=cwd, input=given, env=self._environment, capture_output=True, check=False)
        assert run.returncode == 0, os.fsdecode(run.stdout + run.stderr)
        return os.fsdecode(run.stdout)


def tools(folder: Path) -> Tools:
    """The tools; the test is skipped where there is no apt, which in CI is a failure."""
    try:
        if not shutil.which("apt-get"):
            raise FileNotFoundError("apt-get")
        return Tools(folder)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        reason = f"needs the packages {', '.join(_NAMES)} from apt: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _output(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout
