"""What an engine of the tests leaves in its folder is ended and unmounted, also when the tests were killed.

As a program it waits until those who started it close its input, however they end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.live.eviction.support import end, pids


def left_nothing(folder: Path) -> None:
    """End what runs with the folder on its command line, and below that; unmount what is mounted there."""
    end(lambda: _runs_below(folder))
    for point in reversed(_mounted_below(folder)):
        subprocess.run(["umount", "--lazy", point], check=True)


def _mounted_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(f"{folder}/")]


def _runs_below(folder: Path) -> list[int]:
    """An engine's own processes, the monitors of its containers and what these started."""
    found: list[int] = []
    parents: dict[int, int] = {}
    for pid in pids():
        with suppress(OSError):
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes() and pid != os.getpid():
                found.append(pid)
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid and child not in found]
    return found


if __name__ == "__main__":
    home = Path(os.fsdecode(sys.stdin.buffer.readline().rstrip(b"\n")))
    sys.stdin.buffer.read()
    if home.is_dir():
        left_nothing(home)
        shutil.rmtree(home, ignore_errors=True)
