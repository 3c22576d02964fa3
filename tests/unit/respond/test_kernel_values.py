"""What the kernel itself runs gets its usual value back: only in known places, and only if it is what the scan read."""

from __future__ import annotations

import os

import pytest
from tests.unit.snapshots import snapshot

from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Plan, SetKernelValue, Unregister
from davy.respond import described, plan

CORE = "/proc/sys/kernel/core_pattern"
FORMAT = "/proc/sys/fs/binfmt_misc/x"
SHOWN = "enabled\ninterpreter /tmp/x\nflags: OC\noffset 0\nmagic 7f454c46"


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def planned(root: dict[str, str], *guilty: Autostart) -> Plan:
    actors = tuple(
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in guilty
    )
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=actors
    )
    kernel = RecordedKernel(RecordedProcfs({}))
    return plan(Host(MemoryRoot(root), kernel), snapshot(*guilty), [incident])


def helper(path: str, text: str) -> Autostart:
    return Autostart(kind=AutostartKind.KERNEL_HELPER, path=path, line=1, text=text, command=text.lstrip("|"))


def test_a_core_pattern_becomes_the_usual_one() -> None:
    (step,) = planned({CORE: "|/tmp/x %p\n"}, helper(CORE, "|/tmp/x %p")).steps
    assert step == SetKernelValue(path=CORE.encode(), seen=b"|/tmp/x %p", usual=b"core")
    assert described(step) == f"set {CORE} to core, from |/tmp/x %p"


def test_a_release_agent_and_a_device_helper_become_none() -> None:
    for path in ("/sys/fs/cgroup/memory/release_agent", "/sys/kernel/uevent_helper"):
        (step,) = planned({path: "/tmp/x\n"}, helper(path, "/tmp/x")).steps
        assert step == SetKernelValue(path=path.encode(), seen=b"/tmp/x", usual=b"")


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        (CORE, "core\n", "another value by now"),
        ("/proc/cmdline", "|/tmp/x %p\n", "no value that Davy sets"),
        ("/sys/fs/cgroup/a/b/release_agent", "|/tmp/x %p\n", "no value that Davy sets"),
    ],
)
def test_other_values_and_other_places_are_left(path: str, content: str, why: str) -> None:
    made = planned({path: content}, helper(path, "|/tmp/x %p"))
    assert made.steps == ()
    assert [left.what for left in made.left] == [path]
    assert why in made.left[0].why


def test_a_binary_format_is_taken_out_if_it_is_still_that_interpreter_s() -> None:
    entry = Autostart(kind=AutostartKind.BINFMT, path=FORMAT, command="/tmp/x")
    (step,) = planned({FORMAT: f"{SHOWN}\n"}, entry).steps
    assert step == Unregister(path=FORMAT.encode(), seen=SHOWN.encode())
    assert planned({FORMAT: SHOWN.replace("/tmp/x", "/tmp/y")}, entry).steps == ()
