"""What somebody else's choice makes look like a hider, a process's name say, is neither removed nor moved."""

from __future__ import annotations

import os

import msgspec
import pytest
from tests.unit.snapshots import Fact, cover, detail, executable, hidden, incident_of, preload, process, snapshot

from davy.host import Host, MemoryRoot
from davy.model.concealment import Cover, CoverKind, Preload, PreloadKind, View
from davy.model.incidents import Kind, Role
from davy.model.plan import Plan, Quarantine, RemoveLines, Unmount
from davy.respond import plan

PRELOAD_FILE = "/etc/ld.so.preload"
MINER = process(100, "/tmp/kdevtmpfsi", cores=1.0)
HIDDEN = (MINER, hidden(MINER, View.LISTING), detail(MINER))
AGENT = "/opt/acme/agent.so"
"""A monitoring agent that no package owns."""


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def hashed(library: Preload) -> Preload:
    """With the hash that its file has in `planned`."""
    program = msgspec.structs.replace(executable(library.path, owner_package=None), sha256=None)
    return msgspec.structs.replace(library, library=program, entry=library.path)


def planned(*facts: Fact) -> Plan:
    seen = snapshot(*HIDDEN, *facts)
    libraries = [fact.path for fact in facts if isinstance(fact, Preload)]
    lines = "".join(f"{fact.text}\n" for fact in facts if isinstance(fact, Preload) and fact.kind is PreloadKind.FILE)
    return plan(Host(MemoryRoot({PRELOAD_FILE: lines, **dict.fromkeys(libraries, "x")})), seen, [incident_of(seen)])


def touched(of: Plan) -> set[str]:
    return {
        os.fsdecode(step.file.path) for step in of.steps if isinstance(step, (Quarantine, RemoveLines))
    } | {os.fsdecode(step.point) for step in of.steps if isinstance(step, Unmount)}  # fmt: skip


@pytest.mark.parametrize(
    "library",
    [
        preload(AGENT),
        preload(AGENT, names=[MINER]),
        preload("/usr/lib/acme.so", owner_package=None, names=[MINER]),
        preload(AGENT, kind=PreloadKind.MAPPED, names=[MINER]),
        preload("/opt/app/libcrypto.so", kind=PreloadKind.ENVIRONMENT, pids=(100,), names=[MINER]),
        preload("/tmp/build/libasan.so", kind=PreloadKind.ENVIRONMENT, pids=(100,)),
        preload("/opt/dynatrace/agent.so", names=[MINER]),
    ],
)
def test_a_library_in_the_company_of_a_hidden_miner_stays(library: Preload) -> None:
    assert touched(planned(hashed(library))) <= {"/tmp/kdevtmpfsi"}


def test_of_two_libraries_that_could_have_hidden_a_miner_neither_is_touched() -> None:
    both = [hashed(preload(path, hides=[MINER])) for path in (AGENT, "/opt/y/libhide.so")]
    made = planned(*both)
    assert touched(made) <= {"/tmp/kdevtmpfsi"}
    assert {"agent.so", "libhide.so"} <= {one.what for one in made.left}


def test_the_one_that_hides_goes_with_its_line_and_the_agent_stays() -> None:
    made = planned(hashed(preload("/opt/y/libhide.so", hides=[MINER])), hashed(preload(AGENT, names=[MINER])))
    assert {PRELOAD_FILE, "/opt/y/libhide.so"} <= touched(made)
    assert AGENT not in touched(made)


def test_what_an_environment_alone_names_is_not_moved_while_others_have_it() -> None:
    library = hashed(preload("/opt/y/libhide.so", kind=PreloadKind.ENVIRONMENT, hides=[MINER]))
    (moved,) = (
        step for step in planned(library).steps if isinstance(step, Quarantine) and b"libhide" in step.file.path
    )
    assert moved.loaded_by_others, "it was seen to hide"
    known = hashed(preload("/dev/shm/.x/libprocesshider.so", kind=PreloadKind.ENVIRONMENT, names=[MINER]))
    for step in planned(known).steps:
        assert not (isinstance(step, Quarantine) and step.loaded_by_others)


@pytest.mark.parametrize(
    "mount",
    [
        cover("/proc/loadavg"),
        cover("/usr/local/bin/tool", kind=CoverKind.PROGRAM, forged="is another file than the package x installed"),
    ],
)
def test_a_mount_that_nobody_saw_deceive_stays_beside_a_hidden_miner(mount: Cover) -> None:
    made = planned(mount)
    assert touched(made) <= {"/tmp/kdevtmpfsi"}


def test_it_is_still_told_as_a_hider() -> None:
    incident = incident_of(snapshot(*HIDDEN, preload(AGENT)))
    assert (Role.HIDER, Kind.LIBRARY) in {(actor.role, actor.kind) for actor in incident.actors}
