"""What an owner allows stays quiet, is told, and is left alone; another content or unit is not allowed by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.live

UNIT = f"davy-verdict-{os.getpid()}.service"
_OPENSSL = shutil.which("openssl")


def davy(*words: str, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "davy", *words, "--state", str(state)],
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def scanned(state: Path) -> Any:
    done = davy("scan", "--json", "--window", "0.5", state=state)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def of(found: Any, pid: int) -> list[Any]:
    return [one for one in found["incidents"] if pid in {actor["pid"] for actor in one["actors"]}]


def allowing(found: Any, pid: int) -> list[Any]:
    return [one for one in found["allowed"] if pid in one["pids"]]


@pytest.fixture
def group() -> Iterator[Callable[[], None]]:
    """A control group as a service of that name has; gives what a child calls to enter it."""
    bases = [path for kind in ("unified", "systemd") if (path := Path("/sys/fs/cgroup") / kind).is_dir()]
    made = [base / UNIT for base in bases or [Path("/sys/fs/cgroup")]]
    for folder in made:
        folder.mkdir()

    def enter() -> None:
        os.nice(10)
        for folder in made:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    yield enter
    for folder in made:
        deadline = time.monotonic() + 10
        while folder.is_dir() and time.monotonic() < deadline:
            try:
                folder.rmdir()
            except OSError:
                time.sleep(0.05)


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(f"/opt/davy-verdict-{os.getpid()}")
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def burner(place: Path, group: Callable[[], None]) -> Iterator[subprocess.Popen[bytes]]:
    """A harmless program under a public miner's name that burns a core, run as by a service."""
    if _OPENSSL is None:
        pytest.fail("needs openssl") if os.environ.get("CI") == "true" else pytest.skip("needs openssl")
    program = place / "xmrig"
    shutil.copy(_OPENSSL, program)
    running = subprocess.Popen(
        [str(program), "speed", "-seconds", "300", "sha256"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=group,
    )  # fmt: skip
    yield running
    running.kill()
    running.wait()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_an_owner_allows_a_running_program_and_takes_it_back(
    burner: subprocess.Popen[bytes], place: Path, state: Path
) -> None:
    (incident,) = of(scanned(state), burner.pid)
    assert incident["sum"]["changes"] or incident["sum"]["wanting"]

    done = davy("allow", str(burner.pid), "--reason", "our own\x1b[2J rig", state=state)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout

    found = scanned(state)
    assert of(found, burner.pid) == []
    (told,) = allowing(found, burner.pid)
    assert (told["unit"], told["user"], told["path"]) == (UNIT, "root", f"{place}/xmrig")
    assert told["cost"]["cpu_hours"] > 0
    text = davy("scan", "--window", "0.5", state=state).stdout
    assert f"allowed: xmrig ({UNIT}, as root) since" in text
    assert "reason: our own" in text
    assert "allowed: xmrig" in davy("explain", state=state).stdout

    planned = json.loads(davy("evict", "--dry-run", "--json", state=state).stdout)
    assert not any(str(place) in step for step in planned["steps"])

    done = davy("allow", "--forget", str(told["id"]), state=state)
    assert done.returncode == 0
    assert len(of(scanned(state), burner.pid)) == 1


def test_another_content_or_another_unit_is_not_allowed_and_the_report_says_what_differs(
    burner: subprocess.Popen[bytes], place: Path, state: Path
) -> None:
    program = f"{place}/xmrig"
    assert davy("allow", program, "--reason", "outside of any unit", state=state).returncode == 0
    found = scanned(state)
    assert len(of(found, burner.pid)) == 1
    assert any(f"it runs in {UNIT}, not in none" in words for one in found["allowed"] for words in one["differs"])

    other = place / "other"
    shutil.copy(program, other)
    with other.open("ab") as out:
        out.write(b"\0")
    other.rename(program)
    assert davy("allow", program, "--unit", UNIT, "--reason", "a newer one", state=state).returncode == 0
    found = scanned(state)
    assert len(of(found, burner.pid)) == 1
    assert any("its sha256 is" in words for one in found["allowed"] for words in one["differs"])


def test_an_incident_of_the_last_scan_is_allowed_by_its_number(burner: subprocess.Popen[bytes], state: Path) -> None:
    found = scanned(state)
    number = next(
        at for at, one in enumerate(found["incidents"], 1) if burner.pid in {actor["pid"] for actor in one["actors"]}
    )
    done = davy("allow", str(number), "--reason", "ours", "--json", state=state)
    assert done.returncode == 0, done.stderr
    (kept,) = json.loads(done.stdout)["allowances"]
    assert (kept["unit"], kept["id"]) == (UNIT, 1)
    assert of(scanned(state), burner.pid) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one of: what to allow, --list, --forget ID"),
        (("--list", "1"), "one of: what to allow, --list, --forget ID"),
        (("--list", "--reason", "x"), "--unit, --user and --reason say how"),
        (("/usr/bin/true",), "say why it is wanted: --reason TEXT"),
        (("/usr/bin/true", "--reason", "  "), "say why it is wanted: --reason TEXT"),
        (("/usr/bin/true", "--reason", "x" * 301), "longer than 300"),
        (("xmrig", "--reason", "x"), "neither an incident's number, nor a process, nor a path"),
        (("-1", "--reason", "x"), "No such option"),
        (("99999999", "--reason", "x"), "no process 99999999 runs"),
        (("5", "--unit", "a.service", "--reason", "x"), "go with a path"),
        (("/usr/bin/true", "--unit", "xmrig", "--reason", "x"), "no name of a service"),
        (("/nowhere/x", "--reason", "x"), "/nowhere/x"),
        (("/usr", "--reason", "x"), "/usr"),
        (("/usr/bin/python3", "--reason", "x"), "an interpreter runs whatever it is given"),
        (("--forget", "7"), "nothing is allowed under 7"),
        (("--forget", "x"), "not a valid integer"),
    ],
)
def test_what_cannot_be_allowed_is_refused_in_one_clear_line(words: tuple[str, ...], said: str, state: Path) -> None:
    done = davy("allow", *words, state=state)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    listed = davy("allow", "--list", state=state)
    assert (listed.returncode, listed.stdout) == (0, "Nothing is allowed.\n")


def test_nothing_in_a_folder_where_anyone_may_write_is_ever_allowed(state: Path, tmp_path: Path) -> None:
    program = tmp_path / "xmrig"
    shutil.copy("/usr/bin/true", program)
    done = davy("allow", str(program), "--reason", "x", state=state)
    assert done.returncode == 2
    assert "where anyone may write" in done.stderr
