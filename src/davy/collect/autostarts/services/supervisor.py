"""What supervisord keeps running.

A section of ``/etc/supervisor/conf.d/web.conf``: ``[program:web]``, with ``command=/opt/web/run`` below it.
Source: supervisord.org/configuration.html.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import File, Files, Span
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = (
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
    "/usr/local/etc/supervisord.conf",
    "/etc/supervisor/conf.d/*.conf",
    "/etc/supervisord.d/*.ini",
    "/etc/supervisord.d/*.conf",
    "/etc/supervisor.d/*.ini",
)
_SECTION: Final = re.compile(r"[ \t]*\[(?P<name>[^\]]+)\]")
_PROGRAM: Final = re.compile(r"(?:program|eventlistener|fcgi-program):.+")
_SETTING: Final = re.compile(r"[ \t]*(?P<key>[^=:]+?)[ \t]*[=:](?P<value>.*)")
_COMMENT: Final = re.compile(r"(?:^|[ \t])[;#].*", re.DOTALL)
_FALSE: Final = frozenset({"false", "no", "off", "0", "n", "f"})


class Section(NamedTuple):
    """A section, from its heading to the end of its last setting."""

    name: str
    settings: dict[str, str]
    start: int
    end: int


def sections(text: str) -> Iterator[Section]:
    """The sections of a file in the manner of Python's configparser: a line that is indented deeper goes on."""
    name, settings, start, end = "", dict[str, str](), 0, 0
    key, depth, here = "", 0, 0
    for row in text.split("\n"):
        line, begin, here = _COMMENT.sub("", row).rstrip(), here, here + len(row) + 1
        indent = len(line) - len(line.lstrip())
        if not line:
            continue
        if key and indent > depth:
            settings[key] = f"{settings[key]} {line.strip()}".strip()
        elif heading := _SECTION.match(line):
            if name:
                yield Section(name, settings, start, end)
            name, settings, start, key = heading["name"].strip(), {}, begin, ""
        elif name and (setting := _SETTING.match(line)):
            key, depth = setting["key"].strip().lower(), indent
            settings[key] = setting["value"].strip()
        end = begin + len(row)
    if name:
        yield Section(name, settings, start, end)


def program_entries(text: str) -> Iterator[Span]:
    """The programs and event listeners; each is its whole section."""
    for section in sections(text):
        settings = section.settings
        if _PROGRAM.fullmatch(section.name) and (command := settings.get("command")):
            waits = settings.get("autostart", "true").lower() in _FALSE
            yield Span(
                command, section.start, section.end, schedule="manual" if waits else "boot",
                user=settings.get("user"), directory=settings.get("directory"),
            )  # fmt: skip


def _included(file: File) -> Iterator[str]:
    """The patterns of files that a configuration includes."""
    for section in sections(file.content):
        if section.name == "include":
            for pattern in section.settings.get("files", "").split():
                pattern = pattern.replace("%(here)s", posixpath.dirname(file.path))
                yield posixpath.normpath(posixpath.join(posixpath.dirname(file.path), pattern))


def supervised_programs(host: Host) -> Iterator[Autostart | Gap]:
    """What supervisord starts, in the usual files and in those that they include; root does, where nobody is named."""
    files = Files(host, "supervisor", AutostartKind.SUPERVISOR)
    yield from files.autostarts(program_entries, *_FILES, user="root", includes=_included)
