"""A library preloaded into every program hides a burner from ps, top and Python's own listing; Davy is not deceived.

All of it in a mount namespace of its own, with an ``/etc`` of its own: the machine's preload file is never touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from davy.hands.attributes import IMMUTABLE, inode_flags, set_inode_flags
from davy.host.clean_start import named_in, without_comments

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
BURNER_SOURCE = HERE.parents[2] / "bench/scan/burner.c"
PRELOAD_FILE = Path("/etc/ld.so.preload")
LIBM = f"/lib/{os.uname().machine}-linux-gnu/libm.so.6"
PACKAGED = f"/lib/{os.uname().machine}-linux-gnu/libresolv.so.2"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def compiled(source: Path, made: Path, *options: str) -> Path:
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", *options, "-o", made, source], check=True)
    return made


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Resident:
    """A process in a room: ``pid`` is its number there, ``outside`` the machine's."""

    def __init__(self, entered: subprocess.Popen[str], program: str) -> None:
        self._entered = entered
        assert within(5, lambda: any(os.readlink(f"/proc/{each}/exe") == program for each in children(entered.pid)))
        (self.outside,) = children(entered.pid)
        status = Path(f"/proc/{self.outside}/status").read_text()
        self.pid = int(next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1])

    def maps(self) -> str:
        return Path(f"/proc/{self.outside}/maps").read_text()

    def lives(self) -> bool:
        return self._entered.poll() is None

    def ended_by(self, seconds: float = 5) -> int:
        """The signal that ended it."""
        return -self._entered.wait(seconds)


class Room:
    """A mount and pid namespace with an ``/etc`` of its own, a copy of the machine's, and nobody else's processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = folder / "etc"
        own.mkdir()
        setup = (
            f"mount -t tmpfs own {own} && cp -a /etc/. {own} && mount --bind {own} /etc && echo ready; exec sleep 300"
        )
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-c", setup],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._entered_by: list[subprocess.Popen[str]] = []
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        (self._first,) = children(self._holder.pid)
        self.etc = Path(f"/proc/{self._first}/root/etc")

    def _entered(self, *command: str | Path) -> list[str]:
        return ["nsenter", "--mount", "--pid", f"--target={self._first}", f"--wd={self.folder}", *map(str, command)]

    def run(
        self, *command: str | Path, env: dict[str, str] | None = None, seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._entered("env", *(f"{name}={value}" for name, value in (env or {}).items()), *command),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    def python(self, text: str) -> str:
        done = self.run(sys.executable, "-c", text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, program: str | Path, *arguments: str) -> Resident:
        entered = subprocess.Popen(
            self._entered(program, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True
        )
        self._entered_by.append(entered)
        return Resident(entered, os.fspath(program))

    def davy(self, *words: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        state = self.folder / "state"
        done = self.run(sys.executable, "-m", "davy", *words, "--json", "--state", state, env=env, seconds=120)
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    def preload(self, text: str) -> Path:
        path = self.etc / PRELOAD_FILE.name
        path.write_text(text)
        return path

    def close(self) -> None:
        self._holder.kill()  # and with it, by --kill-child, the first process of the namespace and all others
        self._holder.wait()
        for entered in self._entered_by:
            entered.wait(10)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    before = os.path.lexists(PRELOAD_FILE)
    made = Room(tmp_path)
    try:
        yield made
    finally:
        preload = made.etc / PRELOAD_FILE.name
        if preload.exists():
            unlocked(preload)
        made.close()
        assert os.path.lexists(PRELOAD_FILE) is before, "the machine's own preload file was touched"


def unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    flags = inode_flags(descriptor)
    if flags is not None and flags & IMMUTABLE:
        set_inode_flags(descriptor, flags & ~IMMUTABLE)
    os.close(descriptor)


def locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    flags = inode_flags(descriptor)
    if flags is not None and not flags & IMMUTABLE:
        try:
            set_inode_flags(descriptor, flags | IMMUTABLE)
        except OSError:
            flags = None
    os.close(descriptor)
    return flags is not None


@pytest.fixture
def burner(room: Room, tmp_path: Path) -> Resident:
    return room.start(compiled(BURNER_SOURCE, tmp_path / "netdnsd"))


@pytest.fixture
def library(burner: Resident, tmp_path: Path) -> Path:
    """Hides the burner from whoever has it loaded."""
    return compiled(HERE / "hides.c", tmp_path / "libhides.so", "-shared", "-fPIC", f'-DHIDDEN="{burner.pid}"', "-ldl")


def actors(found: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [actor for one in found["incidents"] for actor in one["actors"] if actor["role"] == role]


def gaps(found: dict[str, Any]) -> list[str]:
    return [f"{gap['what']}: {gap['why']}" for gap in found["gaps"] if gap["collector"] == "preloads"]


def listed(room: Room, pid: int) -> dict[str, bool]:
    """Which of the usual tools show a process, in the room."""
    tools = {"PATH": SYSTEM_PATH, "COLUMNS": "512"}
    return {
        "ps": str(pid) in room.run("ps", "-e", "-o", "pid=", env=tools).stdout.split(),
        "top": any(
            line.split()[:1] == [str(pid)] for line in room.run("top", "-b", "-n", "1", env=tools).stdout.splitlines()
        ),
        "python": room.python(f"import os; print('{pid}' in os.listdir('/proc'))") == "True",
    }


def test_a_burner_hidden_from_every_tool_is_found_evicted_and_its_library_put_back(
    room: Room, burner: Resident, library: Path
) -> None:
    assert listed(room, burner.pid) == {"ps": True, "top": True, "python": True}
    text = f"{LIBM}:{library} # both\n"
    preload = room.preload(text)
    assert listed(room, burner.pid) == {"ps": False, "top": False, "python": False}
    victim = room.start("/usr/bin/sleep", "250")
    assert within(5, lambda: str(library) in victim.maps())
    content, immutable = library.read_bytes(), locked(preload)

    status, found = room.davy("scan")
    assert (status, found["verdict"]) == (1, "confirmed"), json.dumps(found, indent=1)
    assert [actor["pid"] for actor in actors(found, "miner")] == [burner.pid]
    (hider,) = actors(found, "hider")
    assert (hider["kind"], hider["path"], hider["files"]) == ("library", str(library), [str(library)])
    rules = {finding["rule"] for one in found["incidents"] for finding in one["findings"]}
    assert {"concealment.preload-file", "concealment.preload-hides", "concealment.hidden-process"} <= rules
    assert found["views"]["processes"]["hidden"] == 1
    assert gaps(found) == [f"Davy itself: was preloaded with {library}; it started again without"]

    status, plan = room.davy("evict", "--dry-run")
    steps = plan["steps"]
    line, file = (
        next(number for number, step in enumerate(steps) if part in step)
        for part in ("out of /etc/ld.so.preload", f"move {library}")
    )
    assert line < file
    assert "keep it until they end" in steps[file]
    status, done = room.davy("evict", "--yes", "--verify-for", "1")
    assert (status, done["clean"], done["left"], done["remaining"]) == (0, True, [], []), json.dumps(done, indent=1)
    assert burner.ended_by() == 9
    assert preload.read_text() == f"{LIBM} # both\n"
    assert not library.exists()
    assert victim.lives()
    assert listed(room, victim.pid) == {"ps": True, "top": True, "python": True}
    status, found = room.davy("scan")
    assert (status, found["verdict"]) == (0, "clean"), json.dumps(found, indent=1)

    status, undone = room.davy("undo", "--yes")
    assert (status, undone["left"]) == (0, [])
    assert undone["put_back"][-1] == "/etc/ld.so.preload", "the library is back before the line that names it"
    assert (preload.read_text(), library.read_bytes()) == (text, content)
    if immutable:
        descriptor = os.open(preload, os.O_RDONLY)
        assert (inode_flags(descriptor) or 0) & IMMUTABLE
        os.close(descriptor)


# Davy's own start

START = """
import json, os
from davy.host.clean_start import ensure_clean
{before}
start = ensure_clean()
print(json.dumps({{
    "was": start.was_preloaded, "still": start.still_preloaded, "why": start.why, "away": start.own_mounts,
    "unlisted": sorted(start.unlisted), "names": start.unlisted_names, "mounts": os.readlink("/proc/self/ns/mnt"),
    "root": os.stat("/").st_ino, "folder": os.getcwd(),
    "open": sorted(map(int, os.listdir("/proc/self/fd"))), "variables": sorted(os.environ),
    "preload": os.path.exists("/etc/ld.so.preload") and open("/etc/ld.so.preload").read(),
}}))
"""


NOBODY = "import ctypes; os.chdir('/'); os.setresuid(65534, 65534, 65534); ctypes.CDLL(None).prctl(4, 1)"
"""Somebody who can read the maps of a process of his own (PR_SET_DUMPABLE)."""
NO_EXECVE = """
from davy.host import raw
def refused(*_):
    raise OSError(13, "Permission denied")
raw.execve = refused
"""


def test_a_library_that_answers_for_the_load_is_noticed(room: Room, burner: Resident, tmp_path: Path) -> None:
    idle = tmp_path / "idle"
    name, user, nice, system, rest, *others = Path("/proc/stat").read_text().split(maxsplit=5)
    idle.write_text(f"{name}  {user} {nice} {system} {int(rest) - 60_000} {' '.join(others)}")  # of minutes ago
    forging = compiled(HERE / "forges.c", tmp_path / "libforges.so", "-shared", "-fPIC", f'-DSHOWN="{idle}"', "-ldl")
    room.preload(f"{forging}\n")
    assert room.python("print(open('/proc/stat').read())").strip() == idle.read_text().strip(), "nothing is forged"
    assert burner.lives()
    _, found = room.davy("scan")
    forged = [
        finding
        for one in found["incidents"]
        for finding in one["findings"]
        if finding["rule"] == "concealment.preload-forges"
    ]
    assert [finding["subject"] for finding in forged] == [f"library:{forging}"], json.dumps(found, indent=1)
    assert "/proc/stat" in forged[0]["summary"]


def start_of(room: Room, *, env: dict[str, str] | None = None, before: str = "") -> dict[str, Any]:
    done = room.run(sys.executable, "-c", START.format(before=before), env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def harmless(tmp_path: Path) -> Path:
    source = tmp_path / "nothing.c"
    source.write_text("int davy_test_nothing;\n")
    return compiled(source, tmp_path / "libnothing.so", "-shared", "-fPIC")


@pytest.mark.parametrize(
    "text",
    [
        "/a.so /b.so:/c.so\t/d.so\n", "/a.so # /b.so\n/c.so\n", "/a.so#/b.so", "# one\n/b.so # /a.so\n",
        "# one more line\n/b.so # /a.so\n", "#\n#\n/a.so #/b.so\n# /c.so\n/d.so", "\n/a.so\n#", "/a.so\v/b.so\f/c.so",
        "# /a.so /b.so\n/c.so #x\n/d.so #y\n/e.so #z\n",
    ],
)  # fmt: skip
def test_the_preload_file_is_read_as_the_loader_reads_it(room: Room, text: str) -> None:
    room.preload(text)
    complaints = room.run("/usr/bin/true").stderr
    loaders = [part.split("'")[1] for part in complaints.split("\n") if "from /etc/ld.so.preload cannot" in part]
    ours = [name.decode() for name in named_in(without_comments(text.encode()))]
    assert list(dict.fromkeys(loaders)) == list(dict.fromkeys(ours))


def test_a_process_that_is_not_preloaded_goes_on_as_it_is(room: Room) -> None:
    found = start_of(room)
    assert (found["was"], found["still"], found["why"]) == ([], [], "")


def test_davy_comes_back_to_the_mounts_root_and_folder_it_was_started_in(room: Room, harmless: Path) -> None:
    clean = start_of(room)
    room.preload(f"{harmless}\n")
    found = start_of(room)
    assert (found["was"], found["still"], found["away"]) == ([str(harmless)], [], False)
    assert found["preload"] == f"{harmless}\n"
    for what in ("mounts", "root", "folder", "open", "variables"):
        assert found[what] == clean[what], what


@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT"])
def test_what_a_variable_loads_is_dropped(room: Room, harmless: Path, tmp_path: Path, variable: str) -> None:
    if variable == "LD_AUDIT":
        source = tmp_path / "audit.c"
        source.write_text("unsigned la_version(unsigned version) { return version; }\n")
        harmless = compiled(source, tmp_path / "libaudit-test.so", "-shared", "-fPIC")
    found = start_of(room, env={variable: str(harmless)})
    assert (found["was"], found["still"]) == ([str(harmless)], [])
    assert variable not in found["variables"]


def test_nobody_else_s_word_keeps_davy_preloaded(room: Room, harmless: Path) -> None:
    for forged in ("0", "1", "3", "99999", "-1", "x", ""):
        found = start_of(room, env={"LD_PRELOAD": str(harmless), "DAVY_STARTED_AGAIN": forged})
        assert (found["was"], found["still"]) == ([str(harmless)], [])
        assert "DAVY_STARTED_AGAIN" not in found["variables"]


def test_what_another_process_was_handed_is_not_believed(room: Room, harmless: Path) -> None:
    handed = """
import msgspec
from davy.host import clean_start
told = clean_start._HandedOver(
    pid=os.getpid() + 1, start_ticks=1, preloaded=(), sight=clean_start.Sight(unlisted=(1,), listed_at=1.0), away=None
)
descriptor = os.memfd_create("x", 0)
os.write(descriptor, msgspec.msgpack.encode(told))
os.environ.setdefault("DAVY_STARTED_AGAIN", str(descriptor))
"""
    found = start_of(room, env={"LD_PRELOAD": str(harmless)}, before=handed)
    assert (found["was"], found["unlisted"]) == ([str(harmless)], [])


def test_without_root_only_the_variables_can_go_and_that_is_said(room: Room, harmless: Path) -> None:
    room.preload(f"{harmless}\n")
    found = start_of(room, before=NOBODY)
    assert (found["was"], found["still"]) == ([], [str(harmless)])
    assert "root" in found["why"]


def test_where_it_cannot_start_again_davy_says_so_and_goes_on(room: Room, harmless: Path) -> None:
    clean = start_of(room)
    room.preload(f"{harmless}\n")
    found = start_of(room, before=NO_EXECVE)
    assert (found["mounts"], found["preload"]) == (clean["mounts"], f"{harmless}\n"), "back where it was"
    assert (found["was"], found["still"]) == ([], [str(harmless)])
    assert found["why"] == "it could not start again: Permission denied"


def test_in_a_chroot_davy_comes_back_to_the_chroot(room: Room, harmless: Path) -> None:
    """Its root is no mount point there, and the namespace's own root is another."""
    below = room.folder / "below"
    below.mkdir()
    script = room.folder / "start.py"
    script.write_text(START.format(before=""))
    setup = f"mount --rbind / {below} && mkdir {below}{room.folder}/in && exec chroot {below} {sys.executable} {script}"
    room.preload(f"{harmless}\n")
    done = room.run("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", setup)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["was"], found["still"], found["away"]) == ([str(harmless)], [], False)


def test_names_that_the_library_leaves_out_are_handed_over(room: Room, tmp_path: Path) -> None:
    hidden = room.etc / "davy-hidden-name"
    hidden.write_text("")
    library = compiled(
        HERE / "hides.c", tmp_path / "libnames.so", "-shared", "-fPIC", '-DNAME="davy-hidden-name"', "-ldl"
    )
    room.preload(f"{library}\n")
    assert room.python("import os; print('davy-hidden-name' in os.listdir('/etc'))") == "False"
    assert start_of(room)["names"] == ["/etc/davy-hidden-name"]


def test_an_honest_preload_is_dropped_without_a_word(room: Room) -> None:
    _, found = room.davy("scan", env={"LD_PRELOAD": PACKAGED})
    assert gaps(found) == []
    assert not [one for one in found["incidents"] if "library" in {actor["kind"] for actor in one["actors"]}]


def test_output_and_exit_status_are_those_of_a_davy_that_was_not_preloaded(room: Room, harmless: Path) -> None:
    for words in (("--version",), ("explain", "99", "--state", str(room.folder / "none")), ("no-such-verb",)):
        plain = room.run(sys.executable, "-m", "davy", *words)
        loaded = room.run(sys.executable, "-m", "davy", *words, env={"LD_PRELOAD": str(harmless)})
        assert (loaded.returncode, loaded.stdout, loaded.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_what_is_handed_over_never_takes_the_place_of_a_closed_stream(closed: tuple[int, ...], tmp_path: Path) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    with (tmp_path / "out").open("w+") as out, (tmp_path / "errors").open("w+") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "davy", "--version"], env={**os.environ, "LD_PRELOAD": LIBM}, check=False,
            stdin=subprocess.DEVNULL, stdout=out, stderr=errors, preexec_fn=close, timeout=30,
        )  # fmt: skip
    assert done.returncode == 0
    assert (tmp_path / "errors").read_text() == ""
    assert (tmp_path / "out").read_text().startswith("davy" if 1 not in closed else "")
