"""Every kind of autostart: the guilty entries are taken out, the innocent ones stay, and an undo is one to the byte."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.planted.planting import planted

pytestmark = pytest.mark.live

PROJECT = Path(__file__).resolve().parents[3]
KINDS = planted()
PLANT = 'from pathlib import Path; from tests.planted.planting import *; plant(Path("/"), list(planted().values()))'


class Lab(Protocol):
    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> Any: ...


def python(lab: Lab, *arguments: str) -> str:
    """Run this project's Python in the container, from the project's folder."""
    command = f"cd {shlex.quote(str(PROJECT))} && exec {shlex.join([sys.executable, *arguments])}"
    ran = lab.run("sh", "-c", command, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


@pytest.fixture(scope="module")
def found(lab_for_module: Lab) -> dict[str, list[str]]:
    """What was wrong with each kind, all of them planted at once in one container."""
    wrong: dict[str, list[str]] = json.loads(python(lab_for_module, "-m", "tests.live.autostarts.inside"))
    return wrong


@pytest.mark.parametrize("kind", KINDS)
def test_of_each_kind_the_guilty_go_the_innocent_stay_and_an_undo_is_exact(
    found: dict[str, list[str]], kind: str
) -> None:
    assert "\n".join(found[kind]) == ""


def test_all_that_a_scan_names_goes_at_once_keys_by_name_and_two_undos_are_exact(lab: Lab) -> None:
    files = {file.path for kind in KINDS.values() for file in kind.file}
    guilty = {(entry.path, entry.line) for kind in KINDS.values() for entry in kind.guilty}
    paths = sorted(files | {str(Path(path).parent) for path in files})

    def manifest() -> dict[str, Any]:
        return dict(json.loads(python(lab, "-m", "tests.live.autostarts.manifest", *paths)))

    def scan() -> list[dict[str, Any]]:
        return list(json.loads(lab.davy("scan", "--json").stdout)["incidents"])

    lab.run("systemctl", "stop", "cron.service")
    python(lab, "-c", PLANT)
    before, incidents = manifest(), scan()
    named = {(actor["path"], actor["line"]) for incident in incidents for actor in incident["actors"]}
    assert guilty <= named, guilty - named
    chosen = [word for incident in incidents for word in ("--id", incident["id"])]
    evicted = json.loads(lab.davy("evict", "--yes", "--json", "--verify-for", "0", *chosen).stdout)
    keys = [left["why"].rpartition(" ")[2] for left in evicted["left"] if "only taken out by name" in left["why"]]
    assert [left for left in evicted["left"] if left["why"].rpartition(" ")[2] not in keys] == []
    evicted = json.loads(lab.davy("evict", "--yes", "--json", "--verify-for", "0", *_options("--key", keys)).stdout)
    assert evicted["left"] == []
    assert scan() == []
    honest = {entry.path for kind in KINDS.values() for entry in kind.innocent} - {path for path, _ in guilty}
    after = manifest()
    assert {path: after[path] for path in honest} == {path: before[path] for path in honest}
    for _ in range(2):
        undone = lab.davy("undo", "--yes", "--json")
        assert undone.returncode == 0, undone.stdout + undone.stderr
    assert manifest() == before


def _options(name: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (name, value)]
