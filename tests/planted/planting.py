"""Guilty and innocent autostarts of every kind, as files to be planted in a root of the test's own.

Each ``*.toml`` beside this module is of one kind: the files, then the entries in them, each guilty or innocent.  What
they would run is not there, or harmless; addresses are those of documentation (RFC 5737), and nothing is contacted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from davy.model.autostarts import AutostartKind

ACCOUNTS = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
postgres:x:70:70:PostgreSQL:/var/lib/postgresql:/bin/bash
ada:x:1000:1000:Ada:/home/ada:/bin/bash
grace:x:1001:1001:Grace:/home/grace:/bin/zsh
"""


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file, or a link, that is planted."""

    path: str
    content: str = ""
    mode: str = "644"
    uid: int = 0
    link: str | None = None
    """Where it points, if it is a symbolic link."""


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One autostart that must be read from the files, just so."""

    path: str
    kind: AutostartKind | None = None
    """Of an entry of another kind that the files of this one need."""
    line: int | None = None
    command: str
    user: str | None = None
    schedule: str | None = None
    """None: not looked at."""
    programs: tuple[str, ...] = ()
    """Files that its command is found to run, some of them."""
    note: str = ""


class Planted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is planted of one kind."""

    kind: AutostartKind
    file: tuple[File, ...]
    guilty: tuple[Entry, ...]
    """Each must be an actor of an incident, dormant as it is."""
    innocent: tuple[Entry, ...]
    """Each must be read, and accused of nothing."""


def planted() -> dict[AutostartKind, Planted]:
    """Everything that can be planted."""
    found = (
        msgspec.toml.decode(path.read_bytes(), type=Planted) for path in sorted(Path(__file__).parent.glob("*.toml"))
    )
    return {each.kind: each for each in found}


def plant(root: Path, kinds: list[Planted]) -> None:
    """Put the files of some kinds below ``root``."""
    plant_files(root, [file for kind in kinds for file in kind.file])


def plant_files(root: Path, files: Iterable[File]) -> None:
    """Put files below ``root``, with what every host has, over what is there.

    Owners need root; without, they stay.
    """
    once = set[str]()
    for file in (File(path="/etc/passwd", content=ACCOUNTS), *files):
        path = root / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        assert file.path not in once, f"{file.path} is planted twice"
        once.add(file.path)
        path.unlink(missing_ok=True)
        if file.link is not None:
            path.symlink_to(file.link)
            continue
        path.write_text(file.content)
        path.chmod(int(file.mode, 8))
        if os.geteuid() == 0:
            os.chown(path, file.uid, file.uid)
