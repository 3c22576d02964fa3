"""What the loader of shared libraries is told for every program: libraries, and folders to look in.

A line of ``/etc/ld.so.preload``: ``/usr/local/lib/x.so``; several stand apart by blanks or colons.  Of
``/etc/ld.so.conf.d/x.conf``: ``/usr/local/lib/x86_64-linux-gnu``.

Source: ld.so(8), ldconfig(8); musl's ``/etc/ld-musl-ARCH.path``.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final

from davy.collect.autostarts.reading import Entry, File, Files, Row, rows
from davy.host import Host
from davy.host.clean_start import PRELOAD_FILE, without_comments
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_CONFIGURATION: Final = ("/etc/ld.so.conf", "/etc/ld.so.conf.d/*.conf")
_MUSL: Final = tuple(f"/etc/ld-musl-{arch}.path" for arch in ("x86_64", "aarch64", "i386", "armhf", "armv7", "riscv64"))
_PRELOADED: Final = re.compile(r"[^ \t\n:]+")
_MUSL_FOLDER: Final = re.compile(r"[^:\n]+")
_INCLUDE: Final = re.compile(r"include[ \t]+(?P<pattern>\S.*)")


def loader_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Every library and folder; ``user`` is None, since it is whoever starts a program.

    What is known of a preloaded library beyond its name is told by `davy.collect.concealment.preloads`.
    """
    files = Files(host, "loader", AutostartKind.LOADER)
    yield from files.autostarts(preload_entries, PRELOAD_FILE, schedule="exec")
    yield from files.autostarts(_musl_entries, *_MUSL, schedule="exec")
    yield from files.autostarts(folder_entries, *_CONFIGURATION, schedule="exec", includes=_included)


def _included(file: File) -> Iterator[str]:
    for row in file.content.split("\n"):
        if included := _INCLUDE.match(row.strip()):
            yield posixpath.join(file.folder, included["pattern"].strip())


def preload_entries(content: str) -> Iterator[Entry]:
    """The libraries of a preload file, each by itself; what looks like a comment is none where glibc misses it."""
    heeded = os.fsdecode(without_comments(os.fsencode(content))).split("\n")
    for row, line in zip(rows(content), heeded, strict=False):
        yield from _words(row, _PRELOADED.finditer(line))


def _musl_entries(content: str) -> Iterator[Entry]:
    for row in rows(content):
        for entry in _words(row, (word for word in _MUSL_FOLDER.finditer(row.text) if word[0].strip())):
            yield entry._replace(programs=())


def folder_entries(content: str) -> Iterator[Entry]:
    """The folders of a file of ldconfig(8), and the patterns of further files."""
    for row in rows(content):
        command = row.text.partition("#")[0].partition("\0")[0].strip()
        if command and not command.startswith("hwcap "):
            yield row.entry(command, programs=())


def _words(row: Row, words: Iterable[re.Match[str]]) -> Iterator[Entry]:
    """An entry for each word of a line; of several, what stays without it, which is all but the word."""
    found = list(words)
    several = len(found) > 1
    for word in found:
        start, end = word.span()
        name = word[0].rstrip("\r")
        yield row.entry(
            name, programs=(name,) if name.startswith("/") else (), column=start + 1 if several else None,
            remains=row.text[:start] + row.text[end:] if several else None,
        )  # fmt: skip
