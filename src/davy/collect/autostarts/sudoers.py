"""Whom sudo lets run what as whom: ``%sudo ALL=(ALL:ALL) ALL``, ``www-data ALL=(root) NOPASSWD: /usr/bin/systemctl``.

Source: sudoers(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.texts import Entry, Text, Texts
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = ("/etc/sudoers", "/usr/local/etc/sudoers", "/usr/etc/sudoers")
_FOLDERS: Final = ("/etc/sudoers.d", "/usr/local/etc/sudoers.d", "/usr/etc/sudoers.d")
_FOLDERS_LIMIT: Final = 32
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
    rows = iter(enumerate(content.split("\n"), 1))
    for number, raw in rows:
        pieces, end = [raw.removesuffix("\r")], number
        while pieces[-1].endswith("\\") and (following := next(rows, None)):
            end = following[0]
            pieces.append(following[1].removesuffix("\r"))
        whole = " ".join(piece.removesuffix("\\").strip() for piece in pieces).partition("\0")[0]
        command = _COMMENT.sub("", whole).strip()
        rule = _RULE.fullmatch(command) if not _NO_RULE.match(command) else None
        if rule or _DEFAULT.match(command):
            yield Entry(
                number,
                "\n".join(pieces),
                command,
                end_line=end if end > number else None,
                user=rule["who"] if rule else "ALL",
                programs=tuple(dict.fromkeys(_COMMAND.findall(command))),
            )


def sudoers_rules(host: Host) -> Iterator[Autostart | Gap]:
    """Every rule of every file, also of those whose names sudo passes over (with a dot, or ``~`` at the end)."""
    texts = Texts(host, "sudoers")
    folders: dict[str, None] = dict.fromkeys(_FOLDERS)
    files: dict[str, None] = dict.fromkeys(_FILES)
    included: list[Text] = []
    for path in _FILES:
        for file in texts.read(path):
            yield from _of(texts, file)
            included += [file] if isinstance(file, Text) else []
    for include in (_INCLUDE.match(row) for file in included for row in file.content.split("\n")):
        if include and len(folders) + len(files) < _FOLDERS_LIMIT:
            (folders if include["folder"] else files)[posixpath.normpath(include["path"])] = None
    for path in files:
        for file in texts.read(path):
            yield from _of(texts, file)
    for folder in folders:
        for file in texts.folder(folder):
            yield from _of(texts, file)


def _of(texts: Texts, file: Text | Gap) -> Iterator[Autostart | Gap]:
    if isinstance(file, Gap):
        yield file
    else:
        yield from texts.entries(file, AutostartKind.SUDOERS, sudoers_entries(file.content), schedule="sudo")
