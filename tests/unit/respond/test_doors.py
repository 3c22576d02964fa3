"""A door is closed, never evicted: nothing of the service that let it in is in a plan."""

from __future__ import annotations

import os

import pytest
from tests.unit.correlate.stories import host, incident_at, known, line
from tests.unit.snapshots import process

from davy.host import Host, MemoryRoot
from davy.model.incidents import Role
from davy.model.logs import Shows
from davy.respond import plan


def test_the_service_through_which_it_came_is_in_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    java = process(100, "/usr/bin/java", user="nobody", age=86_400)
    kinsing = process(200, "/var/tmp/kinsing", user="nobody", ppid=100)
    miner = process(201, "/tmp/kdevtmpfsi", user="nobody", ppid=200, cores=1.0)
    came = line("flink", "newer", Shows.SUCCESS)
    of = host(java, kinsing, miner, services=[known("flink", java)], hits=[came])
    found = incident_at(of)
    assert [actor.pid for actor in found.actors if actor.role is Role.DOOR] == [100]
    made = plan(Host(MemoryRoot({})), of, [found])
    assert {target.pid for target in made.targets} == {200, 201}
    assert not any("java" in name for name in made.names)
    assert all("java" not in one.what and "Flink" not in one.what for one in made.left)
