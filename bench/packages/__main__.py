"""Prints one table of figures, each beside its budget where it has one."""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.figures import Figure, row
from davy.host import live
from davy.host.digests import Digest
from davy.host.packages import PackageDatabase, packages

_INFO: Final = Path("/var/lib/dpkg/info")
_OWNED: Final = 4000
_UNOWNED: Final = 1000
_STARTING: Final = (
    "/etc/cron.d", "/etc/cron.daily", "/etc/init.d", "/etc/profile.d", "/etc/xdg/autostart", "/lib/systemd/system",
    "/lib/systemd/user", "/lib/udev/rules.d", "/usr/share/dbus-1/system-services", "/usr/share/dbus-1/services",
)  # fmt: skip


def _milliseconds(ask: Callable[..., object], *arguments: object) -> float:
    before = time.process_time()
    ask(*arguments)
    return (time.process_time() - before) * 1e3


def _theirs(*command: str) -> float:
    """CPU time of a program and what it starts; its status is not looked at: it ends 1 for what nobody owns."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) * 1e3


def _database() -> PackageDatabase:
    return packages(live().root)


def _asked() -> list[str]:
    listed = {path for file in sorted(_INFO.glob("*.list")) for path in os.fsdecode(file.read_bytes()).split("\n")}
    chosen = random.Random(1).sample(sorted(listed - {"", "/."}), _OWNED)
    return [*chosen, *(f"/tmp/nobody/{number}" for number in range(_UNOWNED))]


def _starting() -> list[str]:
    return [entry.path for folder in _STARTING if os.path.isdir(folder) for entry in os.scandir(folder)]


def _owners(rounds: int) -> Iterator[Figure]:
    asked = _asked()
    ours = [_milliseconds(lambda: _database().owners(asked)) for _ in range(rounds)]
    figure = Figure.of("owners of 5,000 paths", ours, "ms", 300)
    yield figure
    peer = Figure.of("dpkg -S, the same", [_theirs("dpkg", "-S", *asked) for _ in range(rounds)], "ms")
    yield peer
    yield peer.times("the same, times Davy", figure)
    database = _database()
    further = [_milliseconds(database.owners, [f"/tmp/further/{number}"]) for number in range(rounds)]
    yield Figure.of("owner of one more path", further, "ms")


def _provenance(rounds: int, verify: bool) -> Iterator[Figure]:
    starting = _starting()
    ours = Figure.of(
        f"provenance of {len(starting):,} autostarts",
        [_milliseconds(lambda: _database().provenance(starting)) for _ in range(rounds)],
        "ms",
    )
    yield ours
    if verify:
        owners = sorted(set(_database().owners(starting).values()))
        peer = Figure.of("dpkg --verify of their packages", [_theirs("dpkg", "--verify", *owners)], "ms")
        yield peer
        yield peer.times("the same, times Davy", ours)


def _twins(rounds: int) -> Iterator[Figure]:
    database = _database()

    first, *further = (_milliseconds(database.twin, Digest(md5=f"{number:032x}")) for number in range(1, 2 + rounds))
    yield Figure.of("the first copy's twin", [first], "ms")
    yield Figure.of("each further copy's", further, "ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.packages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each (7)")
    parser.add_argument("--verify", action="store_true", help="dpkg --verify, too, once: it reads whole packages")
    options = parser.parse_args()
    if not shutil.which("dpkg"):
        raise SystemExit("bench.packages: there is no dpkg here")
    print(
        f"{len(list(_INFO.glob('*.list')))} packages, {os.cpu_count()} CPUs, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )
    print(row("", "best", "median", "budget"), flush=True)
    _database().owners(_asked())
    for figures in (_owners(options.rounds), _provenance(options.rounds, options.verify), _twins(options.rounds)):
        for figure in figures:
            print(figure, flush=True)


main()
