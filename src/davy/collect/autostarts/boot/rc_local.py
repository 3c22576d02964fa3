"""Command lines of ``rc.local`` and its like, which root's shell runs when the machine has started, and of inittab.

A line of ``/etc/rc.local``: ``/usr/local/bin/backup-agent &``.  Of ``/etc/inittab``:
``x1:2345:respawn:/usr/bin/x``; busybox leaves the first two fields empty.

Source: systemd-rc-local-generator(8), inittab(5), busybox init.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import Entry, File, Files, rows
from davy.host import Host
from davy.knowledge.arguments import base, shell
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

RC_FILES: Final = (
    "/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/rc.local", "/etc/init.d/boot.local", "/etc/init.d/after.local",
    "/etc/init.d/before.local", "/etc/init.d/halt.local", "/etc/rc.d/boot.local", "/etc/rc.local.shutdown",
    "/etc/rc.d/rc.local_shutdown", "/etc/rc", "/etc/rc.common",
)  # fmt: skip
_SHEBANG: Final = re.compile(r"#![ \t]*(?P<program>\S+)(?:[ \t]+(?P<argument>\S+))?")
_INITTAB: Final = re.compile(
    r"[ \t]*(?P<id>[^:#\n]*):(?P<levels>[^:\n]*):(?P<action>[^:\n]*):[+@]?(?P<process>[^\n]*\S)", re.DOTALL
)
_NO_PROCESS: Final = frozenset({"initdefault", "off"})


def rc_local_lines(host: Host) -> Iterator[Autostart | Gap]:
    """The command lines of each file; one that is no shell script is an entry as a whole.

    A file that is not executable starts nothing: its entries have no schedule.
    """
    files = Files(host, "rc.local", AutostartKind.RC_LOCAL)
    for file in files.texts(*RC_FILES):
        if isinstance(file, Gap):
            yield file
            continue
        when = "shutdown" if "shutdown" in file.place or "halt" in file.place else "boot"
        schedule = when if file.stat.mode & 0o111 else ""
        if _for_the_shell(file):
            yield from files.entries(file, shell_entries(file.content, home="/root"), schedule=schedule, user="root")
        else:
            yield files.whole(file, schedule=schedule, user="root")


def _for_the_shell(file: File) -> bool:
    """Whether a shell reads a script: the one that its first line names, or the system's where it names none."""
    if file.content.startswith("\x7fELF"):
        return False
    first = _SHEBANG.match(file.content)
    if first is None:
        return True
    program = base(first["program"])
    return shell(base(first["argument"]) if program == "env" and first["argument"] else program)


def inittab_entries(content: str) -> Iterator[Entry]:
    """The processes that an inittab has init start."""
    for row in rows(content):
        found = _INITTAB.match(row.text.partition("\0")[0])
        if found and found["action"] not in _NO_PROCESS:
            levels, action = found["levels"].strip(), found["action"].strip()
            schedule = f"{action} {levels}" if levels else action
            yield row.entry(found["process"].strip(), schedule, directory="/")


def inittab_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Processes that init starts, and starts again where the line says ``respawn``."""
    yield from Files(host, "inittab", AutostartKind.INITTAB).autostarts(inittab_entries, "/etc/inittab", user="root")
