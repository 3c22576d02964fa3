"""What the tests of Davy's eyes share: tasks of a known behaviour, ended whatever happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"
SOURCE = Path(__file__).with_name("tasks.c")

Starter = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def tasks() -> Iterator[str]:
    """The program of ``tasks.c``."""
    compiler = shutil.which("gcc")
    if compiler is None:
        if IN_CI:
            pytest.fail("needs gcc (apt-get install gcc libc6-dev)")
        pytest.skip("needs gcc (apt-get install gcc libc6-dev)")
    with tempfile.TemporaryDirectory(prefix="davy-tasks-") as folder:
        program = os.path.join(folder, "tasks")
        subprocess.run([compiler, "-O1", "-Wall", "-Werror", "-pthread", "-o", program, SOURCE], check=True)
        yield program


@pytest.fixture
def start(tasks: str) -> Iterator[Starter]:
    """Starts ``tasks`` with the words given; what it prints can be read."""
    running: list[subprocess.Popen[str]] = []

    def started(*words: str) -> subprocess.Popen[str]:
        running.append(subprocess.Popen([tasks, *words], stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
