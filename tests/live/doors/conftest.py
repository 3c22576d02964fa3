"""Networks and folders for real services of the tests' own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.live.eviction.support import DRILL_PROGRAMS, Davy, end, running

from davy import drill

from .support import Network


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    yield made
    made.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may pass through, away from those that Davy looks into closely."""
    made = Path(tempfile.mkdtemp(prefix="davy-doors-", dir="/srv"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def davy(tmp_path: Path) -> Davy:
    return Davy(tmp_path / "state")


@pytest.fixture
def no_drill_left() -> Iterator[None]:
    """Whatever a test starts of a drill's programs, it is gone after it."""
    yield
    with suppress(drill.DrillError):
        drill.stop()
    end(lambda: [pid for path in DRILL_PROGRAMS for pid in running(path)])
    for path in DRILL_PROGRAMS:
        Path(path).unlink(missing_ok=True)
