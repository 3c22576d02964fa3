"""Burners that change the rounding of their floating point, ended whatever happens."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.live.eviction.support import dies_with_us, missing, tool

SOURCE = Path(__file__).with_name("burner.c")
Starter = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder of the test's own in /usr/local/bin, so that no program of this machine is touched."""
    made = Path(f"/usr/local/bin/davy-randomx-{os.getpid()}")
    made.mkdir()
    yield made
    for file in made.iterdir():
        file.unlink()
    made.rmdir()


@pytest.fixture(scope="session")
def burner(folder: Path) -> Path:
    """Statically linked, stripped, and named like an interpreter."""
    program = folder / "python3"
    command = [tool("gcc", "gcc"), "-O2", "-Wall", "-Werror", "-pthread", "-static", "-s", "-o", program, SOURCE]
    subprocess.run(command, check=True, timeout=120)
    return program


@pytest.fixture(scope="session")
def burner32(folder: Path) -> Path:
    """The same for 32 bits, with no C library."""
    program = folder / "python32"
    command = [
        tool("gcc", "gcc"), "-m32", "-msse2", "-O2", "-Wall", "-Werror", "-DBARE", "-ffreestanding", "-nostdlib",
        "-static", "-no-pie", "-fno-stack-protector", "-s", "-o", program, SOURCE,
    ]  # fmt: skip
    if subprocess.run(command, check=False, timeout=120).returncode:
        missing("needs a compiler for 32 bits")
    return program


@pytest.fixture
def start() -> Iterator[Starter]:
    running: list[subprocess.Popen[bytes]] = []

    def begin(*command: object, ready: bool = True) -> subprocess.Popen[bytes]:
        one = subprocess.Popen(
            ["nice", "-n", "2", *(str(word) for word in command)], stdout=subprocess.PIPE, preexec_fn=dies_with_us
        )
        running.append(one)
        if ready:
            assert one.stdout is not None
            assert one.stdout.readline() == b"ready\n"
        return one

    yield begin
    for one in running:
        one.kill()
        one.wait()
        if one.stdout is not None:
            one.stdout.close()
