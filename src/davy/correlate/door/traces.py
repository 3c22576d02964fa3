"""What an intruder leaves where he came in: files of that door's own, and work in that service's folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from davy.correlate.door.story import Candidate, Ground, Speaks, Story, Way
from davy.detect.places import open_folder
from davy.knowledge.data import glob_expression
from davy.knowledge.services import known_services
from davy.model.facts import Process
from davy.model.lookup import lookup

_LEFT: Final = 4.0
_SAVED: Final = 6.0
_WORKS: Final = 3.0
_HOMES: Final = r"/(?:root|(?:home|var/lib|srv|opt)/[^/]+)"
_FOLDER_SETTINGS: Final = ("dir", "data_directory", "datadir")
"""Names of settings by which a service says where it saves."""
_EVERYBODYS: Final = frozenset(
    {"/", "/root", "/home", "/etc", "/usr", "/var", "/var/lib", "/var/log", "/opt", "/srv", "/run"}
)


def traces(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """Files that are left when somebody comes in there, and processes that lie or work in its folders."""
    if candidate.way is not Way.SERVICE:
        return
    yield from _left(story, candidate)
    yield from _saved(story, candidate)
    yield from _works(story, candidate)


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    text = _HOMES + glob_expression(pattern[1:]) if pattern.startswith("~/") else glob_expression(pattern)
    return re.compile(text + r"(?:/.*)?")


def _beside(story: Story, candidate: Candidate) -> Iterator[Process]:
    """The incident's processes that see the candidate's files: in another container a path is another file."""
    ways = lookup(story.snapshot)
    own = candidate.container.id if candidate.container else None
    for process in story.cast.processes:
        around = ways.container(process)
        if (around.id if around else None) == own:
            yield process


def _paths(story: Story, candidate: Candidate) -> Iterator[str]:
    """Whatever the incident runs, starts or works in, where the candidate is."""
    beside = list(_beside(story, candidate))
    for process in beside:
        yield from (path for path in (process.exe_path, process.script, process.cwd) if path)
    elsewhere = {process.program for process in story.cast.processes if process not in beside}
    yield from (file.path for file in story.cast.files if file.path not in elsewhere)
    for autostart in story.cast.autostarts if candidate.container is None else ():
        yield autostart.path
        yield from autostart.programs


def _left(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    known = known_services().get(candidate.kind or "")
    for pattern in known.files if known else ():
        path = next((path for path in _paths(story, candidate) if _expression(pattern).fullmatch(path)), None)
        if path is not None:
            yield Speaks(Ground.FILES, _LEFT, f"{path} lies where it puts what is handed to it", shows=True)


def _saved(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """An autostart in the folder into which the service was told to save, by its settings or while it runs.

    What is told to save elsewhere works there from then on: Redis does (CONFIG SET dir).
    """
    service = candidate.service
    works = {
        folder: process
        for process in candidate.processes
        if process.cwd and (folder := _on_host(candidate, process.cwd))
    }
    folders = {
        folder: setting
        for setting in (service.settings if service else ())
        if setting.name in _FOLDER_SETTINGS and (folder := _on_host(candidate, setting.value))
    }
    for autostart in story.cast.autostarts:
        folder = os.path.dirname(autostart.path)
        process, setting = works.get(folder), folders.get(folder)
        if process is not None and folder not in _EVERYBODYS:
            what = f"{process.name} ({process.pid}) works and saves in {folder}, where {autostart.path} lies"
            yield Speaks(Ground.FILES, _SAVED, what, shows=True)
            return
        if setting is not None:
            what = f"{setting.place} has it save into {setting.value}, where {autostart.path} lies"
            yield Speaks(Ground.FILES, _SAVED, what, shows=True)
            return


def _on_host(candidate: Candidate, folder: str) -> str | None:
    """Where on the host a service saves that has a folder set; None of what only its container has."""
    if not folder.startswith("/"):
        return None
    around = candidate.container
    return (around.bound(folder) if around else folder.rstrip("/")) or None


def _works(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """Their programs lie in the service's own folder, or they work there."""
    own = {
        process.cwd.rstrip("/")
        for process in candidate.processes
        if process.cwd and process.cwd.rstrip("/") not in _EVERYBODYS and process.cwd != "/"
    }
    own = {folder for folder in own if not open_folder(folder) and folder.count("/") >= 2 and not _home(folder)}
    for process in _beside(story, candidate):
        for path in (process.exe_path, process.script, process.cwd):
            folder = next((one for one in own if path and (path == one or path.startswith(f"{one}/"))), None)
            if folder is not None:
                what = f"{process.name} ({process.pid}) lies or works in its folder {folder}"
                yield Speaks(Ground.PLACE, _WORKS, what, shows=True)
                return


def _home(folder: str) -> bool:
    return os.path.dirname(folder) == "/home"
