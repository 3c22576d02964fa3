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
from davy.collect.autostarts.homes import Home, homes
from davy.collect.autostarts.reading import Reading
from davy.collect.autostarts.written import Written
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SYSTEM: Final = tuple(
    f"{folder}/dbus-1/system-services" for folder in ("/etc", "/run", "/usr/local/share", "/usr/share", "/lib")
)
_SESSION: Final = tuple(f"{folder}/dbus-1/services" for folder in ("/etc", "/usr/local/share", "/usr/share"))
_HOME_SESSION: Final = (".local/share/dbus-1/services", ".local/share/flatpak/exports/share/dbus-1/services")
_SYSTEM_BUS: Final = Home("", "root")
_ANY_USER: Final = Home("", None)


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
    reading = Reading(host, "D-Bus", AutostartKind.DBUS)
    whose = dict.fromkeys(_SYSTEM, _SYSTEM_BUS) | dict.fromkeys(_SESSION, _ANY_USER)
    for home in homes(host, "D-Bus"):
        if isinstance(home, Gap):
            yield home
        else:
            whose |= {f"{home.path}/{folder}": home for folder in _HOME_SESSION if reading.may_hold(home.path, folder)}
    for place in reading.places(whose, suffix=".service"):
        if isinstance(place, Gap):
            yield place
        else:
            user, home_path = whose[place.given].user, whose[place.given].path or None
            parse = partial(dbus_entries, user=user)
            yield from reading.entries((place,), parse, home_path)
