"""What is mounted over processes, files of the kernel's and programs: found, seen through, and taken off."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.live.eviction.support import Answer, actors, identity, sha256, tool

from .namespace import BURNER, Namespace

pytestmark = pytest.mark.live

RULES: Final = {"concealment.covered-process", "concealment.covered-kernel-file", "concealment.covered-program"}


@pytest.fixture
def inside() -> Iterator[Namespace]:
    tool("unshare", "util-linux")
    tool("nsenter", "util-linux")
    with Namespace() as namespace:
        yield namespace


def found_by(answer: Answer, rule: str) -> list[dict[str, Any]]:
    return [finding for one in answer.json["incidents"] for finding in one["findings"] if finding["rule"] == rule]


def cover(inside: Namespace, how: str, point: str) -> int:
    """Mount an empty folder over another; how many mounts that takes."""
    if how in ("tmpfs", "both"):
        inside.run("mount", "-t", "tmpfs", "none", point)
    if how in ("folder", "both"):
        inside.run("mkdir", "-p", "/dev/shm/empty")
        inside.run("mount", "--bind", "/dev/shm/empty", point)
    return 2 if how == "both" else 1


@pytest.mark.parametrize("how", ["tmpfs", "folder", "both"])
def test_a_covered_miner_is_shown_with_its_real_program_and_evicted(inside: Namespace, how: str) -> None:
    ps = tool("ps", "procps")
    burner, bystander = inside.burner(), inside.start("/bin/sleep", "1000")
    before = identity(bystander.outside)
    program = inside.run("sha256sum", BURNER).split()[0]
    point = f"/proc/{burner.pid}"
    assert BURNER in inside.run(ps, "-eo", "args")
    assert cover(inside, how, point) == inside.mounted(point)
    assert BURNER not in inside.run(ps, "-eo", "args"), "nothing is hidden"

    found = inside.davy("scan")
    assert (found.status, found.json["verdict"]) == (1, "confirmed")
    (miner,) = actors(found, "miner")
    assert (miner["pid"], miner["path"]) == (burner.pid, BURNER)
    (hider,) = actors(found, "hider")
    assert (hider["kind"], hider["path"]) == ("file", point)
    (finding,) = found_by(found, "concealment.covered-process")
    assert f"kdevtmpfsi ({burner.pid}), which runs {BURNER}" in finding["summary"]

    dry = inside.davy("evict", "--dry-run").json["steps"]
    (freeze, *uncover), rest = dry[: 1 + inside.mounted(point)], dry[1 + inside.mounted(point) :]
    assert freeze.startswith("freeze 1 ")
    assert all(step.startswith("unmount ") and step.endswith(point) for step in uncover)
    assert not any(step.startswith("unmount ") for step in rest)

    done = inside.davy("evict", "--yes", "--verify-for", "2")
    assert (done.status, done.json["clean"], done.json["left"]) == (0, True, [])
    assert inside.mounted(point) == 0
    assert identity(burner.outside) is None
    assert not inside.run("find", BURNER, check=False)
    assert program in {sha256(path) for path in (inside.state / "quarantine").iterdir()}
    assert identity(bystander.outside) == before
    assert inside.davy("scan").json["verdict"] == "clean"

    undone = inside.davy("undo", "--yes")
    assert (undone.status, undone.json["put_back"], undone.json["left"]) == (0, [BURNER], [])
    assert {one["what"] for one in undone.json["not_put_back"]} == {f"the mount over {point}"}
    assert inside.mounted(point) == 0


def test_a_file_over_the_machines_own_figures_that_shows_it_idle_is_noticed_and_goes(inside: Namespace) -> None:
    inside.run("sh", "-c", "cat /proc/stat > /dev/shm/stat; mount --bind /dev/shm/stat /proc/stat")
    inside.start("/bin/sh", "-c", "while :; do :; done")
    found = inside.davy("scan")
    (finding,) = found_by(found, "concealment.covered-kernel-file")
    assert finding["summary"].startswith("a mount over /proc/stat claims 0.0 busy cores while the kernel counts ")
    (incident,) = found.json["incidents"]
    assert (incident["verdict"], [actor["path"] for actor in incident["actors"]]) == ("suspect", ["/proc/stat"])
    kept = inside.run("sha256sum", "/dev/shm/stat").split()[0]
    done = inside.davy("evict", "--yes", "--id", incident["id"], "--verify-for", "1")
    assert (done.status, done.json["clean"], done.json["left"]) == (0, True, [])
    assert inside.mounted("/proc/stat") == 0
    assert not inside.run("find", "/dev/shm/stat", check=False)
    assert kept in {sha256(path) for path in (inside.state / "quarantine").iterdir()}


def test_a_program_that_was_covered_by_another_is_uncovered_and_the_other_stays(inside: Namespace) -> None:
    ps, other = os.path.realpath(tool("ps", "procps")), os.path.realpath(tool("true", "coreutils"))
    inside.run("mount", "--bind", other, ps)
    found = inside.davy("scan")
    (finding,) = found_by(found, "concealment.covered-program")
    assert "another file than the package procps installed" in finding["summary"]
    (incident,) = found.json["incidents"]
    done = inside.davy("evict", "--yes", "--id", incident["id"], "--verify-for", "1")
    assert (done.status, done.json["clean"], done.json["left"]) == (0, True, [])
    assert inside.mounted(ps) == 0
    assert "PID" in inside.run(ps)
    assert Path(other).exists()


HONEST: Final = """
import os, subprocess
def mount(*words): subprocess.run(["mount", *words], check=True)
mount("--bind", "/proc/sys", "/proc/sys")
mount("-o", "remount,bind,ro", "/proc/sys")
for name in ("bus", "fs", "irq", "acpi", "scsi", "asound"):
    if os.path.isdir(f"/proc/{name}"):
        mount("-t", "tmpfs", "-o", "ro", "tmpfs", f"/proc/{name}")
for name in ("kcore", "keys", "timer_list", "sched_debug", "latency_stats", "kallsyms", "interrupts"):
    if os.path.exists(f"/proc/{name}"):
        mount("--bind", "/dev/null", f"/proc/{name}")
open("/dev/shm/boot_id", "w").write("6c7e5e0a-0000-4000-8000-000000000000\\n")
mount("--bind", "/dev/shm/boot_id", "/proc/sys/kernel/random/boot_id")
os.mkdir("/dev/shm/proc")
mount("-t", "proc", "proc", "/dev/shm/proc")
mount("--bind", "/dev/shm/proc/meminfo", "/proc/meminfo")
mount("--bind", "/dev/shm/boot_id", "/etc/hostname")
mount("--bind", "/bin/true", "/bin/true")
"""


def test_what_runtimes_and_service_managers_mount_is_no_cover(inside: Namespace) -> None:
    inside.python(HONEST)
    assert inside.mounted("/proc/sys") == 1
    told = inside.python(
        "from davy.collect.concealment.covers import covers, first_look\nfrom davy.host import live\nhost = live()\n"
        "print(list(covers(host, host.kernel, first_look(host, host.kernel))))"
    )
    assert told.strip() == "[]"
    found = inside.davy("scan")
    assert not RULES & {finding["rule"] for one in found.json["incidents"] for finding in one["findings"]}
    assert not RULES & {finding["rule"] for one in inside.considered() for finding in one["findings"]}


def test_a_cover_that_no_path_leads_to_any_more_is_none(inside: Namespace) -> None:
    """A second procfs over the first shows every process again."""
    burner = inside.burner()
    inside.run("mount", "-t", "tmpfs", "none", f"/proc/{burner.pid}")
    inside.run("mount", "-t", "proc", "proc", "/proc")
    assert not actors(inside.davy("scan"), "hider")


TAMPERED: Final = """
import os, subprocess, sys
from davy.collect.concealment.covers import covers, first_look
from davy.hands.errors import Untouched
from davy.hands.mounts import unmount
from davy.host import live
from davy.model.plan import Unmount
host = live()
(cover,) = covers(host, host.kernel, {})
step = Unmount(point=os.fsencode(cover.point), mount_id=cover.mount_id, filesystem=cover.filesystem,
               source=os.fsencode(cover.source), root=os.fsencode(cover.root), device=cover.device)
CHANGE
notes = []
try:
    print("done", unmount(host.kernel.procfs, step, notes.append), len(notes))
except Untouched as error:
    print("untouched", error, len(notes))
"""


@pytest.mark.parametrize(
    ("change", "said", "left"),
    [
        ("", "done  1", 0),
        ('subprocess.run(["umount", cover.point], check=True)', "done it had gone 0", 0),
        (
            'subprocess.run(["umount", cover.point], check=True)\n'
            'subprocess.run(["mount", "-t", "tmpfs", "another", cover.point], check=True)',
            "done it had gone 0",
            1,
        ),
        (
            'subprocess.run(["mount", "-t", "tmpfs", "another", cover.point], check=True)',
            "untouched POINT: another mount lies over it 0",
            2,
        ),
        (
            'os.mkdir(cover.point + "/x")\n'
            'subprocess.run(["mount", "-t", "tmpfs", "another", cover.point + "/x"], check=True)',
            "untouched POINT: POINT/x is mounted on it, and not in the plan 0",
            1,
        ),
    ],
    ids=["as planned", "gone", "another in its place", "one above it", "one on it"],
)
def test_exactly_the_mount_of_the_plan_is_taken_off(inside: Namespace, change: str, said: str, left: int) -> None:
    point = f"/proc/{inside.start('/bin/sleep', '1000').pid}"
    inside.run("mount", "-t", "tmpfs", "none", point)
    assert inside.python(TAMPERED.replace("CHANGE", change)).strip() == said.replace("POINT", point)
    assert inside.mounted(point) == left
