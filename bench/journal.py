"""How long a minute of a large journal takes: all of it, and one program's, beside ``journalctl`` on the one file.

    python -m bench.journal --gigabytes 8 --folder DIR

The files are written into the folder as systemd would have them, 128 MiB each, and are left there for the next run.
Each is measured cold (the kernel was asked to forget the files) and warm.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.unit.collect.logs.formats.journal_files import Writer

from bench.figures import Figure, row
from davy.collect.logs.formats import journal
from davy.collect.logs.record import Record
from davy.host import DirectoryRoot
from davy.model.logs import Span

_FILE_BYTES: Final = 128 << 20
_BEGIN: Final = 1_600_000_000.0
_APART: Final = 0.05
"""Seconds between two entries."""
_HEAD_TIME, _TAIL_TIME, _ENTRY_TIME = 184, 192, 24
_BUDGET: Final = 0.5


def _template() -> Writer:
    chosen = random.Random(1)
    writer = Writer()
    number = 0
    while len(writer.out) < _FILE_BYTES - 4096:
        name = chosen.choice(("sshd", "cron", "kernel", "dockerd", "redis-server", "systemd", "postgres"))
        writer.add(
            _BEGIN + number * _APART,
            {
                "_BOOT_ID": "b" * 32, "_MACHINE_ID": "m" * 32, "_HOSTNAME": "web1", "PRIORITY": str(number % 8),
                "_TRANSPORT": "syslog", "SYSLOG_IDENTIFIER": name, "_COMM": name, "_UID": "0", "_GID": "0",
                "_EXE": f"/usr/sbin/{name}", "_CMDLINE": f"/usr/sbin/{name} -D", "_SYSTEMD_UNIT": f"{name}.service",
                "_PID": str(chosen.randrange(30_000)), "SYSLOG_TIMESTAMP": str(number),
                "MESSAGE": f"message {number} {chosen.randbytes(200).hex()}",
            },
        )  # fmt: skip
        number += 1
    return writer


def _files(folder: Path, count: int) -> list[Path]:
    paths = [folder / "var/log/journal/1" / f"system@{number:04}.journal" for number in range(count)]
    if all(path.is_file() for path in paths):
        return paths
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    writer = _template()
    content = bytearray(writer.file())
    length = len(writer.times) * _APART
    for number, path in enumerate(paths):
        shift = round(number * length * 1e6)
        for offset, micros in zip(writer.entries, writer.times, strict=True):
            struct.pack_into("<Q", content, offset + _ENTRY_TIME, micros + shift)
        struct.pack_into("<QQ", content, _HEAD_TIME, writer.times[0] + shift, writer.times[-1] + shift)
        path.write_bytes(content)
    return paths


def _forgotten(paths: list[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _ours(folder: Path, paths: list[Path], span: Span, *sources: str) -> int:
    root, found = DirectoryRoot(str(folder)), 0
    for path in paths:
        with ExitStack() as opened:
            file = opened.enter_context(root.opened(f"/{path.relative_to(folder)}"))
            found += sum(
                isinstance(each, Record)
                for each in journal.records_of(file, file.size, span, frozenset(sources))
            )  # fmt: skip
    return found


def _journalctl(path: Path, span: Span) -> int:
    shown = subprocess.run(
        ["journalctl", f"--file={path}", f"--since=@{span.begin}", f"--until=@{span.end}",
         "--output=short-unix", "--quiet", "--no-pager"],
        capture_output=True, check=True,
    )  # fmt: skip
    return shown.stdout.count(b"\n")


def _seconds(run: Callable[[], int]) -> float:
    before = time.perf_counter()
    if not run():
        raise SystemExit("nothing was found")
    return time.perf_counter() - before


def _figures(folder: Path, paths: list[Path], rounds: int) -> Iterator[Figure]:
    middle = paths[len(paths) // 2]
    with DirectoryRoot(str(folder)).opened(f"/{middle.relative_to(folder)}") as file:
        covered = journal.covers(file, file.size)
    assert covered is not None
    span = Span(covered.begin + 60, covered.begin + 120)
    for what, sources in (("a minute", ()), ("a minute of sshd", ("sshd",))):
        cold = []
        for _ in range(rounds):
            _forgotten(paths)
            cold.append(_seconds(lambda sources=sources: _ours(folder, paths, span, *sources)))
        yield Figure.of(f"{what}, cold", cold, "s", _BUDGET)
        warm = [_seconds(lambda sources=sources: _ours(folder, paths, span, *sources)) for _ in range(rounds)]
        yield Figure.of(f"{what}, warm", warm, "s", _BUDGET)
    theirs = [_seconds(lambda: _journalctl(middle, span)) for _ in range(rounds)]
    yield Figure.of("journalctl, its file alone, warm", theirs, "s")
    yield Figure.of("memory at most", [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024], "MB", 100)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--gigabytes", type=float, default=8)
    asked.add_argument("--folder", type=Path, required=True)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    paths = _files(options.folder, max(round(options.gigabytes * (1 << 30) / _FILE_BYTES), 1))
    print(row(f"{sum(path.stat().st_size for path in paths) / 1e9:.1f} GB of journal", "best", "median", "budget"))
    for figure in _figures(options.folder, paths, options.rounds):
        print(figure, flush=True)


if __name__ == "__main__":
    main()
