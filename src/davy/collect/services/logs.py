"""The log files of a service that are there: where it always keeps them, and where its settings say."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.services.configuration import Configuration
from davy.collect.services.instance import Instance
from davy.model.services import Setting

LOGS_LIMIT: Final = 200
_OF_CONTAINERS: Final = "/var/lib/docker/containers/"
"""Where Docker keeps what containers say, whatever runs in them: `davy.collect.logs` looks there by their ids."""


def logs(
    instance: Instance, settings: Sequence[Setting], configuration: Configuration, *, usual: bool = True
) -> list[str]:
    """The paths on the host, newest first; ``usual`` says whether the usual places are the service's."""
    ground = instance.ground
    found = dict.fromkeys(_named(instance, settings, configuration))
    if usual:
        places = [place for log in instance.known.log for place in log.places if not place.startswith(_OF_CONTAINERS)]
        found |= dict.fromkeys(ground.files(places))
    newest = sorted(found, key=ground.modified, reverse=True)[:LOGS_LIMIT]
    return [ground.path_outside(path) for path in newest]


def _named(instance: Instance, settings: Sequence[Setting], configuration: Configuration) -> Iterator[str]:
    """What settings name: a file, or all files of a folder."""
    names = {known.name for known in instance.known.setting if known.gives == "log"}
    for one in settings:
        if one.name not in names or not one.value:
            continue
        folders = [instance.cwd, *(posixpath.dirname(file) for file in configuration.files[:1])]
        for folder in dict.fromkeys(filter(None, folders)) if not one.value.startswith("/") else (None,):
            path = instance.absolute(one.value, folder)
            file = instance.ground.regular(path) if path is not None else None
            if file is not None:
                yield file
            elif path is not None:
                yield from instance.ground.files_in(path)
