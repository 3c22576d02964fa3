"""Wallets that a process was told are facts, whatever it is; what a search is told to look for is none."""

from __future__ import annotations

import pytest
from tests.unit.detect.samples_memory import OWN
from tests.unit.snapshots import process, snapshot

from davy.collect.content.told_wallets import told_wallets
from davy.host import Host, MemoryRoot
from davy.model.reach import USUAL


def told(*command: str, exe: str = "") -> list[str]:
    of = snapshot(process(100, *command, exe=exe))
    return [sighting.address for sighting in told_wallets(Host(MemoryRoot({})), of, USUAL)]


@pytest.mark.parametrize(
    "command",
    [("/opt/x", "-u", OWN), ("/opt/x", f"--user={OWN}.rig"), ("sh", "/opt/run.sh", OWN), ("sh", "-c", f"/opt/x {OWN}")],
)
def test_wallet_on_a_command_line_is_told(command: tuple[str, ...]) -> None:
    assert told(*command) == [OWN]


@pytest.mark.parametrize(
    "command", [("grep", "-r", OWN, "/"), ("vim", OWN), ("sudo", "grep", OWN), ("/opt/x", OWN[:-1] + "B")]
)
def test_search_for_a_wallet_and_a_wrong_one_are_none(command: tuple[str, ...]) -> None:
    path = command[0] if command[0].startswith("/") else f"/usr/bin/{command[0]}"
    assert told(*command, exe=path) == []
