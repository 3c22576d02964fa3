"""A gang that comes back in every way, in a booted Debian: named, evicted, gone after a reboot, and undone."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

pytestmark = pytest.mark.live

PROJECT = Path(__file__).resolve().parents[2]
BURNER, SCRIPT, LOG = "/var/tmp/sysupdate", "/var/tmp/.update", "/var/tmp/.update.log"
MINUTES = "/var/log/minutes"
LIBRARY = "/var/tmp/.update.so"
HARMLESS = "static void __attribute__((constructor)) nothing(void) {}\n"
BURN = f"""\
echo "$1" >> {LOG}
exec 9> {SCRIPT}.lock
flock 9
while :; do :; done
"""


class Lab(Protocol):
    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> Any: ...
    def write(self, path: str, text: str, mode: str = "0644") -> None: ...
    def put(self, path: str, content: bytes, mode: str = "0644") -> None: ...


Boot = Callable[[], AbstractContextManager[Lab]]


def run_by(what: str) -> str:
    return f"{BURNER} {SCRIPT} {what}"


class Way(NamedTuple):
    """One way of coming back: the file, its guilty line if it has others, and what else stands in it."""

    path: str
    text: str
    line: int | None = None
    owner: str = "root"


SERVICE = "[Service]\nExecStart={}\nRestart=always\nRestartSec=1\n\n[Install]\nWantedBy={}\n"
WAYS = (
    Way("/etc/systemd/system/sysupdate.service", SERVICE.format(run_by("service"), "multi-user.target")),
    Way(
        "/etc/systemd/system/sysupdate.service.d/more.conf",
        f"[Service]\nExecStartPre=-/bin/sh -c 'setsid {run_by('drop-in')} &'\n",
    ),
    Way(
        "/etc/systemd/system/sysupdate-check.timer",
        "[Timer]\nOnBootSec=2s\nUnit=sysupdate.service\n\n[Install]\nWantedBy=timers.target\n",
    ),
    Way(
        "/home/ada/.config/systemd/user/session-helper.service",
        SERVICE.format(run_by("user"), "default.target"),
        owner="ada",
    ),
    Way("/var/lib/systemd/linger/ada", ""),
    Way(
        "/var/spool/cron/crontabs/root",
        f"# of root\n0 4 * * * /bin/true\n@reboot {run_by('root-reboot')}\n* * * * * {run_by('root-minute')}\n",
        3,
    ),
    Way(
        "/var/spool/cron/crontabs/ada",
        f"* * * * * {run_by('ada-minute')}\n@reboot {run_by('ada-reboot')}\n@daily /bin/true\n",
        1,
        "ada",
    ),
    Way("/etc/cron.d/sysupdate", f'# checks\nMAILTO=""\n*/1 * * * * root {run_by("cron.d")} >/dev/null 2>&1\n', 3),
    Way("/etc/profile.d/locale.sh", f"export LANG=C.UTF-8\n{run_by('profile')} >/dev/null 2>&1 &\nunset LC_ALL\n", 2),
    Way(
        "/etc/udev/rules.d/70-net.rules",
        '# names\nSUBSYSTEM=="net", ATTR{type}=="1", NAME="eth%n"\n'
        f'SUBSYSTEM=="net", ACTION=="add", RUN+="{run_by("udev")}"\n',
        3,
    ),
    Way("/etc/ld.so.preload", f"{LIBRARY}\n", 1),
)
MORE_LINES = {("/var/spool/cron/crontabs/root", 4), ("/var/spool/cron/crontabs/ada", 2)}
LINKS = (
    "/etc/systemd/system/multi-user.target.wants/sysupdate.service",
    "/etc/systemd/system/timers.target.wants/sysupdate-check.timer",
    "/home/ada/.config/systemd/user/default.target.wants/session-helper.service",
)
HONEST = {
    "/etc/cron.d/minutes": f"* * * * * root sleep 2; date >> {MINUTES}\n",
    "/etc/systemd/system/greeting.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
}
KEPT = {
    "/var/spool/cron/crontabs/root": "# of root\n0 4 * * * /bin/true\n",
    "/var/spool/cron/crontabs/ada": "@daily /bin/true\n",
    "/etc/cron.d/sysupdate": '# checks\nMAILTO=""\n',
    "/etc/profile.d/locale.sh": "export LANG=C.UTF-8\nunset LC_ALL\n",
    "/etc/udev/rules.d/70-net.rules": '# names\nSUBSYSTEM=="net", ATTR{type}=="1", NAME="eth%n"\n',
}
"""What stays of the files in which somebody else's lines stand, too."""


def manifest(lab: Lab) -> Any:
    """The gang's files, those of its neighbours, and their folders: see `tests.live.autostarts.manifest`."""
    paths = {way.path for way in WAYS} | set(HONEST) | set(LINKS) | {BURNER, LIBRARY}
    paths |= {str(Path(path).parent) for path in paths} - {"/var/tmp"}
    words = shlex.join([sys.executable, "-m", "tests.live.autostarts.manifest", *sorted(paths)])
    return json.loads(lab.run("sh", "-c", f"cd {shlex.quote(str(PROJECT))} && exec {words}").stdout)


def started(lab: Lab) -> set[str]:
    """Which ways have started it since the log was emptied last."""
    return set(lab.run("cat", LOG, check=False).stdout.split())


def alive(lab: Lab) -> list[str]:
    return lab.run("pgrep", "--exact", "sysupdate", check=False).stdout.split()


def minutes(lab: Lab) -> int:
    return len(lab.run("cat", MINUTES, check=False).stdout.splitlines())


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def infect(lab: Lab, library: Path) -> None:
    lab.run("useradd", "--create-home", "--shell", "/bin/bash", "ada")
    lab.run("cp", "--dereference", "/bin/sh", BURNER)
    lab.write(SCRIPT, BURN, "0755")
    lab.write(LOG, "", "0666")
    lab.write(f"{SCRIPT}.lock", "", "0666")
    lab.put(LIBRARY, library.read_bytes())
    for path, text in HONEST.items():
        lab.write(path, text)
    for way in WAYS:
        private = way.path.startswith("/var/spool")
        lab.write(way.path, way.text, "0600" if private else "0644")
        if way.owner != "root":
            lab.run("chown", f"{way.owner}:{'crontab' if private else way.owner}", way.path)
    wants = "/home/ada/.config/systemd/user/default.target.wants"
    lab.run("mkdir", wants)
    lab.run("ln", "-s", "../session-helper.service", f"{wants}/session-helper.service")
    lab.run("chown", "-R", "ada:ada", "/home/ada")
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "enable", "sysupdate.service", "sysupdate-check.timer")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that does nothing, for programs to have preloaded."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "nothing.c").write_text(HARMLESS)
    made = folder / "nothing.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", made, folder / "nothing.c"], check=True)
    return made


def evicted(lab: Lab, incidents: Sequence[dict[str, Any]]) -> Any:
    chosen = [word for incident in incidents for word in ("--id", incident["id"])]
    return lab.davy("evict", "--yes", "--json", "--verify-for", "3", *chosen)


def test_what_comes_back_in_every_way_is_named_evicted_gone_after_a_reboot_and_undone(
    rebootable: Boot, library: Path
) -> None:
    with rebootable() as lab:
        infect(lab, library)
        lab.run("sh", "-c", f": > {LOG}")
    with rebootable() as lab:  # as an owner meets it: it has come back with the machine
        wait_for(lambda: {"service", "user", "root-reboot", "ada-reboot"} <= started(lab), 20)
        before = manifest(lab)

        scan = json.loads(lab.davy("scan", "--json").stdout)
        incidents = scan["incidents"]
        assert any(incident["verdict"] == "confirmed" for incident in incidents)
        named = {(actor["path"], actor["line"]) for incident in incidents for actor in incident["actors"]}
        assert {(way.path, way.line) for way in WAYS} | MORE_LINES <= named, named
        assert not {path for path, _ in named} & set(HONEST)

        done = evicted(lab, incidents)
        assert done.returncode == 0, done.stdout + done.stderr
        assert alive(lab) == []
        after = manifest(lab)
        gone = {way.path for way in WAYS if way.line is None} | set(LINKS) | {BURNER, LIBRARY}
        assert {path for path in gone if after[path] is not None} == set()
        assert {path: after[path] for path in HONEST} == {path: before[path] for path in HONEST}
        assert {path: lab.run("cat", path).stdout for path in KEPT} == KEPT
        lab.run("sh", "-c", f": > {LOG}")

    with rebootable() as lab:
        seen = minutes(lab)
        wait_for(lambda: minutes(lab) > seen, 75)
        assert started(lab) == set()
        assert alive(lab) == []
        assert lab.davy("scan", "--json").returncode == 0

        undone = lab.davy("undo", "--yes", "--json")
        assert undone.returncode == 0, undone.stdout + undone.stderr
        assert manifest(lab) == before

    with rebootable() as lab:
        wait_for(lambda: {"service", "user", "root-reboot", "ada-reboot"} <= started(lab), 20)
        assert alive(lab)
