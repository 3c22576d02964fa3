"""Every kind of autostart: the guilty entries are taken out, the innocent ones stay, and an undo is one to the byte."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.planted.planting import planted

pytestmark = pytest.mark.live

PROJECT = Path(__file__).resolve().parents[3]
KINDS = planted()


@pytest.fixture(scope="module")
def found(lab_for_module: Any) -> dict[str, list[str]]:
    """What was wrong with each kind, all of them planted at once in one container."""
    command = f"cd {shlex.quote(str(PROJECT))} && exec {shlex.quote(sys.executable)} -m tests.live.autostarts.inside"
    ran = lab_for_module.run("sh", "-c", command, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_of_each_kind_the_guilty_go_the_innocent_stay_and_an_undo_is_exact(
    found: dict[str, list[str]], kind: str
) -> None:
    assert "\n".join(found[kind]) == ""
