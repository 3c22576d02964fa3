r"""Programs that a message bus starts when somebody sends a message to their name.

A file of ``/usr/share/dbus-1/system-services`` has in ``[D-BUS Service]``: ``Name=org.example.Backup``,
``Exec=/usr/libexec/backupd``, ``User=root``, ``SystemdService=backup.service``.
Source: D-Bus Specification ("Message Bus Starting Services"), dbus-daemon(1).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from davy.collect.autostarts.desktop_files import keys_of
from davy.collect.autostarts.homes import homes
from davy.collect.autostarts.places import places
from davy.collect.autostarts.written import Written, entries_of
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SYSTEM: Final = tuple(
    f"{folder}/dbus-1/system-services" for folder in ("/etc", "/run", "/usr/local/share", "/usr/share", "/lib")
)
_SESSION: Final = tuple(f"{folder}/dbus-1/services" for folder in ("/etc", "/usr/local/share", "/usr/share"))
_HOME_SESSION: Final = (".local/share/dbus-1/services", ".local/share/flatpak/exports/share/dbus-1/services")


def dbus_entries(content: str, user: str | None = None) -> Iterator[Written]:
    """What a service file starts; ``user`` where the file names none.  ``activates`` is the unit that does it."""
    keys = keys_of(content, "D-BUS Service")
    command, unit = keys.get("Exec", "").strip(), keys.get("SystemdService", "").strip()
    if command or unit:
        yield Written(
            command=command or unit, schedule=f"message to {keys.get('Name', '').strip() or 'its name'}",
            user=keys.get("User", "").strip() or user, activates=unit or None, programs=None if command else (),
        )  # fmt: skip


def dbus_services(host: Host) -> Iterator[Autostart | Gap]:
    """Services of the system's bus and of the users' buses."""
    for folders, user in ((_SYSTEM, "root"), (_SESSION, None)):
        found = places(host, "D-Bus", folders, suffix=".service")
        yield from entries_of(host, "D-Bus", AutostartKind.DBUS, found, partial(dbus_entries, user=user))
    for home in homes(host, "D-Bus"):
        if isinstance(home, Gap):
            yield home
            continue
        found = places(host, "D-Bus", (f"{home.path}/{folder}" for folder in _HOME_SESSION), suffix=".service")
        parse = partial(dbus_entries, user=home.user)
        yield from entries_of(host, "D-Bus", AutostartKind.DBUS, found, parse, home.path)
