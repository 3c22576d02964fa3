"""A copy of a packaged program under another name earns no trust from its content; the packaged program itself does."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .support import Davy, actors, dies_with_us, identity, pids_of, told, tool

pytestmark = pytest.mark.live

_BURN = "while :; do :; done"
PROGRAMS = {
    "openssl": ("openssl", ("speed", "-seconds", "60", "-bytes", "8192", "sha256")),
    "dash": ("dash", ("-c", f"ulimit -t 60; {_BURN}")),
}

Start = Callable[..., int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program, niced, and ends it after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(program: str | Path, *arguments: str) -> int:
        process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=_modest,
        )  # fmt: skip
        running.append(process)
        return process.pid

    yield start
    for process in running:
        process.kill()
        process.wait()


def _modest() -> None:
    dies_with_us()
    os.nice(5)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A path in /tmp, of another name."""
    path = Path(f"/tmp/sorter{random.randrange(1 << 32):08x}")
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_copy_is_accused_and_the_packaged_program_is_not(
    name: str, davy: Davy, start: Start, elsewhere: Path
) -> None:
    program, arguments = PROGRAMS[name]
    packaged = os.path.realpath(tool(program, name))
    itself = start(packaged, *arguments)
    clean = davy.scan()
    assert (clean.status, clean.json["verdict"]) == (0, "clean"), told(clean)
    findings = {finding["rule"]: finding["bits"] for finding in davy.considered()[itself]["findings"]}
    assert findings["behaviour.cpu-load"] > 0
    assert findings["trust.packaged"] < 0

    shutil.copy(packaged, elsewhere)
    copy = start(elsewhere, *arguments)
    found = davy.scan()
    assert found.status == 1
    assert found.json["verdict"] in ("suspect", "confirmed")
    assert len(found.json["incidents"]) == 1, told(found)
    (incident,) = found.json["incidents"]
    assert pids_of(actors(found, "miner")) == {copy}
    (renamed,) = [one for one in incident["findings"] if one["rule"] == "identity.renamed-copy"]
    assert renamed["bits"] > 0
    assert os.path.basename(packaged) in renamed["summary"]
    assert not [one for one in incident["findings"] if one["rule"] == "trust.packaged"]

    done = davy.json("evict", "--yes", "--id", incident["id"], "--verify-for", "1")
    assert (done.status, done.json["clean"]) == (0, True)
    assert identity(copy) is None
    assert not elsewhere.exists()
    assert identity(itself) is not None, "the packaged program was ended, too"
    assert Path(packaged).exists()
