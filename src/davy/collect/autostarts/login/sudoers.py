"""Whom sudo lets run what as whom: ``%sudo ALL=(ALL:ALL) ALL``, ``www-data ALL=(root) NOPASSWD: /usr/bin/systemctl``.

Source: sudoers(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Entry, File, Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = tuple(
    f"{folder}/{name}" for name in ("sudoers", "sudoers.d/*") for folder in ("/etc", "/usr/local/etc", "/usr/etc")
)
_INCLUDE: Final = re.compile(r"[ \t]*[#@]include(?P<folder>dir)?[ \t]+\"?(?P<path>/[^\s\"]+)")
_NO_RULE: Final = re.compile(r"[ \t]*(?:Defaults\b|(?:User|Runas|Host|Cmnd|Cmd)_Alias\b|[#@]include)")
_COMMENT: Final = re.compile(r"(?:(?<=\s)|\A)#(?!\d).*")
_RULE: Final = re.compile(
    r"[ \t]*(?P<who>(?:\\.|\"[^\"]*\"|[^\s=\\,])+(?:[ \t]*,[ \t]*(?:\\.|[^\s=\\,])+)*)[ \t]+[^=]*=.*"
)
_DEFAULT: Final = re.compile(
    r"[ \t]*Defaults\b.*"
    r"(?:!\s*(?:authenticate|env_reset|secure_path)\b|env_keep.*\b(?:LD_\w+|PYTHONPATH|PERL5\w+|BASH_ENV)\b)"
)
_COMMAND: Final = re.compile(r"(?<=[\s,:!=)])/[^\s,:=\\]*[^\s,:=\\/]")


def sudoers_entries(content: str) -> Iterator[Entry]:
    """The rules of a file, and the settings that let everybody do without a password or keep a loader's variable.

    ``command`` is the rule, ``user`` whom it lets; ``programs`` are those it names.
    """
    for row in rows(content, continued=True, joint=" "):
        whole = " ".join(row.whole.split()) if row.end_line > row.line else row.whole.strip()
        command = _COMMENT.sub("", whole.partition("\0")[0]).strip()
        rule = _RULE.fullmatch(command) if not _NO_RULE.match(command) else None
        if rule or _DEFAULT.match(command):
            programs = tuple(dict.fromkeys(_COMMAND.findall(command)))
            yield row.entry(command, user=rule["who"] if rule else "ALL", programs=programs)


def sudoers_rules(host: Host) -> Iterator[Autostart | Gap]:
    """Every rule of every file, also of those whose names sudo passes over (with a dot, or ``~`` at the end)."""
    files = Files(host, "sudoers", AutostartKind.SUDOERS)
    yield from files.autostarts(sudoers_entries, *_FILES, schedule="sudo", includes=_included)


def _included(file: File) -> Iterator[str]:
    for include in filter(None, map(_INCLUDE.match, file.content.split("\n"))):
        path = posixpath.normpath(include["path"])
        yield f"{path}/*" if include["folder"] else path
