"""Without root a scan says what it could not see, and an eviction ends the caller's own actors and names the rest.

The interpreter may lie where only root can read, so Davy is loaded first and then made nobody's.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from davy.host import LiveKernel
from davy.host.cgroups import cgroup_mount

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to be somebody else"),
]

NOBODY = pwd.getpwnam("nobody")


class Ran(NamedTuple):
    status: int
    output: str
    errors: str


class Nobody:
    """An ordinary user with a home of its own, who runs Davy."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / ".local/state/davy"

    def __call__(self, *words: str) -> Ran:
        """What ``davy WORDS`` does for this user."""
        return as_user(NOBODY, self.home, lambda: _davy(words))

    def json(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = self(*words, "--json")
        assert done.errors == "", done
        found = json.loads(done.output)
        assert isinstance(found, dict)
        return done.status, found


def _davy(words: tuple[str, ...]) -> int:
    from davy.cli import _run

    return _run(list(words))


def as_user(account: pwd.struct_passwd, home: Path, work: Callable[[], int]) -> Ran:
    """Do ``work`` in a process of this user: no group of ours, no capability, nothing of ours open, its own home."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.closerange(3, 1024)
                os.setgroups([])
                os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
                os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
                os.chdir("/")
                kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
                os.environ.clear()
                os.environ.update(kept, HOME=os.fspath(home), LOGNAME=account.pw_name)
                sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
                sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
                status = work()
            except BaseException:
                traceback.print_exc()
            finally:
                with suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        _, waited = os.waitpid(child, 0)
        output.seek(0)
        errors.seek(0)
        found = Ran(os.waitstatus_to_exitcode(waited), output.read().decode(), errors.read().decode())
    assert "Traceback" not in found.errors, found.errors
    return found


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every module that the verbs load when they need it, loaded while it can be read."""
    state = os.fspath(tmp_path_factory.mktemp("loaded") / "state")
    with running_as(0, Path(f"/tmp/davy-loaded-{os.getpid()}"), ["kdevtmpfsi"]) as (burner,):
        assert burner.pid
        for words in (
            ["scan", "--window", "0.1"], ["scan", "--json", "--window", "0.1"], ["explain"], ["explain", "--json"],
            ["evict", "--dry-run"], ["undo"],
        ):  # fmt: skip
            assert _in_this_process([*words, "--state", state]) in (0, 1), words


def _in_this_process(words: list[str]) -> int:
    """Run a verb here, its output going nowhere; it only has to load what it needs."""
    outputs = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout = sys.stderr = nowhere
        try:
            return _davy(tuple(words))
        finally:
            sys.stdout, sys.stderr = outputs


class Running:
    """A process of the test's own, and the program it runs."""

    def __init__(self, process: subprocess.Popen[bytes], program: Path) -> None:
        self.process, self.pid, self.program = process, process.pid, program
        self.before = seen(program)

    @property
    def state(self) -> str:
        """The kernel's letter for it; X when it is gone."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()
        return "X"

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"

    def check_untouched(self) -> None:
        assert self.state in "RSD"
        assert seen(self.program) == self.before


def seen(path: Path) -> tuple[object, ...] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return path.read_bytes(), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns


def running(program: Path) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdigit() and os.readlink(f"/proc/{name}/exe").removesuffix(" (deleted)") == os.fspath(program):
                found.append(int(name))
    return found


def within(seconds: float, condition: Callable[[], object]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def running_as(user: int, folder: Path, names: list[str], words: Sequence[str] = ()) -> Iterator[list[Running]]:
    """Burners of a user in a folder below /tmp, each a copy of the shell; of two the first brings the second back."""

    def become() -> None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        os.nice(5)
        ctypes.CDLL(None).alarm(90)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)

    folder.mkdir(mode=0o755)
    found: list[Running] = []
    try:
        os.chown(folder, user, user)
        for name in names:
            shutil.copy(os.path.realpath("/bin/sh"), folder / name)
            os.chown(folder / name, user, user)
            (folder / name).chmod(0o755)
            os.utime(folder / name, ns=(1_500_000_000_000_000_000, 1_400_000_000_000_000_001))
        burn, last = "while :; do :; done", folder / names[-1]
        guard = f"while :; do kill -0 $job 2>/dev/null || {{ {last} -c '{burn}' & job=$!; }}; sleep 0.1; done"
        text = burn if len(names) == 1 else guard
        process = subprocess.Popen(
            [folder / names[0], "-c", text, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=become, start_new_session=True, cwd="/",
        )  # fmt: skip
        found.append(Running(process, folder / names[0]))
        if len(names) > 1:
            assert within(5, lambda: running(last))
        yield found
    finally:
        for one in found:
            one.process.kill()
            one.process.wait()
        while living := [pid for name in names for pid in running(folder / name)]:
            for pid in living:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture
def nobody() -> Iterator[Nobody]:
    home = Path(tempfile.mkdtemp(prefix="davy-nobody-"))
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    yield Nobody(home)
    shutil.rmtree(home)


@pytest.fixture
def own() -> Iterator[tuple[Running, Path]]:
    """Nobody's guardian and the miner that it brings back."""
    folder = Path(f"/tmp/davy-own-{os.getpid()}")
    with running_as(NOBODY.pw_uid, folder, ["kinsing", "kdevtmpfsi"]) as (guardian,):
        yield guardian, folder / "kdevtmpfsi"


@pytest.fixture
def roots() -> Iterator[Running]:
    """A burner of root's under another family's name, with the arguments that it would have."""
    words = ("-o", "stratum+tcp://127.0.0.1:1", "--algo", "rx/0")
    with running_as(0, Path(f"/tmp/davy-roots-{os.getpid()}"), ["xmrig"], words) as (burner,):
        yield burner


def test_a_scan_runs_says_what_it_could_not_see_and_calls_nothing_clean(nobody: Nobody) -> None:
    _, found = nobody.json("scan", "--window", "0.2")
    assert found["complete"] is False
    gaps = [gap for gap in found["gaps"] if gap["collector"] == "processes"]
    assert gaps
    assert any("not permitted" in gap["why"] for gap in gaps)
    assert found["views"]["processes"]["seen"] > 1
    done = nobody("scan", "--window", "0.2")
    assert done.errors == ""
    assert "No miner found" not in done.output
    assert "not seen: processes:" in done.output
    if done.status == 0:
        assert done.output.startswith("Nothing found in what could be read.\n")


def test_its_state_is_its_own_and_private(nobody: Nobody) -> None:
    assert nobody("scan", "--window", "0.1").status in (0, 1)
    assert nobody("explain").status == 0
    for path in (nobody.state, nobody.state / "quarantine", nobody.state / "evidence"):
        found = path.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (NOBODY.pw_uid, 0o700)
    assert stat.S_IMODE((nobody.state / "journal.db").stat().st_mode) == 0o600


def test_what_belongs_to_the_caller_is_found(nobody: Nobody, own: tuple[Running, Path]) -> None:
    guardian, miner = own
    status, found = nobody.json("scan")
    assert (status, found["verdict"], found["complete"]) == (1, "confirmed", False)
    actors = [actor for one in found["incidents"] for actor in one["actors"]]
    assert guardian.pid in {actor["pid"] for actor in actors if actor["role"] == "guardian"}
    assert set(running(miner)) & {actor["pid"] for actor in actors if actor["role"] == "miner"}


def test_an_eviction_ends_the_callers_own_actors_and_an_undo_puts_their_files_back(
    nobody: Nobody, own: tuple[Running, Path]
) -> None:
    guardian, miner = own
    programs = {path: seen(path) for path in (guardian.program, miner)}
    done = nobody("evict", "--yes", "--verify-for", "1")
    assert done.errors == "", done
    assert done.status == 0, done
    assert "Gone" in done.output
    assert not guardian.alive
    assert running(miner) == []
    assert not any(path.exists() for path in programs)
    kept = list((nobody.state / "quarantine").iterdir())
    assert {path.read_bytes() for path in kept} == {found[0] for found in programs.values() if found}
    assert {(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in kept} == {(NOBODY.pw_uid, 0o600)}
    undone = nobody("undo", "--yes")
    assert (undone.status, undone.errors) == (0, "")
    assert {path: seen(path) for path in programs} == programs
    assert nobody("undo", "--yes").output == "Nothing to undo.\n"


@pytest.mark.parametrize("then", [("undo",), ("evict", "--verify-for", "0.5")], ids=lambda words: words[0])
def test_killed_while_its_actors_are_stopped_the_next_run_lets_them_go_or_ends_them(
    nobody: Nobody, own: tuple[Running, Path], then: tuple[str, ...]
) -> None:
    guardian, miner = own

    def killed() -> int:
        from davy.journal import Journal

        def die(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        Journal.ended = die  # type: ignore[method-assign]
        return _davy(("evict", "--yes", "--verify-for", "0"))

    assert as_user(NOBODY, nobody.home, killed).status == -signal.SIGKILL
    assert guardian.state == "T"
    done = nobody(*then, "--yes")
    assert (done.status, done.errors) == (0, ""), done
    if then[0] == "undo":
        assert within(2, lambda: guardian.state in "RS")
        burning = running(miner)
        assert burning
        os.kill(burning[0], signal.SIGKILL)
        assert within(2, lambda: running(miner) not in ([], burning))
    else:
        assert not guardian.alive
        assert running(miner) == []
        assert not guardian.program.exists()


def test_what_is_roots_is_named_and_never_touched(nobody: Nobody, own: tuple[Running, Path], roots: Running) -> None:
    guardian, miner = own
    mount = cgroup_mount(LiveKernel().procfs)
    groups = set(os.listdir(mount)) if mount else set()
    done = nobody("evict", "--yes", "--verify-for", "0.5")
    assert done.errors == ""
    assert done.status == 1, done
    assert not guardian.alive
    assert running(miner) == []
    assert not guardian.program.exists()
    roots.check_untouched()
    assert f"left alone: process {roots.pid} (xmrig): belongs to root: run as root to evict it" in done.output
    if mount:
        assert {name for name in set(os.listdir(mount)) - groups if name.startswith("davy-")} == set()
    status, outcome = nobody.json("evict", "--yes", "--verify-for", "0")
    assert status == 1
    named = {"what": f"process {roots.pid} (xmrig)", "why": "belongs to root: run as root to evict it"}
    assert named in outcome["left"]
    assert nobody("undo", "--yes").status == 0
    assert guardian.program.exists()
    roots.check_untouched()


def test_roots_program_is_not_moved_though_the_caller_runs_it(nobody: Nobody) -> None:
    """The process is the caller's to end, the file is not the caller's to move."""
    folder = Path(f"/tmp/davy-mixed-{os.getpid()}")
    with running_as(NOBODY.pw_uid, folder, ["kdevtmpfsi"]) as (burner,):
        os.chown(folder, 0, 0)
        os.chown(burner.program, 0, 0)
        before = seen(burner.program)
        done = nobody("evict", "--yes", "--verify-for", "0")
        assert (done.status, done.errors) == (1, "")
        assert f"{burner.program}: belongs to another user: run as root" in done.output
        assert within(2, lambda: not burner.alive)
        assert seen(burner.program) == before


def test_roots_state_and_roots_crontabs_are_out_of_reach(nobody: Nobody) -> None:
    done = nobody("evict", "--yes", "--state", "/var/lib/davy-of-root")
    assert (done.status, len(done.errors.splitlines())) == (2, 1)
    assert "Permission denied" in done.errors
    assert not os.path.exists("/var/lib/davy-of-root")


def test_where_nobody_has_a_home_a_scan_goes_on_and_an_eviction_does_not() -> None:
    homeless = Nobody(Path("/nonexistent"))
    scanned = homeless("scan", "--window", "0.1")
    assert scanned.errors == ""
    assert scanned.status in (0, 1)
    for verb in ("evict", "undo"):
        done = homeless(verb, "--yes")
        assert (done.status, done.output, len(done.errors.splitlines())) == (2, "", 1)
        assert "/nonexistent" in done.errors
