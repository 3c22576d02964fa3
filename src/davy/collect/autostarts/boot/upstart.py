"""Jobs of Upstart, the init of Ubuntu 14.04 and Red Hat 6.

Of ``/etc/init/cron.conf``: ``start on runlevel [2345]``, ``exec cron``.  Instead of a command there may be shell text
between ``script`` and ``end script``, and before either stands ``pre-start`` or the like where it runs around the job.
Source: init(5) of Upstart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_JOBS: Final = ("/etc/init/*.conf", "/etc/init/*/*.conf", "/etc/init/*.override", "/usr/share/upstart/sessions/*.conf")
_HOME_JOBS: Final = (".config/upstart/*.conf", ".init/*.conf")
_SESSIONS: Final = "/usr/share/upstart/sessions/"
_MOMENT: Final = r"(?:(?:pre|post)-(?:start|stop)[ \t]+)?"
_EXEC: Final = re.compile(rf"{_MOMENT}exec[ \t]+(?P<command>\S.*)", re.DOTALL)
_SCRIPT: Final = re.compile(rf"{_MOMENT}script")
_USER: Final = re.compile(r"setuid[ \t]+(?P<user>\S+)")


class Job(NamedTuple):
    """What a job runs."""

    command: str
    """Its commands, and the lines of its scripts, one below the other."""
    starts: bool
    """Whether something starts it but a person."""
    user: str | None


def job(content: str) -> Job:
    """The job of a file; ``command`` is empty where it only waits for others."""
    commands: list[str] = []
    starts, script, user = False, False, None
    for row in rows(content, continued=True, joint=" "):
        line = row.whole.strip()
        if script:
            script = line != "end script"
            commands += [line] if script and line and not line.startswith("#") else []
        elif found := _EXEC.fullmatch(line):
            commands.append(found["command"])
        elif whose := _USER.fullmatch(line):
            user = whose["user"]
        else:
            script = bool(_SCRIPT.fullmatch(line))
            starts = starts or line.startswith("start on ")
    return Job("\n".join(commands), starts, user)


def upstart_jobs(host: Host) -> Iterator[Autostart | Gap]:
    """Jobs that run something, of the system, of every session and of each user; a job is taken out as a file."""
    files = Files(host, "Upstart", AutostartKind.INIT_SCRIPT)
    for file in files.texts(*_JOBS, own=_HOME_JOBS):
        if isinstance(file, Gap):
            yield file
            continue
        found = job(file.content)
        session = file.home is not None or file.place.startswith(_SESSIONS)
        if found.command:
            schedule = ("login" if session else "boot") if found.starts else ""
            user = found.user or (None if session else "root")
            yield files.whole(file, found.command, schedule=schedule, user=user)
