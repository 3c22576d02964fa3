"""Drills on real processes: each starts what it says, and all of it goes again, whoever is killed."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from davy import drill
from davy.drill.crontab import spool
from davy.drill.record import Record, records, records_folder

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: writes crontabs"),
    pytest.mark.skipif(spool() is None, reason="needs a folder of crontabs: install cron"),
]

PROGRAMS = ("/tmp/minerd", "/tmp/tplink", "/tmp/kdevtmpfsi", "/var/tmp/kinsing")
NAMES = tuple(each.name for each in drill.names())
SECONDS = 30
SPOOL = spool() or Path("/nonexistent")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever a test does: no drill is left, and the crontabs are as they were."""
    there = [path for path in PROGRAMS if os.path.lexists(path)]
    assert not there, f"{there} exist already: a drill runs, or was left behind"
    crontabs = {SPOOL / name: content(SPOOL / name) for name in ("root", "nobody")}
    owners = {path: path.stat() for path, data in crontabs.items() if data is not None}
    try:
        yield
    finally:
        with suppress(drill.DrillError):
            drill.stop()
        for pid in (pid for program in PROGRAMS for pid in running(program)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for program in PROGRAMS:
            Path(program).unlink(missing_ok=True)
        for path, data in crontabs.items():
            if data is None:
                path.unlink(missing_ok=True)
            elif content(path) != data:
                path.write_bytes(data)
                path.chmod(owners[path].st_mode & 0o7777)
                os.chown(path, owners[path].st_uid, owners[path].st_gid)


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def running(program: str) -> list[int]:
    """The live processes that run this program, deleted or not."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "exe").removesuffix(" (deleted)") == program:
                found.append(int(entry.name))
    return found


def arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def record() -> Record:
    (only,) = records(records_folder())
    return only


def helpers(of: Record) -> tuple[int, int]:
    assert of.keeper is not None
    assert of.watcher is not None
    return of.keeper.pid, of.watcher.pid


def left(of: Record) -> list[str]:
    """What there still is of a drill."""
    things = [path for path in PROGRAMS if os.path.lexists(path)]
    things += [f"{path} {pid}" for path in PROGRAMS for pid in running(path)]
    things += [line.path for line in of.lines if line.text.encode() in (content(Path(line.path)) or b"")]
    things += [f"{folder}/{of.hidden_name}" for folder in of.folders if Path(folder, of.hidden_name).exists()]
    things += [str(path) for path in records_folder().glob("*.json")]
    return things + [f"helper {pid}" for pid in helpers(of) if alive(pid)]


def cpu_limit(pid: int) -> tuple[int, int]:
    """RLIMIT_CPU; read from the file, since prlimit(2) of another user's process takes CAP_SYS_RESOURCE."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (fields,) = (line.split() for line in limits if line.startswith("Max cpu time"))
    return int(fields[3]), int(fields[4])


def check_harmless(pid: int) -> None:
    """Niced, limited in CPU time, on its own, deaf and mute, and in our control group."""
    assert os.getpriority(os.PRIO_PROCESS, pid) == 10
    soft, hard = cpu_limit(pid)
    assert SECONDS <= soft == hard <= SECONDS + 3
    assert os.getsid(pid) != os.getsid(0)
    assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)} == {"/dev/null"}
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert Path(f"/proc/{pid}/cgroup").read_text() == Path("/proc/self/cgroup").read_text()


def test_minerd_is_a_burner_in_tmp_with_a_line_in_the_callers_crontab() -> None:
    started = drill.start("minerd", SECONDS)
    (pid,) = started.pids
    assert os.readlink(f"/proc/{pid}/exe") == "/tmp/minerd"
    assert arguments(pid)[0] == "/tmp/minerd"
    check_harmless(pid)
    (line,) = started.lines
    assert (line.path, line.user) == (str(SPOOL / "root"), "root")
    assert line.text in (SPOOL / "root").read_text().split("\n")
    assert started.files == ("/tmp/minerd",)
    assert not started.skipped
    assert time.time() + SECONDS - 5 < started.until <= time.time() + SECONDS + 1


def test_tplink_bears_a_daemons_arguments_and_its_file_is_gone() -> None:
    started = drill.start("tplink", SECONDS)
    (pid,) = started.pids
    assert os.readlink(f"/proc/{pid}/exe") == "/tmp/tplink (deleted)"
    assert arguments(pid) == ["/usr/sbin/sshd"]
    assert not started.files
    check_harmless(pid)
    before = cpu_ticks(pid)
    assert within(2, lambda: cpu_ticks(pid) > before), "it does not burn"


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_kdevtmpfsi_brings_its_killed_miner_back_within_a_second() -> None:
    started = drill.start("kdevtmpfsi", SECONDS)
    (guardian,), (miner,) = running("/var/tmp/kinsing"), running("/tmp/kdevtmpfsi")
    assert set(started.pids) == {guardian, miner}
    for pid in started.pids:
        check_harmless(pid)
        assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("nobody").pw_uid
    assert [line.user for line in started.lines] == ["nobody"]
    for _ in range(3):
        (miner,) = running("/tmp/kdevtmpfsi")
        os.kill(miner, signal.SIGKILL)
        assert within(1, lambda miner=miner: running("/tmp/kdevtmpfsi") not in ([], [miner]))  # type: ignore[misc]
        check_harmless(*running("/tmp/kdevtmpfsi"))
    assert running("/var/tmp/kinsing") == [guardian]


def test_the_cron_line_brings_the_guardian_back_and_only_when_it_is_gone() -> None:
    (line,) = drill.start("kdevtmpfsi", SECONDS).lines
    command = line.text.split(None, 5)[5].replace("\\%", "%")
    (guardian,) = running("/var/tmp/kinsing")
    subprocess.run(["/bin/sh", "-c", command], user="nobody", cwd="/", check=True)
    assert running("/var/tmp/kinsing") == [guardian]
    for pid in (guardian, *running("/tmp/kdevtmpfsi")):
        os.kill(pid, signal.SIGKILL)
    subprocess.run(["/bin/sh", "-c", command], user="nobody", cwd="/", check=True)
    assert within(1, lambda: len(running("/var/tmp/kinsing")) == len(running("/tmp/kdevtmpfsi")) == 1)


@pytest.mark.parametrize("name", NAMES)
def test_as_many_burners_as_cores_asked_for(name: str) -> None:
    started = drill.start(name, SECONDS, cores=2)
    burners = [process for process in started.processes if process.program.startswith("/tmp/")]
    assert len(burners) == 2


@pytest.mark.parametrize("name", NAMES)
def test_stop_removes_everything_at_once(name: str) -> None:
    drill.start(name, SECONDS)
    of = record()
    began = time.monotonic()
    said = drill.stop()
    assert time.monotonic() - began < 1
    assert not left(of)
    assert any("ended" in line for line in said)
    assert not drill.stop()


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_keeper_takes_the_drill_with_it(name: str) -> None:
    drill.start(name, SECONDS)
    of = record()
    os.kill(helpers(of)[0], signal.SIGKILL)
    assert within(2, lambda: not left(of)), left(of)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("then", [drill.stop, lambda: drill.start("tplink", SECONDS)], ids=["stop", "start"])
def test_with_keeper_and_watcher_killed_the_next_verb_cleans(name: str, then: Callable[[], object]) -> None:
    drill.start(name, SECONDS)
    of = record()
    for pid in reversed(helpers(of)):
        os.kill(pid, signal.SIGKILL)
    assert within(1, lambda: not any(alive(pid) for pid in helpers(of)))
    old = {pid for path in PROGRAMS for pid in running(path)}
    assert old
    then()
    assert not old & {pid for path in PROGRAMS for pid in running(path)}
    assert not [path for path in PROGRAMS if os.path.lexists(path)]
    assert of.token not in [each.token for each in records(records_folder())]
    drill.stop()
    assert not left(of)


def test_a_start_killed_half_way_leaves_nothing() -> None:
    dying = (
        "import os, signal; from davy import drill; from davy.drill.stage import Stage; "
        "Stage.appear = lambda *_: (print(*os.listdir('/run/davy-drill'), flush=True), "
        "os.kill(os.getpid(), signal.SIGKILL)); drill.start('kdevtmpfsi', 30)"
    )
    died = subprocess.run([sys.executable, "-c", dying], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert ".json" in died.stdout
    assert within(2, lambda: not any(running(path) or os.path.lexists(path) for path in PROGRAMS))
    assert within(1, lambda: not list(records_folder().glob("*.json")))


def test_a_drill_ends_by_itself_at_its_deadline() -> None:
    started = [drill.start(name, 2) for name in NAMES]
    all_records = records(records_folder())
    assert len(all_records) == 3
    until = max(each.until for each in started)
    assert within(until - time.time() + 1, lambda: not any(left(of) for of in all_records))
    assert time.time() > until - 1.1, "it ended too early"


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"# mine\n5 4 * * * /usr/bin/true\n",
        b"MAILTO=x\n\n5 4 * * * /usr/bin/true",
        b"# \xff\xfe\r\n\t\n* * * * * a\x0bb ",
    ],
    ids=["empty", "ordinary", "no final newline", "odd bytes"],
)
@pytest.mark.parametrize("evicted", [False, True], ids=["", "line evicted meanwhile"])
def test_a_crontab_is_byte_for_byte_as_it_was(before: bytes, evicted: bool) -> None:
    crontab = SPOOL / "root"
    crontab.write_bytes(before)
    crontab.chmod(0o640)
    os.chown(crontab, 0, 0)
    (line,) = drill.start("minerd", SECONDS).lines
    during = crontab.read_bytes()
    text = line.text.encode() + b"\n"
    assert during.startswith(before)
    assert during.endswith(b"\n" + text if before else text)
    if evicted:
        crontab.write_bytes(during.removesuffix(text))
    drill.stop()
    assert crontab.read_bytes() == before
    status = crontab.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, 0, 0)


def test_lines_that_others_add_meanwhile_stay() -> None:
    crontab = SPOOL / "root"
    crontab.write_bytes(b"5 4 * * * first")
    drill.start("minerd", SECONDS)
    with crontab.open("ab") as file:
        file.write(b"6 4 * * * later\n")
    drill.stop()
    assert crontab.read_bytes() == b"5 4 * * * first\n6 4 * * * later\n"


def test_a_crontab_that_was_not_there_is_gone_again() -> None:
    crontab = SPOOL / "nobody"
    if crontab.exists():
        pytest.skip("nobody has a crontab here")
    drill.start("kdevtmpfsi", SECONDS)
    status = crontab.stat()
    assert (status.st_mode & 0o7777, status.st_uid) == (0o600, pwd.getpwnam("nobody").pw_uid)
    drill.stop()
    assert not crontab.exists()


def test_a_foreign_file_is_never_overwritten(tmp_path: Path) -> None:
    crontab_before = content(SPOOL / "root")
    foreign = Path("/tmp/minerd")
    for make in (lambda: foreign.write_bytes(b"mine"), lambda: foreign.symlink_to(tmp_path / "nowhere")):
        make()
        status = foreign.lstat()
        with pytest.raises(drill.DrillError, match="/tmp/minerd is already there"):
            drill.start("minerd", SECONDS)
        drill.stop()
        assert foreign.lstat() == status
        foreign.unlink()
    assert not (tmp_path / "nowhere").exists()
    assert content(SPOOL / "root") == crontab_before
    assert not records(records_folder())


def test_a_file_changed_since_is_left_alone() -> None:
    drill.start("minerd", SECONDS)
    for pid in running("/tmp/minerd"):
        os.kill(pid, signal.SIGKILL)
    assert within(1, lambda: not running("/tmp/minerd"))
    Path("/tmp/minerd").write_bytes(b"somebody's work")
    assert any("left /tmp/minerd" in line for line in drill.stop())
    assert Path("/tmp/minerd").read_bytes() == b"somebody's work"


def test_what_an_undo_brings_back_goes_at_the_end() -> None:
    crontab, program = SPOOL / "root", Path("/tmp/minerd")
    drill.start("minerd", SECONDS)
    of = record()
    image, lines = program.read_bytes(), crontab.read_bytes()
    for pid in running("/tmp/minerd"):
        os.kill(pid, signal.SIGKILL)
    program.unlink()
    crontab.write_bytes(lines.replace(of.lines[0].text.encode() + b"\n", b""))
    time.sleep(0.1)
    assert alive(helpers(of)[0]), "the keeper stays when the actors are evicted"
    program.write_bytes(image)
    program.chmod(0o755)
    crontab.write_bytes(lines)
    subprocess.run(["/bin/sh", "-c", of.lines[0].text.split(None, 5)[5].replace("\\%", "%")], check=True)
    assert within(1, lambda: bool(running("/tmp/minerd")))
    os.kill(helpers(of)[0], signal.SIGTERM)
    assert within(1, lambda: not left(of)), left(of)


def test_the_caller_is_free_at_once_even_when_it_captures_output() -> None:
    began = time.monotonic()
    code = "from davy import drill; print(*drill.start('kdevtmpfsi', 30).pids)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=10)
    assert time.monotonic() - began < 3
    assert all(alive(int(pid)) for pid in done.stdout.split())
    for pid in helpers(record()):
        words = " ".join(arguments(pid))
        assert not any(word in words for word in ("minerd", "tplink", "kinsing", "kdevtmpfsi"))


def test_the_same_drill_does_not_start_twice_and_an_unknown_one_not_at_all() -> None:
    first = drill.start("minerd", SECONDS)
    with pytest.raises(drill.DrillError, match="runs already"):
        drill.start("minerd", SECONDS)
    assert running("/tmp/minerd") == list(first.pids)
    with pytest.raises(drill.DrillError, match="no drill is called 'xmrig'"):
        drill.start("xmrig")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv of util-linux")
def test_an_ordinary_user_gets_what_can_be_done_and_hears_the_rest() -> None:
    code = (
        "from davy import drill; s = drill.start('kdevtmpfsi', 30); print(len(s.pids), len(s.lines), *s.skipped); "
        "print(*drill.stop(), sep='; ')"
    )
    # An ordinary user in all but this: it can read a checkout in root's own folder.
    may_read = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    as_nobody = ("setpriv", "--reuid", "nobody", "--regid", "65534", "--clear-groups", *may_read)
    done = subprocess.run(
        [*as_nobody, sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("2 0 a line in nobody's crontab: only root can write there\n")
    assert "removed /var/tmp/kinsing" in done.stdout
    assert not list(Path("/tmp").glob("davy-drill-*"))
