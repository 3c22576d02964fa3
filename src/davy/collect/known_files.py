"""Paths that known families use and that are there on this disk: programs, remains of them, and dummies."""

from __future__ import annotations

from collections.abc import Iterator

from davy.collect.executables import executable
from davy.host import Gone, Host, HostError
from davy.knowledge import known_paths
from davy.model.facts import Gap, KnownFile


def known_files(host: Host) -> Iterator[KnownFile | Gap]:
    """Every literal path of `davy.knowledge.known_paths` that exists as a regular file, or as a folder that keeps the
    family's file out: one that is empty, or that nobody can change.

    Looked up by name, so a folder that does not list it does not hide it.
    """
    for path, family in known_paths():
        try:
            stat = host.root.lstat(path)
            locked = stat.immutable is True
            if stat.regular:
                yield KnownFile(path, family, executable(host, path), immutable=locked)
            elif stat.directory and (locked or not host.root.names(path)):
                yield KnownFile(path, family, immutable=locked)
        except Gone:
            continue
        except HostError as error:
            yield Gap("known files", path, str(error))
