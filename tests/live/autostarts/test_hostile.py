"""Entries made to stop whoever looks: a scan ends in time, with gaps; an eviction refuses cleanly and loses nothing."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

pytestmark = pytest.mark.live

PROJECT = Path(__file__).resolve().parents[3]
GUILTY: Final = "* * * * * root /var/tmp/kinsing"
SPOOL: Final = "/var/spool/cron/crontabs/root"
UNIT: Final = "/etc/systemd/system/u7.service"
SECONDS: Final = 60.0

PLANT: Final = rf'''
import os
from pathlib import Path

def put(path, content):
    path = Path(os.fsdecode(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

def link(path, target):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, path)

put({SPOOL!r}, b"* * * * * /var/tmp/kinsing\n")
os.truncate({SPOOL!r}, 1 << 30)
for number in range(10_000):
    program = b"/var/tmp/kinsing" if number == 7 else b"/usr/local/bin/honest"
    Path(f"/etc/systemd/system/u{{number}}.service").write_bytes(b"[Service]\nExecStart=" + program + b"\n")
put("/etc/systemd/system/self.service", b".include /etc/systemd/system/self.service\n[Unit]\nRequires=self.service\n"
    b"OnFailure=self.service\n[Service]\nExecStart=/bin/true\n[Install]\nAlso=self.service\nAlias=self.service\n")
link("/etc/systemd/system/self.service.d/self.conf", "self.conf")
link("/etc/systemd/system/loop.service", "loop.service")
link("/etc/systemd/system/multi-user.target.wants/loop.service", "../loop.service")
link("/etc/cron.d/loop", "loop")
link("/etc/profile.d/a.sh", "b.sh")
link("/etc/profile.d/b.sh", "a.sh")
link("/root/.config/systemd/user", ".")
link("/root/.config/autostart", "/proc/self/root/root/.config/autostart")
for fifo in ("/etc/cron.d/fifo", "/etc/profile.d/fifo.sh", "/etc/udev/rules.d/fifo.rules", "/root/.zshrc"):
    Path(fifo).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(fifo)
put("/etc/cron.d/nul", b"# \0\x1b[2J\x07\n{GUILTY} \0 \x1b]0;x\x07 \xff\r\n\0\n17 4 * * * root /bin/true\n")
put(b"/etc/cron.d/" + b"\x1b[31m-\xff", b"{GUILTY}\n")
put("/etc/cron.d/wide", b"x" * (8 << 20) + b"\n{GUILTY}\n")
'''


class Lab(Protocol):
    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> Any: ...
    def write(self, path: str, text: str, mode: str = "0644") -> None: ...


def python(lab: Lab, *arguments: str) -> str:
    command = f"cd {shlex.quote(str(PROJECT))} && exec {shlex.join([sys.executable, *arguments])}"
    return str(lab.run("sh", "-c", command).stdout)


def manifest(lab: Lab, *paths: str) -> dict[str, Any]:
    return dict(json.loads(python(lab, "-m", "tests.live.autostarts.manifest", *paths)))


def chosen(scan: Any) -> list[str]:
    return [word for incident in json.loads(scan.stdout)["incidents"] for word in ("--id", incident["id"])]


def test_a_scan_of_hostile_entries_ends_with_gaps_and_an_eviction_loses_nothing(lab: Lab) -> None:
    lab.run("systemctl", "stop", "cron.service")
    python(lab, "-c", PLANT)
    watched = ("/etc/cron.d", "/etc/cron.d/nul", "/etc/cron.d/wide", "/etc/systemd/system", UNIT)
    before, size = manifest(lab, *watched), lab.run("stat", "--format=%s %b %Y", SPOOL).stdout

    begun = time.monotonic()
    scan = lab.davy("scan", "--json")
    assert time.monotonic() - begun < SECONDS
    assert scan.returncode == 1, scan.stderr
    found = json.loads(scan.stdout)
    assert "\x1b" not in scan.stdout
    gaps = {gap["what"] for gap in found["gaps"]}
    assert any(SPOOL in what for what in gaps), gaps
    assert {"/etc/cron.d/loop", "/etc/profile.d/a.sh"} <= {what for what in gaps if "loop" in what or "a.sh" in what}
    named = {(actor["path"], actor["line"]) for incident in found["incidents"] for actor in incident["actors"]}
    assert {(SPOOL, 1), ("/etc/cron.d/nul", 2), (UNIT, None)} <= named

    evicted = lab.davy("evict", "--yes", "--json", "--verify-for", "0", *chosen(scan))
    left = {one["what"]: one["why"] for one in json.loads(evicted.stdout)["left"]}
    assert left == {SPOOL: "larger than 16 MiB"}
    assert lab.run("stat", "--format=%s %b %Y", SPOOL).stdout == size
    assert manifest(lab, UNIT) == {UNIT: None}
    assert lab.run("sh", "-c", "od -An -c /etc/cron.d/nul | tr -d ' \n'").stdout == (
        r"#\0033[2J\a\n" r"\0\n174***root/bin/true\n"
    )

    undone = lab.davy("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert manifest(lab, *watched) == before


def test_where_nothing_can_be_written_nothing_is_lost_and_each_refusal_has_its_reason(lab: Lab) -> None:
    lab.run("systemctl", "stop", "cron.service")
    lab.write("/etc/cron.d/x", f"17 4 * * * root /bin/true\n{GUILTY}\n")
    lab.write("/etc/systemd/system/x.service", "[Service]\nExecStart=/var/tmp/kinsing\n")
    paths = ("/etc/cron.d", "/etc/cron.d/x", "/etc/systemd/system/x.service")
    lab.run("mount", "--bind", "/etc", "/etc")
    lab.run("mount", "-o", "remount,bind,ro", "/etc")
    before = manifest(lab, *paths)
    evicted = lab.davy("evict", "--yes", "--json", "--verify-for", "0", *chosen(lab.davy("scan", "--json")))
    assert evicted.returncode == 1, evicted.stderr
    left = json.loads(evicted.stdout)["left"]
    assert {one["why"].rpartition(": ")[2] for one in left if "/etc/" in one["what"]} == {"Read-only file system"}
    assert manifest(lab, *paths) == before
    lab.run("mount", "-o", "remount,bind,rw", "/etc")
    assert lab.davy("undo", "--yes", "--json").returncode == 0
    assert manifest(lab, *paths) == before
