"""Scripts that make the message of the day: ``/etc/update-motd.d/00-header``, executable, runs at every login.

Source: update-motd(5), pam_motd(8).
"""

from __future__ import annotations

from collections.abc import Iterator

from davy.collect.autostarts.reading import Files
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap


def motd_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Executable files that run-parts runs as root when somebody logs in."""
    files = Files(host, "motd", AutostartKind.MOTD)
    yield from files.scripts("/etc/update-motd.d/*", schedule="login", user="root")
