"""The mounted /proc, where Davy is refused a procfs of its own."""

from __future__ import annotations

import os

import pytest

from davy.host import HostError, procfs
from davy.host.errors import Refused
from davy.host.mounts import Mount, covered_processes
from davy.host.procfs import LiveProcfs


def mount(point: str) -> Mount:
    return Mount(point=point, filesystem="fuse.gone", source="gone", device=(0, 40), root="/")


def test_what_is_mounted_at_or_below_a_process_covers_it() -> None:
    points = ["/proc", "/proc/stat", "/proc/7", "/proc/8/stat", "/proc/sys", "/procs/9", "/srv/proc/10"]
    assert covered_processes(tuple(map(mount, points))) == {7, 8}


def test_below_a_mount_over_a_process_nothing_is_read_for_it_may_never_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise PermissionError

    me = os.getpid()
    monkeypatch.setattr(procfs, "detached_procfs", refused)
    monkeypatch.setattr(procfs, "parse_mountinfo", lambda _: (mount(f"/proc/{me}"),))
    mounted = LiveProcfs()
    for ask in (mounted.read, mounted.link, mounted.names, mounted.inode, mounted.open):
        with pytest.raises(Refused):
            ask(f"{me}/exe")
    covered, own = mounted.read_each([f"{me}/stat", "self/stat"])
    assert isinstance(covered, HostError)
    assert isinstance(own, bytes)
    assert own.startswith(b"%d (" % me)
