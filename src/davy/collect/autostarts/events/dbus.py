r"""Programs that a message bus starts when somebody sends a message to their name.

A file of ``/usr/share/dbus-1/system-services`` has in ``[D-BUS Service]``: ``Name=org.example.Backup``,
``Exec=/usr/libexec/backupd``, ``User=root``, ``SystemdService=backup.service``.
Source: D-Bus Specification ("Message Bus Starting Services"), dbus-daemon(1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.desktop_files import keys_of
from davy.collect.autostarts.reading import Entry, Files
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SYSTEM: Final = tuple(
    f"{folder}/dbus-1/system-services/*.service"
    for folder in ("/etc", "/run", "/usr/local/share", "/usr/share", "/lib")
)
_SESSION: Final = tuple(f"{folder}/dbus-1/services/*.service" for folder in ("/etc", "/usr/local/share", "/usr/share"))
_HOME_SESSION: Final = (
    ".local/share/dbus-1/services/*.service", ".local/share/flatpak/exports/share/dbus-1/services/*.service",
)  # fmt: skip


def dbus_entries(content: str) -> Iterator[Entry]:
    """What a service file starts.  ``activates`` is the unit that does it."""
    keys = keys_of(content, "D-BUS Service")
    command, unit = keys.get("Exec", "").strip(), keys.get("SystemdService", "").strip()
    if command or unit:
        yield Entry(
            command or unit, f"message to {keys.get('Name', '').strip() or 'its name'}",
            user=keys.get("User", "").strip() or None, activates=unit or None, programs=None if command else (),
        )  # fmt: skip


def dbus_services(host: Host) -> Iterator[Autostart | Gap]:
    """Services of the system's bus and of the users' buses."""
    files = Files(host, "D-Bus", AutostartKind.DBUS)
    for file in files.texts(*_SYSTEM, *_SESSION, own=_HOME_SESSION):
        if isinstance(file, Gap):
            yield file
        else:
            user = "root" if "/system-services/" in file.place else None
            yield from files.entries(file, dbus_entries(file.content), user=user)
