"""What cron, anacron and at run.

A line of a user's table: ``*/5 * * * * /usr/bin/backup --quiet``; the system's tables name the user before the command.
Source: crontab(5) and cron(8) of Debian, cronie and busybox, anacrontab(5), at(1), run-parts(8).
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Iterator, Mapping
from typing import Final

from davy.collect.accounts import accounts
from davy.collect.autostarts.reading import Entry, File, Files, rows
from davy.collect.commands import programs_of
from davy.host import Host
from davy.knowledge.arguments import shell
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Account, Gap

TABLE_BYTES: Final = 1 << 20
"""What is read of one crontab."""
_SYSTEM: Final = ("/etc/crontab", "/etc/cron.d/*")
_BUSYBOX_SPOOL: Final = "/etc/crontabs/"
_SPOOLS: Final = (
    "/etc/crontabs/*",  # Alpine, where /var/spool/cron/crontabs leads here
    "/var/spool/cron/crontabs/*",  # Debian
    "/var/spool/cron/tabs/*",  # SUSE
    "/var/spool/cron/*",  # Red Hat, Arch
    "/var/cron/tabs/*",
)
_SCRIPTS: Final = (
    *(f"/etc/cron.{name}/*" for name in ("hourly", "daily", "weekly", "monthly", "yearly")),
    "/etc/periodic/*/*",
)
_AT_SPOOLS: Final = ("/var/spool/at/*", "/var/spool/cron/atjobs/*", "/var/spool/atjobs/*")


def _field(value: str) -> str:
    one = rf"(?:\*|0*(?:{value})(?:[-~]0*(?:{value}))?|~)(?:/\d+)?"
    return rf"{one}(?:,{one})*"


_BLANKS: Final = r"[ \t]+"
_FIELDS: Final = _BLANKS.join(
    (
        _field(r"[0-5]?\d"),
        _field(r"1?\d|2[0-3]"),
        _field(r"[1-9]|[12]\d|3[01]"),
        _field(r"[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"),
        _field(r"[0-7]|sun|mon|tue|wed|thu|fri|sat"),
    )
)
_NICKNAMES: Final = "@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly|every_minute)"
_USER: Final = r"(?P<user>\w[\w.@+\\$-]*)"
_COMMAND: Final = r"(?P<command>[^ \t].*)"
_USER_ENTRY: Final = re.compile(
    rf"[ \t]*-?(?P<schedule>{_NICKNAMES}|{_FIELDS}){_BLANKS}{_COMMAND}", re.IGNORECASE | re.DOTALL | re.ASCII
)
_SYSTEM_ENTRY: Final = re.compile(
    rf"[ \t]*-?(?P<schedule>{_NICKNAMES}|{_FIELDS}){_BLANKS}{_USER}{_BLANKS}{_COMMAND}",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_ANACRON_ENTRY: Final = re.compile(
    rf"[ \t]*(?P<schedule>(?:\d+|@[a-z]+){_BLANKS}\d+){_BLANKS}\S+{_BLANKS}{_COMMAND}",
    re.DOTALL | re.ASCII,
)
_PERCENT: Final = re.compile(r"(?<!\\)%")
_AT_JOB: Final = re.compile(r"[A-Za-z=][0-9a-f]{5}(?P<minutes>[0-9a-f]{8})")
_AT_FOLDER: Final = re.compile(r"^(?P<cd>cd .*) \|\| \{\n", re.MULTILINE)
_AT_NO_FOLDER_ENDS: Final = "\n}\n"
_AT_HEREDOC: Final = re.compile(r"\$\{SHELL:-/bin/sh\} << '(?P<end>\w{1,64})'\n(?P<body>.*?)\n?(?P=end)\s*", re.DOTALL)


def crontab_entries(content: str, *, system: bool = False, percent: bool = True) -> Iterator[Entry]:
    """The entries of a crontab, amid whatever else: like cron, it passes over lines it cannot read.

    ``system`` for tables with a user's name before the command; ``percent`` where an unescaped ``%`` means a newline.
    """
    pattern = _SYSTEM_ENTRY if system else _USER_ENTRY
    for row in rows(content):
        if entry := pattern.match(row.text.partition("\0")[0]):
            command = entry["command"].rstrip()
            if percent:
                command = _PERCENT.sub("\n", command).replace("\\%", "%")
            yield row.entry(command, entry["schedule"], user=entry["user"] if system else None)


def anacrontab_entries(content: str) -> Iterator[Entry]:
    """The jobs of an anacrontab."""
    for row in rows(content):
        if entry := _ANACRON_ENTRY.match(row.text.partition("\0")[0]):
            yield row.entry(entry["command"].rstrip(), entry["schedule"])


def at_commands(content: str) -> tuple[str, str]:
    """The ``cd`` that a job of at(1) begins with, and the commands after the environment it restores."""
    folder = _AT_FOLDER.search(content)
    ends = content.find(_AT_NO_FOLDER_ENDS, folder.end() - 1) if folder else -1
    body = content[ends + len(_AT_NO_FOLDER_ENDS) :] if ends >= 0 else content
    heredoc = _AT_HEREDOC.fullmatch(body)
    return folder["cd"] if folder and ends >= 0 else "", (heredoc["body"] if heredoc else body).strip("\n")


def _programs(command: str, home: str | None) -> tuple[str, ...]:
    """What an entry runs; its standard input counts where a shell reads that."""
    head, _, given = command.partition("\n")
    found = programs_of(head, home=home, directory=home)
    if given and shell(posixpath.basename((head.split() or [""])[-1])):
        found = tuple(dict.fromkeys((*found, *programs_of(given, home=home, directory=home))))
    return found


def _table(
    files: Files, file: File, found: Iterator[Entry], user: str | None, homes: Mapping[str, str]
) -> Iterator[Autostart | Gap]:
    """The entries of one file; ``user`` is who runs those that name nobody."""
    entries = (e._replace(programs=_programs(e.command, homes.get(e.user or user or ""))) for e in found)
    return files.entries(file, entries, user=user)


def _homes(host: Host) -> dict[str, str]:
    return {fact.name: fact.home for fact in accounts(host) if isinstance(fact, Account) and fact.home[:1] == "/"}


def cron_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Cron lines of the system and of every user.

    Every file of ``/etc/cron.d`` is read, also those whose names some crons pass over (with a dot, say).
    Source: crontab(5), cron(8).
    """
    homes = _homes(host)
    files = Files(host, "cron", AutostartKind.CRON)
    for file in files.texts(*_SYSTEM, size=TABLE_BYTES):
        if isinstance(file, Gap):
            yield file
        else:
            yield from _table(files, file, crontab_entries(file.content, system=True), None, homes)
    for file in files.texts(*_SPOOLS, size=TABLE_BYTES):
        if isinstance(file, Gap):
            yield file
        else:
            entries = crontab_entries(file.content, percent=not file.path.startswith(_BUSYBOX_SPOOL))
            yield from _table(files, file, entries, posixpath.basename(file.place), homes)


def cron_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Executable files in ``/etc/cron.hourly`` and the like: the whole file is the entry, root runs it.

    Source: run-parts(8), cron(8); ``/etc/periodic`` is Alpine's.
    """
    files = Files(host, "cron", AutostartKind.CRON_SCRIPT)
    yield from files.scripts(*_SCRIPTS, schedule=_how_often, user="root")


def _how_often(script: File) -> str:
    return posixpath.basename(posixpath.dirname(script.place)).removeprefix("cron.")


def anacron_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Jobs of ``/etc/anacrontab``; the schedule is a period in days and a delay in minutes.  Source: anacrontab(5)."""
    files = Files(host, "cron", AutostartKind.ANACRON)
    for file in files.texts("/etc/anacrontab"):
        if isinstance(file, Gap):
            yield file
        else:
            yield from _table(files, file, anacrontab_entries(file.content), "root", _homes(host))


def at_jobs(host: Host) -> Iterator[Autostart | Gap]:
    """Jobs of at(1) and batch(1) that wait or run; ``command`` is what was typed, without the saved environment.

    Source: at(1); the files' names hold queue, number and time: ``a00001019c8f6e``.
    """
    users: dict[int, Account] = {}
    for fact in accounts(host):
        if isinstance(fact, Account):
            users.setdefault(fact.uid, fact)
    files = Files(host, "cron", AutostartKind.AT)
    for file in files.texts(*_AT_SPOOLS):
        if isinstance(file, Gap):
            yield file
        elif name := _AT_JOB.fullmatch(posixpath.basename(file.place)):
            yield _at_job(files, file, int(name["minutes"], 16) * 60, users.get(file.stat.uid))


def _at_job(files: Files, file: File, due: int, user: Account | None) -> Autostart:
    directory, command = at_commands(file.content)
    return files.whole(
        file, command, schedule=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due)),
        user=user.name if user else str(file.stat.uid),
        programs=programs_of(f"{directory}\n{command}", home=user.home if user else None),
    )  # fmt: skip
