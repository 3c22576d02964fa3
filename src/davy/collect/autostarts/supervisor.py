"""What supervisord keeps running.

A section of ``/etc/supervisor/conf.d/web.conf``: ``[program:web]``, with ``command=/opt/web/run`` below it.
Source: supervisord.org/configuration.html.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.links import Links
from davy.collect.autostarts.patterns import Patterns
from davy.collect.autostarts.texts import Entry, Text, autostarts, texts
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_COLLECTOR: Final = "supervisor"

_FILES: Final = (
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
    "/usr/local/etc/supervisord.conf",
    "/etc/supervisor/conf.d/*.conf",
    "/etc/supervisord.d/*.ini",
    "/etc/supervisord.d/*.conf",
    "/etc/supervisor.d/*.ini",
)
_SECTION: Final = re.compile(r"^\[(?P<name>[^\]\n]+)\]", re.MULTILINE)
_PROGRAM: Final = re.compile(r"(?:program|eventlistener|fcgi-program):.+")
_SETTING: Final = re.compile(
    r"^(?P<key>[A-Za-z_]+)[ \t]*[=:][ \t]*(?P<value>[^\n]*(?:\n[ \t]+[^\s;#][^\n]*)*)", re.MULTILINE
)
_COMMENT: Final = re.compile(r"[ \t];[^\n]*")
_FALSE: Final = frozenset({"false", "no", "off", "0", "n", "f"})
_INCLUDES_LIMIT: Final = 50


class Section(NamedTuple):
    """A section, from its heading to the end of its last setting."""

    name: str
    settings: dict[str, str]
    start: int
    end: int


def sections(text: str) -> Iterator[Section]:
    """The sections of a configuration in the manner of INI files, without comments."""
    headings = list(_SECTION.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        settings, end = {}, heading.end()
        for setting in _SETTING.finditer(text, heading.end(), following.start() if following else len(text)):
            settings[setting["key"].lower()] = " ".join(_COMMENT.sub("", setting["value"]).split("\n")).strip()
            end = setting.end()
        yield Section(heading["name"].strip(), settings, heading.start(), end)


def program_entries(text: str) -> Iterator[Entry]:
    """The programs and event listeners; each is its whole section."""
    for section in sections(text):
        settings = section.settings
        if _PROGRAM.fullmatch(section.name) and (command := settings.get("command")):
            waits = settings.get("autostart", "true").lower() in _FALSE
            yield Entry(
                command, section.start, section.end, schedule="manual" if waits else "boot",
                user=settings.get("user"), directory=settings.get("directory"),
            )  # fmt: skip


def _included(file: Text) -> Iterator[str]:
    """The patterns of files that a configuration includes."""
    for section in sections(file.text):
        if section.name == "include":
            for pattern in section.settings.get("files", "").split()[:_INCLUDES_LIMIT]:
                pattern = pattern.replace("%(here)s", posixpath.dirname(file.path))
                yield posixpath.normpath(posixpath.join(posixpath.dirname(file.path), pattern))


def supervised_programs(host: Host) -> Iterator[Autostart | Gap]:
    """What supervisord starts, in the usual files and in those that they include; root does, where nobody is named."""
    patterns, links = Patterns(host, _COLLECTOR), Links(host.root)
    included: dict[str, None] = {}
    seen: set[str] = set()
    for places in (_FILES, included):
        for file in texts(host, _COLLECTOR, patterns.paths(*places), links=links):
            if isinstance(file, Gap):
                yield file
            elif file.path not in seen:
                seen.add(file.path)
                if places is _FILES:
                    included.update(dict.fromkeys(_included(file)))
                entries = program_entries(file.text)
                yield from autostarts(AutostartKind.SUPERVISOR, file, entries, collector=_COLLECTOR, user="root")
