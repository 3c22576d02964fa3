"""What these tests share: programs compiled for them, the stand-in pool, and what starts and ends both."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

HERE = Path(__file__).parent
IN_CI = os.environ.get("CI") == "true"
SECONDS = 30.0


def lacking(what: str) -> None:
    """Skip, or where nothing may be skipped fail."""
    if IN_CI:
        pytest.fail(what)
    pytest.skip(what)


def compiled(source: str, target: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        lacking("needs a C compiler (apt-get install gcc libc6-dev)")
    subprocess.run([str(compiler), "-O2", "-s", "-o", str(target), str(HERE / source)], check=True)
    return target


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


@contextmanager
def running(*command: str | Path, said: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process of ours, ended in any case; ``said`` goes to its standard input."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
    )
    try:
        if said is not None:
            assert process.stdin is not None
            process.stdin.write(said)
            process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def pool(*options: str | Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The stand-in pool, and its port on loopback."""
    with running(sys.executable, HERE / "pool.py", *options) as server:
        yield server, int(line_of(server.stdout))


def until_shares(server: subprocess.Popen[str], count: int) -> None:
    """Wait until the pool was told so many shares."""
    deadline = time.monotonic() + SECONDS
    for _ in range(count):
        assert time.monotonic() < deadline
        assert line_of(server.stdout) == "share"
