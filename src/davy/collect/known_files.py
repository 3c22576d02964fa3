"""Paths that known families use and that are there on this disk: remains, or programs waiting for their autostart."""

from __future__ import annotations

from collections.abc import Iterator

from davy.collect.executables import executable
from davy.host import Gone, Host, HostError
from davy.knowledge import known_paths
from davy.model.facts import Gap, KnownFile


def known_files(host: Host) -> Iterator[KnownFile | Gap]:
    """Every literal path of `davy.knowledge.known_paths` that exists as a regular file.

    Looked up by name, so a folder that does not list it does not hide it.
    """
    for path, family in known_paths():
        try:
            if host.root.lstat(path).regular:
                yield KnownFile(path, family, executable(host, path))
        except Gone:
            continue
        except HostError as error:
            yield Gap("known files", path, str(error))
