"""Files of real packages that an intruder changed are made what the package installed, and an undo is exact."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from tests.live.eviction.support import missing

pytestmark = pytest.mark.live

PROJECT = Path(__file__).resolve().parents[3]
GUILTY: Final = "*/5 * * * * root /var/tmp/kinsing"
WRAPPER: Final = '#!/bin/sh\n/usr/bin/ps.orig "$@" | grep -v -e kinsing -e kdevtmpfsi\n'
CRONTAB, PS = "/etc/crontab", "/usr/bin/ps"
ARCHIVES: Final = "/var/cache/apt/archives"


class Lab(Protocol):
    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> Any: ...
    def write(self, path: str, text: str, mode: str = "0644") -> None: ...


def manifest(lab: Lab, *paths: str) -> dict[str, Any]:
    words = shlex.join([sys.executable, "-m", "tests.live.autostarts.manifest", *paths])
    return dict(json.loads(lab.run("sh", "-c", f"cd {shlex.quote(str(PROJECT))} && exec {words}").stdout))


def content(lab: Lab, path: str) -> str:
    return str(lab.run("sha256sum", path).stdout.split()[0])


def evicted(lab: Lab) -> Any:
    incidents = json.loads(lab.davy("scan", "--json").stdout)["incidents"]
    chosen = [word for incident in incidents for word in ("--id", incident["id"])]
    ran = lab.davy("evict", "--yes", "--json", "--verify-for", "0", *chosen)
    return json.loads(ran.stdout), ran.stderr


def infect(lab: Lab) -> None:
    """A line in a packaged crontab, and ps in a wrapper that hides."""
    lab.run("systemctl", "stop", "cron.service")
    lab.run("sh", "-c", f"echo '{GUILTY}' >> {CRONTAB}")
    lab.run("mv", PS, f"{PS}.orig")
    lab.write(PS, WRAPPER, "0755")


def test_what_a_package_installed_stands_there_again_and_an_undo_is_exact(lab: Lab) -> None:
    clean = {path: content(lab, path) for path in (CRONTAB, PS)}
    if not lab.run("sh", "-c", f"ls {ARCHIVES}/procps_*.deb {ARCHIVES}/cron_*.deb", check=False).stdout:
        missing("needs a lab whose packages' archives are kept")
    infect(lab)
    before = manifest(lab, CRONTAB, PS, f"{PS}.orig", "/etc", "/usr/bin")
    outcome, said = evicted(lab)
    assert outcome["left"] == [], said
    assert {path: content(lab, path) for path in clean} == clean
    assert any("which is as the package cron-daemon-common installed it then" in step for step in outcome["done"])
    assert any(f"give {PS} the content that the package procps installed" in step for step in outcome["done"])
    assert lab.run("stat", "--format=%a %U", PS).stdout.split() == ["755", "root"]
    undone = lab.davy("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout
    assert manifest(lab, *before) == before


def test_without_the_archives_a_person_is_told_what_to_install_again(lab: Lab) -> None:
    infect(lab)
    lab.run("sh", "-c", f"rm -f {ARCHIVES}/*.deb")
    before = content(lab, PS)
    outcome, _ = evicted(lab)
    left = {one["what"]: one["why"] for one in outcome["left"]}
    assert left[PS].endswith("reinstall procps: apt-get install --reinstall procps")
    assert content(lab, PS) == before
    assert GUILTY not in lab.run("cat", CRONTAB).stdout
