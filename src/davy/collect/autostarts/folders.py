"""Folders whose files are entries: what run-parts and its like run, file by file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.host import Gone, Host, HostError
from davy.host.root import FileStat
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILES_LIMIT: Final = 2_000
"""Files of one folder that are looked at."""


class Placed(NamedTuple):
    """A regular file in a folder, links followed."""

    path: str
    stat: FileStat

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)


def files_in(host: Host, collector: str, folder: str) -> Iterator[Placed | Gap]:
    """The regular files in a folder, in the order of their names; nothing where there is no such folder."""
    try:
        names = host.root.names(folder)
    except Gone:
        return
    except HostError as error:
        yield Gap(collector, folder, str(error))
        return
    for name in names[:FILES_LIMIT]:
        path = f"{folder}/{name}"
        try:
            found = host.root.stat(path)
        except Gone:
            continue
        except HostError as error:
            yield Gap(collector, path, str(error))
            continue
        if found.regular:
            yield Placed(path, found)
    if len(names) > FILES_LIMIT:
        yield Gap(collector, f"the rest of {folder}", f"more than {FILES_LIMIT} files")


def scripts_in(
    host: Host, collector: str, kind: AutostartKind, folder: str, *, schedule: str, user: str | None = "root"
) -> Iterator[Autostart | Gap]:
    """One autostart for each executable file of a folder: the whole file is the entry."""
    for file in files_in(host, collector, folder):
        if isinstance(file, Gap):
            yield file
        elif file.stat.mode & 0o111:
            yield Autostart(
                kind=kind, path=file.path, command=file.path, schedule=schedule, user=user, programs=(file.path,),
                mtime=file.stat.mtime, ctime=file.stat.ctime, birth=file.stat.birth,
            )  # fmt: skip
