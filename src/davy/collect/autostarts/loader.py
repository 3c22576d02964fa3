"""What the loader of shared libraries is told for every program: libraries, and folders to look in.

A line of ``/etc/ld.so.preload``: ``/usr/local/lib/x.so``; several stand apart by blanks or colons.  Of
``/etc/ld.so.conf.d/x.conf``: ``/usr/local/lib/x86_64-linux-gnu``.

Source: ld.so(8), ldconfig(8); musl's ``/etc/ld-musl-ARCH.path``.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.texts import Entry, Text, Texts
from davy.host import Host, HostError
from davy.host.clean_start import PRELOAD_FILE, without_comments
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_CONFIGURATION: Final = "/etc/ld.so.conf"
_CONFIGURATION_FILES: Final = "/etc/ld.so.conf.d/*.conf"
_MUSL: Final = tuple(f"/etc/ld-musl-{arch}.path" for arch in ("x86_64", "aarch64", "i386", "armhf", "armv7", "riscv64"))
_INCLUDES_LIMIT: Final = 64
_PRELOADED: Final = re.compile(r"[^ \t\n:]+")
_MUSL_FOLDER: Final = re.compile(r"[^:\n]+")
_INCLUDE: Final = re.compile(r"include[ \t]+(?P<pattern>\S.*)")


def loader_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Every library and folder; ``user`` is None, since it is whoever starts a program.

    What is known of a preloaded library beyond its name is told by `davy.collect.concealment.preloads`.
    """
    texts = Texts(host, "loader")
    for file in texts.read(PRELOAD_FILE):
        yield from _of(texts, file, preload_entries(file.content) if isinstance(file, Text) else ())
    for path in _MUSL:
        for file in texts.read(path):
            yield from _of(texts, file, _musl_entries(file.content) if isinstance(file, Text) else ())
    yield from _configuration(host, texts)


def _of(texts: Texts, file: Text | Gap, entries: Iterator[Entry] | tuple[()]) -> Iterator[Autostart | Gap]:
    if isinstance(file, Gap):
        yield file
    else:
        yield from texts.entries(file, AutostartKind.LOADER, entries, schedule="exec")


def _configuration(host: Host, texts: Texts) -> Iterator[Autostart | Gap]:
    """``ld.so.conf`` and the files that it, or one of them, includes."""
    patterns = [_CONFIGURATION, _CONFIGURATION_FILES]
    for count, pattern in enumerate(patterns):
        if count == _INCLUDES_LIMIT:
            yield texts.gap(f"the rest of what {_CONFIGURATION} includes", f"more than {_INCLUDES_LIMIT} patterns")
            return
        for path in _matching(host, pattern):
            for file in texts.read(path):
                yield from _of(texts, file, folder_entries(file.content) if isinstance(file, Text) else ())
                if isinstance(file, Text):
                    patterns += [
                        posixpath.join(posixpath.dirname(file.path), included["pattern"].strip())
                        for row in file.content.split("\n")[:_INCLUDES_LIMIT]
                        if (included := _INCLUDE.match(row.strip()))
                    ]
        del patterns[_INCLUDES_LIMIT + 2 :]


def _matching(host: Host, pattern: str) -> list[str]:
    """The files that a pattern means, where only its last part is one."""
    folder, name = posixpath.split(pattern)
    if not re.search(r"[*?\[]", name):
        return [pattern]
    try:
        return [f"{folder}/{found}" for found in host.root.names(folder) if fnmatch.fnmatchcase(found, name)]
    except HostError:
        return []


def preload_entries(content: str) -> Iterator[Entry]:
    """The libraries of a preload file, each by itself; what looks like a comment is none where glibc misses it."""
    heeded = os.fsdecode(without_comments(os.fsencode(content)))
    for number, (text, line) in enumerate(zip(content.split("\n"), heeded.split("\n"), strict=False), 1):
        yield from _words(number, text, list(_PRELOADED.finditer(line)))


def _musl_entries(content: str) -> Iterator[Entry]:
    for number, text in enumerate(content.split("\n"), 1):
        for entry in _words(number, text, [word for word in _MUSL_FOLDER.finditer(text) if word[0].strip()]):
            yield entry._replace(programs=())


def folder_entries(content: str) -> Iterator[Entry]:
    """The folders of a file of ldconfig(8), and the patterns of further files."""
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        command = text.partition("#")[0].partition("\0")[0].strip()
        if command and not command.startswith("hwcap "):
            yield Entry(number, text, command, programs=())


def _words(number: int, text: str, words: list[re.Match[str]]) -> Iterator[Entry]:
    """An entry for each word of a line; of several, what stays without it, which is all but the word."""
    several = len(words) > 1
    for word in words:
        start, end = word.span()
        yield Entry(
            number,
            text.removesuffix("\r"),
            word[0].rstrip("\r"),
            remains=(text[:start] + text[end:]).rstrip("\r") if several else None,
            column=start + 1 if several else None,
            programs=(word[0].rstrip("\r"),) if word[0].startswith("/") else (),
        )
