"""The files that may hold autostarts: each once, under its own path, with the links that lead to it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.links import Links
from davy.host import Gone, Host, HostError
from davy.host.root import FileStat
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILES_LIMIT: Final = 2_000
"""Files of one folder that are looked at."""


class Place(NamedTuple):
    """A file that may be there."""

    path: str
    """Its own, without links."""
    folder: str
    """Where it was found: that of its first name."""
    links: tuple[str, ...] = ()
    """Other names in the folders looked into, that lead to it."""


def places(
    host: Host, collector: str, folders: Iterable[str], files: Iterable[str] = (), *, suffix: str = ""
) -> Iterator[Place | Gap]:
    """The files, then those in the folders whose names end in ``suffix``; what leads to ``/dev/null`` is masked."""
    links = Links(host.root)
    names = dict.fromkeys(files)
    for folder in links.distinct(tuple(folders)):
        try:
            listed = [name for name in host.root.names(folder) if name.endswith(suffix)]
        except Gone:
            continue
        except HostError as error:
            yield Gap(collector, folder, str(error))
            continue
        names |= dict.fromkeys(f"{folder}/{name}" for name in listed[:FILES_LIMIT])
        if len(listed) > FILES_LIMIT:
            yield Gap(collector, f"the rest of {folder}", f"more than {FILES_LIMIT} files")
    found: dict[str, list[str]] = {}
    for name in names:
        try:
            found.setdefault(links.resolve(name), []).append(name)
        except HostError as error:
            yield Gap(collector, name, str(error))
    for path, known in found.items():
        if path != "/dev/null":
            yield Place(path, posixpath.dirname(known[0]), tuple(name for name in known if name != path))


def subfolders(host: Host, collector: str, folder: str) -> Iterator[str | Gap]:
    """What lies in a folder and may be a folder itself; nothing where there is none."""
    try:
        names = host.root.names(folder)
    except Gone:
        return
    except HostError as error:
        yield Gap(collector, folder, str(error))
        return
    yield from (f"{folder}/{name}" for name in names[:FILES_LIMIT])
    if len(names) > FILES_LIMIT:
        yield Gap(collector, f"the rest of {folder}", f"more than {FILES_LIMIT} files")


def text_of(host: Host, collector: str, path: str, limit: int) -> Iterator[str | Gap]:
    """The text of a file, at most ``limit`` bytes and then whole lines only; nothing where there is no such file."""
    try:
        data = host.root.read(path, limit + 1)
    except Gone:
        return
    except HostError as error:
        yield Gap(collector, path, str(error))
        return
    if len(data) > limit:
        yield Gap(collector, f"the rest of {path}", f"larger than {limit >> 10} KiB")
        data = data[: data.rfind(b"\n", 0, limit) + 1]
    yield os.fsdecode(data)


def stat_of(host: Host, collector: str, path: str) -> Iterator[FileStat | Gap]:
    """What is known of a file; nothing where it is not there."""
    try:
        yield host.root.stat(path)
    except Gone:
        return
    except HostError as error:
        yield Gap(collector, path, str(error))


def script_files(
    host: Host, collector: str, kind: AutostartKind, found: Iterable[Place | Gap], schedule: Callable[[Place], str],
    *, user: str | None = "root", executable: bool = True,
) -> Iterator[Autostart | Gap]:  # fmt: skip
    """One autostart for each file: the whole of it is the entry.  ``executable`` where others are not run."""
    for place in found:
        if isinstance(place, Gap):
            yield place
            continue
        for stat in stat_of(host, collector, place.path):
            if isinstance(stat, Gap):
                yield stat
            elif stat.regular and (stat.mode & 0o111 or not executable):
                yield Autostart(
                    kind=kind, path=place.path, command=place.path, schedule=schedule(place), user=user,
                    links=place.links, programs=(place.path,), mtime=stat.mtime, ctime=stat.ctime, birth=stat.birth,
                )  # fmt: skip
