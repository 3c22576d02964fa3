"""What is searched: a copy of a gigabyte of ``/usr``, and a log of a gigabyte."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Final

SIZE: Final = 1 << 30
_LARGEST: Final = 64 << 20
_LINES: Final = 20_000
_SPEED: Final = "10s/60s/15m 1432.1 1420.7 n/a H/s max 1450.0 H/s"
_HIT: Final = "\n".join(("net new job from 192.0.2.1:3333" + " diff 1000225", f"miner speed {_SPEED}", "")).encode()


def tree(folder: Path) -> int:
    """A copy of the first gigabyte of ``/usr``; the number of its files."""
    folder.mkdir()
    size = files = 0
    for where, folders, names in os.walk("/usr"):
        folders.sort()
        for name in sorted(names):
            source = Path(where, name)
            if source.is_symlink() or not source.is_file() or source.stat().st_size > _LARGEST:
                continue
            shutil.copyfile(source, folder / f"{files}-{name}")
            size += source.stat().st_size
            files += 1
            if size >= SIZE:
                return files
    return files


def log(file: Path) -> None:
    """Lines of a web server, of ssh, cron and a service, as a seeded generator mixes them."""
    chance = random.Random(7)
    block = b"".join(_line(chance.randrange(5), chance.randrange(1 << 30)) for _ in range(_LINES))
    with file.open("wb") as out:
        for number in range(SIZE // len(block) + 1):
            out.write(block)
            if number % 100 == 50:
                out.write(_HIT)


def _line(kind: int, n: int) -> bytes:
    now = "2026-11-25T03:14:15Z box"
    return (
        (
            f'192.0.2.{n % 251} - - [25/Nov/2026:03:{n % 60:02}:07 +0000] "GET /s/{n:x}.js HTTP/1.1" 200 {n % 999} '
            '"-" "Mozilla/5.0 (X11)"',
            f"{now} sshd[{n % 32768}]: Failed password for root from 198.51.100.{n % 250} port {n % 65535} ssh2",
            f"{now} CRON[{n % 32768}]: (root) CMD (/usr/local/bin/backup --quiet /srv/{n % 97})",
            f'{{"level":"info","time":"{now}","job_id":"{n:x}","msg":"request took {n % 977} ms"}}',
            f"2026-11-25 03:14:15,{n % 1000:03} INFO  org.apache.flink.runtime.Task [] - Map ({n % 8}/8) switched",
        )[kind]
        + "\n"
    ).encode()


def warm(path: Path) -> None:
    """Read everything once, so that all find it in the page cache."""
    for file in [path] if path.is_file() else path.iterdir():
        with file.open("rb", buffering=0) as content:
            while content.read(1 << 22):
                pass
