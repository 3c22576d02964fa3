"""The C that a measurement is held against."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def compiled(*sources: Path) -> Iterator[tuple[str, ...]]:
    """Paths of C programs, compiled into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as folder:
        programs = tuple(f"{folder}/{source.stem}" for source in sources)
        for source, program in zip(sources, programs, strict=True):
            subprocess.run(["gcc", "-O2", "-pthread", "-o", program, source], check=True)
        yield programs
