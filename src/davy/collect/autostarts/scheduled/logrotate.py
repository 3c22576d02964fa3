"""Commands that run as logs are rotated.

Within a section of ``/etc/logrotate.d/x``, the lines between ``postrotate`` and ``endscript`` are shell text:
``invoke-rc.d rsyslog rotate``; ``compresscmd /usr/bin/xz`` names a program.  Source: logrotate(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import Entry, File, Files, Row, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = ("/etc/logrotate.conf", "/etc/logrotate.d/*", "/usr/etc/logrotate.d/*")
_HTTPD: Final = "/etc/logrotate.d/httpd-prerotate/*"
"""Scripts that Debian's web servers run before theirs are rotated."""

_SCRIPT: Final = re.compile(r"[ \t]*(?P<when>prerotate|postrotate|firstaction|lastaction|preremove)\b[ \t]*\Z")
_END: Final = re.compile(r"[ \t]*endscript\b")
_PROGRAM: Final = re.compile(r"[ \t]*(?P<when>compresscmd|uncompresscmd)[ \t=]+(?P<command>[^\s#\0]\S*)")
_USER: Final = re.compile(r"[ \t]*su[ \t]+(?P<user>\S+)")
_INCLUDE: Final = re.compile(r"^[ \t]*include[ \t=]+(?P<path>/\S+)", re.MULTILINE)


class _Section(NamedTuple):
    """What stands between braces, or outside of all."""

    scripts: list[tuple[str, list[Row]]]
    """When each is run, and its lines."""
    programs: list[tuple[re.Match[str], Row]]
    users: list[str]
    """Those of ``su``; the last counts."""


def _sections(content: str) -> Iterator[_Section]:
    outside = _Section([], [], [])
    section = outside
    script: list[Row] | None = None
    for row in rows(content):
        if script is not None:
            if _END.match(row.text):
                script = None
            else:
                script.append(row)
        elif started := _SCRIPT.match(row.text):
            script = []
            section.scripts.append((started["when"], script))
        elif program := _PROGRAM.match(row.text):
            section.programs.append((program, row))
        elif user := _USER.match(row.text):
            section.users.append(user["user"])
        elif row.text.rstrip().endswith("{"):
            section = _Section([], [], list(outside.users))
        elif row.text.strip() == "}" and section is not outside:
            yield section
            section = outside
    if section is not outside:
        yield section
    yield outside


def logrotate_entries(content: str) -> Iterator[Entry]:
    """The lines of scripts that run something, and programs; as the user of ``su``, or root."""
    for section in _sections(content):
        user = section.users[-1] if section.users else "root"
        for when, script in section.scripts:
            if script:
                text = "".join(f"{row.text}\n" for row in script)
                before = script[0].line - 1
                for entry in shell_entries(text):
                    yield entry.below(before)._replace(schedule=f"rotation {when}", user=user)
        for program, row in section.programs:
            yield row.entry(program["command"], f"rotation {program['when']}", user=user)


def logrotate_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Commands in ``/etc/logrotate.conf``, in the folders that it includes, and in those that it usually does."""
    files = Files(host, "logrotate", AutostartKind.LOGROTATE)
    yield from files.scripts(_HTTPD, schedule="rotation prerotate", user="root")
    yield from files.autostarts(logrotate_entries, *_FILES, includes=_included)


def _included(file: File) -> Iterator[str]:
    """The files that are included, and what is in folders that are."""
    for found in _INCLUDE.finditer(file.content):
        path = found["path"].rstrip("/")
        yield from (path, f"{path}/*")
