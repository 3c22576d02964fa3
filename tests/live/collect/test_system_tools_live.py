"""The tools of this very host, beside what its package manager says of them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from davy.collect.system_tools import system_tools, tool_paths
from davy.host import live
from davy.host.packages import packages
from davy.model.tools import SystemTool, Tampering

pytestmark = [pytest.mark.live, pytest.mark.skipif(not shutil.which("dpkg"), reason="needs a Debian")]


def test_the_tools_that_differ_are_those_that_dpkg_says_differ() -> None:
    host = live()
    database = packages(host.root)
    owners = sorted({owner.partition(":")[0] for owner in database.owners(tool_paths()).values()})
    assert owners
    answer = subprocess.run(["dpkg", "--verify", *owners], capture_output=True, text=True, check=False)
    differing = {line.rpartition(" ")[2] for line in answer.stdout.splitlines() if not line.startswith("missing")}
    found = {
        fact.path
        for fact in system_tools(host, database)
        if isinstance(fact, SystemTool) and fact.tampering in (Tampering.REPLACED, Tampering.WRAPPED)
    }
    assert {path.removeprefix("/usr") for path in found} == {
        path.removeprefix("/usr") for path in differing & set(tool_paths())
    }
