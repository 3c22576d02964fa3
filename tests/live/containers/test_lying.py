"""A plan takes no file of the host's out of what only looks like a container, or was given to one."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.live.eviction.support import dies_with_us, end, identity, running, within
from tests.unit.snapshots import detail, executable, process, snapshot

from davy.host import DirectoryRoot, Host, HostError, LiveKernel
from davy.model.containers import Container
from davy.model.facts import Process
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Plan, Quarantine
from davy.respond import plan
from davy.respond.lying import Lying, lying

from .conftest import SECONDS

pytestmark = pytest.mark.live

ID = "43dd4091be92e124c3ecb235d604e93dba299dbf6d9e6731295968544b63e0f1"
Boxed = Callable[[str], Process]


@pytest.fixture
def tree(home: Path, programs: dict[str, bytes]) -> Path:
    """A container's files, and beside them an owner's."""
    for folder in ("tree/tmp", "tree/app", "owner", "upper", "work", "merged"):
        (home / folder).mkdir(parents=True)
    for place in ("tree/app/idle", "owner/idle", "owner/kdevtmpfsi"):
        (home / place).write_bytes(programs["idle"])
        (home / place).chmod(0o755)
    (home / "owner/settings").write_text("the owner's")
    return home / "tree"


@pytest.fixture
def boxed(tree: Path) -> Iterator[Boxed]:
    """Start a process in a root that a line of shell has mounted at ``tree`` or ``merged``; its facts."""
    started: list[subprocess.Popen[bytes]] = []
    until = {"GANG_UNTIL": f"{time.time() + SECONDS:.0f}", "GANG_STOP": "/stop"}

    def start(mounting: str) -> Process:
        started.append(
            subprocess.Popen(
                ["unshare", "--mount", "--propagation=private", "sh", "-ec", mounting], cwd=tree.parent,
                env=os.environ | until, stdin=subprocess.DEVNULL, preexec_fn=dies_with_us,
            )
        )  # fmt: skip
        pid = started[-1].pid
        assert within(5, lambda: os.readlink(f"/proc/{pid}/exe").endswith("/idle"))
        return _facts(pid, "/app/idle")

    try:
        yield start
    finally:
        for each in started:
            each.kill()
            each.wait()
        end(lambda: running(tree / "app/idle"))


def _facts(pid: int, *command: str) -> Process:
    found = identity(pid)
    assert found is not None
    made = process(pid, *command, cores=1.0, cgroup=f"/docker/{ID}")
    return msgspec.structs.replace(made, start_ticks=found.start_ticks)


def where(box: Process, path: str, container: Container | None = None) -> Lying:
    kernel = LiveKernel()
    with closing(DirectoryRoot.of_process(kernel.procfs, box.pid)) as root:
        return lying(Host(DirectoryRoot("/"), kernel), kernel, root, box.pid, path, container)


def planned(box: Process, container: Container) -> Plan:
    """What is planned against the first process of a container, as the miner."""
    program = msgspec.structs.replace(executable(box.exe_path or ""), sha256=None)
    facts = snapshot(box, container, detail(box, program=program))
    miner = Actor(role=Role.MINER, kind=Kind.PROCESS, subject=box.subject, name=box.name, detail="", pid=box.pid)
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=(miner,)
    )
    return plan(Host(DirectoryRoot("/"), LiveKernel()), facts, [incident])


def _moved(made: Plan) -> list[bytes]:
    return [step.file.path for step in made.steps if isinstance(step, Quarantine)]


BIND = "mount --bind tree tree; mount --bind owner tree/tmp; exec chroot tree /app/idle"
OVERLAY = (
    "mount -t overlay -o lowerdir=tree,upperdir=upper,workdir=work none merged; mount --bind owner merged/tmp;"
    " exec chroot merged /app/idle"
)


def test_the_kernel_says_where_a_container_s_file_lies(boxed: Boxed, tree: Path) -> None:
    box, runtime = boxed(BIND), tree.parent / "config.v2.json"
    assert where(box, "/tmp/settings") == Lying(f"{tree.parent}/owner/settings", own=False)
    assert where(box, "/app/idle") == Lying(f"{tree}/app/idle", own=False)
    runtime.write_text("{}")
    told = Container(runtime="docker", id=ID, name="web", layer=os.fspath(tree), state_file=os.fspath(runtime))
    assert where(box, "/app/idle", told) == Lying(f"{tree}/app/idle", own=True)
    assert not where(box, "/tmp/settings", told).own
    os.chown(runtime, 999, 999)
    assert not where(box, "/app/idle", told).own, "a user's own description proves nothing"


def test_what_is_laid_over_an_image_is_the_container_s_own(boxed: Boxed, tree: Path) -> None:
    box = boxed(OVERLAY)
    assert where(box, "/app/idle") == Lying(None, own=True)
    assert where(box, "/tmp/settings") == Lying(f"{tree.parent}/owner/settings", own=False)


def test_a_root_of_which_no_mount_is_known_is_not_reached_into(boxed: Boxed) -> None:
    with pytest.raises(HostError, match="cannot be told"):
        where(boxed("exec chroot tree /app/idle"), "/app/idle")


@pytest.mark.parametrize("mounting", [BIND, OVERLAY])
def test_a_script_that_a_command_line_names_is_no_reason_to_take_the_owner_s_file(boxed: Boxed, mounting: str) -> None:
    pid = boxed(mounting).pid
    liar = _facts(pid, "/usr/bin/python3", "/tmp/settings")
    made = planned(
        liar, Container(runtime="docker", id=ID, name="web", pid=pid, running=True, state_file="/etc/passwd")
    )
    assert _moved(made) == []


def test_a_program_of_the_host_s_that_was_given_to_a_container_stays(boxed: Boxed, tree: Path) -> None:
    pid = boxed(OVERLAY.replace("/app/idle", "/tmp/idle")).pid
    box = Container(runtime="docker", id=ID, name="web", pid=pid, running=True)
    made = planned(_facts(pid, "/tmp/idle"), box)
    assert _moved(made) == []
    (left,) = made.left
    assert left.why == f"is {tree.parent}/owner/idle on the host, which others may need"


def test_a_process_that_only_names_itself_into_a_container_is_judged_as_one_of_the_host(tree: Path) -> None:
    program = tree.parent / "owner/settings"
    with subprocess.Popen(["/bin/sleep", "60"]) as sleeper:
        try:
            liar = _facts(sleeper.pid, "/usr/bin/python3", os.fspath(program))
            made = planned(liar, Container(runtime="docker", id=ID, name=ID[:12], pid=sleeper.pid, running=True))
        finally:
            sleeper.kill()
    assert _moved(made) == []
    assert program.exists()
    assert [left.why for left in made.left] == ["named as a script on a command line alone"]


def test_an_undo_is_not_told_of_a_place_where_the_file_never_was(
    boxed: Boxed, tree: Path, programs: dict[str, bytes]
) -> None:
    """A user's own runtime may say that a container's files are those of the host."""
    box = boxed(OVERLAY.replace("mount --bind owner merged/tmp;", ""))
    program = Path(f"/proc/{box.pid}/root/tmp/kdevtmpfsi")
    program.write_bytes(programs["miner"])
    miner = _facts(box.pid, "/tmp/kdevtmpfsi")
    told = Container(runtime="docker", id=ID, name="web", pid=box.pid, running=True)
    layers = {}
    for layer in ("/", f"{tree.parent}/upper", os.fspath(tree)):
        made = planned(miner, msgspec.structs.replace(told, layer=layer))
        (step,) = [step for step in made.steps if isinstance(step, Quarantine)]
        assert step.file.within is not None
        layers[layer] = step.file.within.layer
    assert list(layers.values()) == [None, os.fsencode(tree.parent / "upper"), None]
