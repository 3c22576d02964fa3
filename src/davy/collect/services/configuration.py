"""A service's configuration files: which they are, and what stands in them, with what they include in its place."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from davy.collect.services.formats import INCLUDES
from davy.collect.services.ground import COLLECTOR, Ground
from davy.collect.services.instance import Instance
from davy.knowledge.data import wild
from davy.knowledge.services import ConfigFile, ConfigFormat
from davy.model.facts import Gap

INCLUDES_DEPTH: Final = 5
FILES_LIMIT: Final = 200
"""Files that one service's configuration is read from."""
_NESTED: Final = (ConfigFormat.DIRECTIVES, ConfigFormat.NGINX)
"""Languages in which what a file includes holds where it is included: below sshd's ``Match``, in nginx's block."""
LINE_CHARACTERS: Final = 8192
"""Of a command line that is searched for files: more is nobody's."""
_compiled = lru_cache(maxsize=1024)(re.compile)


class Entry(NamedTuple):
    """One setting as a file says it."""

    format: ConfigFormat
    key: str
    value: str
    path: str
    """As the service has it."""
    line: int


class Configuration(NamedTuple):
    """What the configuration files of one service say."""

    files: tuple[str, ...] = ()
    """As the service has them, in the order in which they were read."""
    entries: tuple[Entry, ...] = ()


Chosen = Sequence[tuple[ConfigFormat, str]]
"""Files and their languages."""


def files_of(instance: Instance, fits: Callable[[ConfigFormat, str], bool]) -> Chosen:
    """The files that a service reads: those it names, else those beside it, else of those at usual places what fits."""
    found: list[tuple[ConfigFormat, str]] = []
    for config in instance.known.config:
        paths = named(instance, config)
        if paths is None:
            usual = instance.ground.files(config.places)
            paths = list(_beside(instance, config)) or [path for path in usual if fits(config.format, path)]
        found += [(config.format, path) for path in paths]
    return found


def usual_files(instance: Instance) -> Chosen:
    """The files that are there at the usual places."""
    return [(config.format, file) for config in instance.known.config for file in instance.ground.files(config.places)]


def named(instance: Instance, config: ConfigFile) -> list[str] | None:
    """The files that its command line or its environment names, as far as they are there; None where they name none."""
    for line in instance.lines if config.argument else ():
        for found in _compiled(config.argument or "").finditer(line[:LINE_CHARACTERS]):
            path = instance.absolute(found[1]) if found[1] else None
            if path is not None:
                return list(_there(instance.ground, path, config.name))
    if config.environment and (value := instance.environment.get(config.environment)):
        path = instance.absolute(value)
        if path is not None:
            return list(_there(instance.ground, path, config.name))
    return None


def _there(ground: Ground, path: str, name: str | None) -> Iterator[str]:
    if name is None:
        found = ground.regular(path)
        if found is not None:
            yield found
    elif wild(name):
        yield from ground.files([f"{path.rstrip('/')}/{name}"])
    elif (found := ground.regular(posixpath.join(path, name))) is not None:
        yield found


def _beside(instance: Instance, config: ConfigFile) -> Iterator[str]:
    if config.beside is None:
        return
    folders = dict.fromkeys(filter(None, (instance.cwd, posixpath.dirname(instance.exe or ""))))
    for folder in folders:
        found = list(instance.ground.files([posixpath.normpath(posixpath.join(folder, config.beside))]))
        if found:
            yield from found
            return


def read(ground: Ground, files: Chosen, cwd: str | None = None) -> Configuration:
    """What these files and those that they include say."""
    reading = _Reading(ground, cwd)
    entries = tuple(entry for format_, path in files for entry in reading.entries(format_, path))
    return Configuration(tuple(reading.files), entries)


class _Reading:
    """The files of one service, each read once."""

    def __init__(self, ground: Ground, cwd: str | None) -> None:
        self._ground, self._cwd = ground, cwd
        self.files: dict[str, None] = {}

    def entries(self, format_: ConfigFormat, path: str, within: str = "", depth: int = 0) -> Iterator[Entry]:
        if path in self.files:
            return
        if len(self.files) == FILES_LIMIT or depth > INCLUDES_DEPTH:
            self._ground.gaps.append(Gap(COLLECTOR, path, f"more than {FILES_LIMIT} files, or included too deep"))
            return
        if self._ground.text(path) is None:
            return
        self.files[path] = None
        includes = INCLUDES.get(format_, {})
        for pair in self._ground.pairs(format_, path):
            above, _, word = pair.key.rpartition(".")
            pattern = includes.get(word.casefold()) if includes else None
            if pattern is None:
                yield Entry(format_, within + pair.key, pair.value, path, pair.line)
                continue
            inside = f"{within}{above}." if format_ in _NESTED and above else within
            for included in self._included(path, pair.value, pattern):
                yield from self.entries(format_, included, inside, depth + 1)

    def _included(self, path: str, value: str, pattern: str) -> list[str]:
        """The files that a line names, relative to its own file, the folder above, or the working folder."""
        found: list[str] = []
        for word in [value] if value.startswith("/") else value.split() or [value]:
            folders = ("",) if word.startswith("/") else _folders(path, self._cwd)
            for folder in folders:
                place = posixpath.normpath(posixpath.join(folder, word.strip("'\"")))
                matching = list(self._ground.files([f"{place}/{pattern}" if pattern else place]))
                if matching:
                    found += matching
                    break
        return found


def _folders(path: str, cwd: str | None) -> tuple[str, ...]:
    here = posixpath.dirname(path)
    return tuple(dict.fromkeys(filter(None, (here, posixpath.dirname(here), cwd))))
