"""What cron, anacron and at run.

A line of a user's table: ``*/5 * * * * /usr/bin/backup --quiet``; the system's tables name the user before the command.
Source: crontab(5) and cron(8) of Debian, cronie and busybox, anacrontab(5), at(1), run-parts(8).
"""

from __future__ import annotations

import os
import posixpath
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from davy.collect.accounts import accounts
from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.folders import scripts_in
from davy.collect.autostarts.links import Links
from davy.collect.autostarts.tables import Bounds, entries
from davy.host import Gone, Host, HostError
from davy.knowledge.arguments import shell
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Account, Gap

TABLE_BYTES: Final = 1 << 20
"""What is read of one crontab."""
ENTRIES_LIMIT: Final = 5_000
"""Lines that are taken from one crontab."""
JOB_BYTES: Final = 256 << 10
"""What is read of one job of at(1), most of which is its environment."""
JOB_COMMAND: Final = 4096
"""Characters of a job's commands that are kept."""

_BUSYBOX_SPOOL: Final = "/etc/crontabs"
_SPOOLS: Final = (
    _BUSYBOX_SPOOL,  # Alpine, where /var/spool/cron/crontabs leads here
    "/var/spool/cron/crontabs",  # Debian
    "/var/spool/cron/tabs",  # SUSE
    "/var/spool/cron",  # Red Hat, Arch
    "/var/cron/tabs",
)
_NO_TABLES: Final = frozenset({"crontabs", "tabs", "atjobs", "atspool", "lastrun"})
"""Folders in /var/spool/cron that are no user's table."""
_SCRIPTS: Final = tuple((f"/etc/cron.{name}", name) for name in ("hourly", "daily", "weekly", "monthly", "yearly"))
_PERIODIC: Final = "/etc/periodic"
_AT_SPOOLS: Final = ("/var/spool/at", "/var/spool/cron/atjobs", "/var/spool/atjobs")


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


Parse = Callable[[str], Iterator["Entry"]]


class Entry(NamedTuple):
    """One line of a crontab that cron would take."""

    line: int
    text: str
    schedule: str
    user: str | None
    command: str
    """What the shell gets; from the first newline on it is the command's standard input."""


def crontab_entries(content: str, *, system: bool = False, percent: bool = True) -> Iterator[Entry]:
    """The entries of a crontab, amid whatever else: like cron, it passes over lines it cannot read.

    ``system`` for tables with a user's name before the command; ``percent`` where an unescaped ``%`` means a newline.
    """
    pattern = _SYSTEM_ENTRY if system else _USER_ENTRY
    for line, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        if entry := pattern.match(text.partition("\0")[0]):
            command = entry["command"].rstrip()
            if percent:
                command = _PERCENT.sub("\n", command).replace("\\%", "%")
            yield Entry(line, text, entry["schedule"], entry["user"] if system else None, command)


def anacrontab_entries(content: str) -> Iterator[Entry]:
    """The jobs of an anacrontab."""
    for line, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        if entry := _ANACRON_ENTRY.match(text.partition("\0")[0]):
            yield Entry(line, text, entry["schedule"], None, entry["command"].rstrip())


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


def _folder(host: Host, folder: str) -> Iterator[str | Gap]:
    """The paths in a folder, or why it cannot be listed; nothing where there is none."""
    try:
        yield from (f"{folder}/{name}" for name in host.root.names(folder))
    except Gone:
        return
    except HostError as error:
        yield Gap("cron", folder, str(error))


def _table(
    host: Host, path: str, kind: AutostartKind, parse: Parse, user: str | None, homes: Mapping[str, str]
) -> Iterator[Autostart | Gap]:
    """The entries of one file; ``user`` is who runs those that name nobody."""
    for found in entries(host, "cron", path, parse, Bounds(TABLE_BYTES, ENTRIES_LIMIT)):
        if isinstance(found, Gap):
            yield found
            continue
        entry, mtime = found
        whose = entry.user or user
        yield Autostart(
            kind=kind,
            path=path,
            line=entry.line,
            text=entry.text,
            command=entry.command,
            schedule=entry.schedule,
            user=whose,
            programs=_programs(entry.command, homes.get(whose or "")),
            mtime=mtime,
        )


def _homes(host: Host) -> dict[str, str]:
    return {fact.name: fact.home for fact in accounts(host) if isinstance(fact, Account) and fact.home[:1] == "/"}


def cron_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Cron lines of the system and of every user.

    Every file of ``/etc/cron.d`` is read, also those whose names some crons pass over (with a dot, say).
    Source: crontab(5), cron(8).
    """
    homes = _homes(host)
    system = partial(crontab_entries, system=True)
    for path in chain(("/etc/crontab",), _folder(host, "/etc/cron.d")):
        if isinstance(path, Gap):
            yield path
        else:
            yield from _table(host, path, AutostartKind.CRON, system, None, homes)
    for folder in Links(host.root).distinct(_SPOOLS):
        parse = partial(crontab_entries, percent=folder != _BUSYBOX_SPOOL)
        for path in _folder(host, folder):
            if isinstance(path, Gap):
                yield path
            elif not (folder == "/var/spool/cron" and posixpath.basename(path) in _NO_TABLES):
                yield from _table(host, path, AutostartKind.CRON, parse, posixpath.basename(path), homes)


def cron_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Executable files in ``/etc/cron.hourly`` and the like: the whole file is the entry, root runs it.

    Source: run-parts(8), cron(8); ``/etc/periodic`` is Alpine's.
    """
    folders = list(_SCRIPTS)
    for found in _folder(host, _PERIODIC):
        if isinstance(found, Gap):
            yield found
        else:
            folders.append((found, posixpath.basename(found)))
    for folder, schedule in folders:
        yield from scripts_in(host, "cron", AutostartKind.CRON_SCRIPT, folder, schedule=schedule)


def anacron_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Jobs of ``/etc/anacrontab``; the schedule is a period in days and a delay in minutes.  Source: anacrontab(5)."""
    yield from _table(host, "/etc/anacrontab", AutostartKind.ANACRON, anacrontab_entries, "root", _homes(host))


def at_jobs(host: Host) -> Iterator[Autostart | Gap]:
    """Jobs of at(1) and batch(1) that wait or run; ``command`` is what was typed, without the saved environment.

    Source: at(1); the files' names hold queue, number and time: ``a00001019c8f6e``.
    """
    users: dict[int, Account] = {}
    for fact in accounts(host):
        if isinstance(fact, Account):
            users.setdefault(fact.uid, fact)
    for folder in Links(host.root).distinct(_AT_SPOOLS):
        for path in _folder(host, folder):
            if isinstance(path, Gap):
                yield path
            elif name := _AT_JOB.fullmatch(posixpath.basename(path)):
                yield from _at_job(host, path, int(name["minutes"], 16) * 60, users)


def _at_job(host: Host, path: str, due: int, users: Mapping[int, Account]) -> Iterator[Autostart | Gap]:
    try:
        found = host.root.stat(path)
        data = host.root.read(path, JOB_BYTES + 1)
    except Gone:
        return
    except HostError as error:
        yield Gap("cron", path, str(error))
        return
    if len(data) > JOB_BYTES:
        yield Gap("cron", f"the rest of {path}", f"larger than {JOB_BYTES >> 10} KiB")
    directory, command = at_commands(os.fsdecode(data[:JOB_BYTES]))
    user = users.get(found.uid)
    yield Autostart(
        kind=AutostartKind.AT,
        path=path,
        command=command[:JOB_COMMAND],
        schedule=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due)),
        user=user.name if user else str(found.uid),
        programs=programs_of(f"{directory}\n{command}", home=user.home if user else None),
        mtime=found.mtime,
    )
