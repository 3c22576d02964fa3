"""What pm2 brings back: the list that ``pm2 save`` leaves in ``~/.pm2/dump.pm2``.

An element of it: ``{"name": "web", "status": "online", "pm_exec_path": "/srv/web/index.js", "args": ["-q"], ...}``.
Source: pm2.keymetrics.io (persistent applications), lib/API/Startup.js and lib/God.js of pm2.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any, Final

from davy.collect.autostarts.formats.json_spans import Value, elements, members
from davy.collect.autostarts.reading import Files, Span
from davy.collect.commands import programs_of_words
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = (".pm2/dump.pm2", ".pm2/dump.pm2.bak")
_SHARED: Final = ("/etc/pm2/dump.pm2", "/opt/pm2/dump.pm2", "/etc/.pm2/dump.pm2")
_BYTES: Final = 4 << 20
"""What is read of one list: each element holds the whole environment of its program."""
_STOPPED: Final = "stopped"
_WORDS_LIMIT: Final = 256


def dump_entries(text: str) -> Iterator[Span]:
    """The programs in a list that pm2 would start; those that it keeps as stopped are passed over.

    A list may end in no comma and an element may be the last: it stays, as one that is stopped, which pm2 shows and
    does not start.
    """
    for element in elements(text):
        found = {member.key: member for member in members(text, element.start)}
        path = _text(found, "pm_exec_path")
        if not path or _text(found, "status") == _STOPPED:
            continue
        words = _words(found, path)
        cron = _text(found, "cron_restart")
        directory = _text(found, "pm_cwd") or None
        yield Span(
            shlex.join(words), element.start, element.end, schedule=f"boot; cron={cron}" if cron else "boot",
            directory=directory, programs=programs_of_words(words, directory=directory),
            instead=_stopped(text, element),
        )  # fmt: skip


def _text(found: dict[str, Value], key: str) -> str:
    value = found[key].value if key in found else ""
    return value if isinstance(value, str) else ""


def _words(found: dict[str, Value], path: str) -> list[str]:
    """Interpreter, program and arguments, as pm2 puts them together."""
    interpreter = _text(found, "exec_interpreter")
    words = [path] if interpreter in ("", "none") or path.endswith(f"/{interpreter}") else [interpreter, path]
    arguments: Any = found["args"].value if "args" in found else ()
    if isinstance(arguments, str):
        arguments = arguments.split()
    if isinstance(arguments, (list, tuple)):
        words += [each for each in arguments[:_WORDS_LIMIT] if isinstance(each, str)]
    return words


def _stopped(text: str, element: Value) -> str:
    """The element as pm2 writes one that is stopped."""
    pieces, here = [], element.start
    for member in members(text, element.start):
        if member.key == "status":
            pieces += [text[here : member.start], json.dumps(_STOPPED)]
            here = member.end
    if not pieces:
        pieces, here = [f'{{"status": "{_STOPPED}", '], element.start + 1
    return "".join(pieces) + text[here : element.end]


def pm2_programs(host: Host) -> Iterator[Autostart | Gap]:
    """What pm2 starts for each user when the machine does; that it is run at all is a unit's or an init script's."""
    files = Files(host, "pm2", AutostartKind.PM2)
    yield from files.autostarts(dump_entries, *_SHARED, own=_FILES, user="root", size=_BYTES)
