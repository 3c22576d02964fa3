"""What monit starts, and what it runs when something it watches is not as it should be.

A line of ``/etc/monit/conf.d/web``: ``start program = "/usr/bin/systemctl start web" as uid root``.
Source: monit(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import File, Files, Span
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = (
    "/etc/monit/monitrc",
    "/etc/monitrc",
    "/etc/monit.conf",
    "/root/.monitrc",
    "/usr/local/etc/monitrc",
    "/etc/monit/conf.d/*",
    "/etc/monit/conf-enabled/*",
    "/etc/monit/monitrc.d/*",
    "/etc/monit.d/*",
)
_WORD: Final = r"""(?:"[^"]*"|'[^']*'|[^\s"'#]\S*)"""
_STATEMENT: Final = re.compile(
    rf"""
      (?P<comment> \#[^\n]* )
    | \b(?P<action> start | stop | restart ) (?: \s+ program )? \s* (?: = \s* | (?=["']) ) (?P<command> {_WORD} )
      (?P<whom> (?: \s+ (?:as|and|with|using) \b | \s+ [ug]id \s+ {_WORD} )* )
      (?: \s+ (?:with\s+)? timeout \s+ \d+ \s+ seconds? )?
    | \b(?P<exec> exec ) \s+ (?P<executed> {_WORD} ) (?P<as> (?: \s+ (?:as|and) \b | \s+ [ug]id \s+ {_WORD} )* )
      (?: \s+ repeat \s+ every \s+ \d+ \s+ cycles? )?
    | \bcheck \s+ program \s+ {_WORD} \s+ with \s+ path \s+ (?P<checked> {_WORD} )
    | {_WORD}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_USER: Final = re.compile(rf"\buid\s+({_WORD})", re.IGNORECASE)
_INCLUDE: Final = re.compile(rf"^[ \t]*include[ \t]+({_WORD})", re.MULTILINE | re.IGNORECASE)


def monit_entries(text: str) -> Iterator[Span]:
    """The programs that statements of a control file name; a file is valid without a statement that is taken out.

    Where a program is only a part of its statement something harmless has to stand in its place.
    """
    for found in _STATEMENT.finditer(text):
        if found["action"]:
            user = _USER.search(found["whom"])
            yield _entry(found, "command", found.start(), user, found["action"].lower())
        elif found["exec"]:
            yield _entry(found, "executed", found.start(), _USER.search(found["as"]), "exec", instead="alert")
        elif found["checked"]:
            yield _entry(found, "checked", found.start("checked"), None, "check", instead='"/bin/true"')


def _entry(
    found: re.Match[str], group: str, start: int, user: re.Match[str] | None, when: str, instead: str = ""
) -> Span:
    return Span(
        _unquoted(found[group]), start, found.end(), schedule=f"monit: {when}",
        user=_unquoted(user[1]) if user else None, instead=instead,
    )  # fmt: skip


def _unquoted(word: str) -> str:
    return word[1:-1] if word[0] in "\"'" and word[-1] == word[0] and len(word) > 1 else word


def _included(file: File) -> Iterator[str]:
    yield from (_unquoted(found[1]) for found in _INCLUDE.finditer(file.content))


def monit_programs(host: Host) -> Iterator[Autostart | Gap]:
    """What monit runs, as root where nobody is named."""
    files = Files(host, "monit", AutostartKind.MONIT)
    yield from files.autostarts(monit_entries, *_FILES, user="root", includes=_included)
